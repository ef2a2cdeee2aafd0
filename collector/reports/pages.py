"""Pages of a PDF: lines of text and a table that goes on over as many pages as it needs.

Drawn with reportlab's canvas and the fonts that every reader of PDF has. They know the characters of Windows-1252;
others are written as escapes, and the CSV has them.
"""

from collections.abc import Sequence
from functools import cache
from io import BytesIO
from typing import Any, Final

from reportlab.lib.pagesizes import A4, landscape
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

PLAIN: Final = "Helvetica"
BOLD: Final = "Helvetica-Bold"
_WIDTH, _HEIGHT = landscape(A4)
_LEFT: Final = 34.0
_TOP: Final = _HEIGHT - 34.0
_BOTTOM: Final = 46.0
_SPACE: Final = _WIDTH - 2 * _LEFT
_GAP: Final = 6.0
_SIGNS: Final = frozenset("/-.:_@=&?,;")
_LINES: Final = 12
"""Most lines of one cell: what is longer ends with three dots."""


class Pages:
    """Pages, drawn from the top of the first to the end of the last. ``running`` stands at the foot of each."""

    def __init__(self, title: str, author: str, running: str) -> None:
        self._file = BytesIO()
        self._canvas: Any = Canvas(self._file, pagesize=(_WIDTH, _HEIGHT), pageCompression=1)
        self._canvas.setTitle(drawable(title))
        self._canvas.setAuthor(drawable(author))
        self._canvas.setCreator(drawable(author))
        self._running = drawable(running)
        self._page = 1
        self._y = _TOP
        # One for all the text of a page: one for each line costs more than the line.
        self._text: Any = self._canvas.beginText()
        self._font = ("", 0.0)

    def text(self, text: str, *, size: float = 9.0, font: str = PLAIN, indent: float = 0.0, after: float = 2.0) -> None:
        """Draw a paragraph."""
        for line in wrapped(drawable(text), font, size, _SPACE - indent):
            self._need(size * 1.3)
            self._y -= size * 1.3
            self._write(_LEFT + indent, line, font, size)
        self._y -= after

    def facts(self, lines: Sequence[tuple[str, str]], *, size: float = 9.0, indent: float = 80.0) -> None:
        """Draw labels and values; a label that is repeated is drawn once."""
        before = ""
        for label, value in lines:
            pieces = wrapped(drawable(value), PLAIN, size, _SPACE - indent)
            self._need(size * 1.3)
            if label != before:
                self._write(_LEFT, drawable(label), BOLD, size, self._y - size * 1.3)
            for piece in pieces:
                self._need(size * 1.3)
                self._y -= size * 1.3
                self._write(_LEFT + indent, piece, PLAIN, size)
            before = label
        self._y -= 8

    def table(
        self, titles: Sequence[str], shares: Sequence[float], rows: Sequence[Sequence[str]], *, size: float = 6.8
    ) -> None:
        """Draw a table; its titles are repeated on every page. ``shares`` are the columns' shares of the width."""
        unit = (_SPACE - _GAP * (len(shares) - 1)) / sum(shares)
        widths = [share * unit for share in shares]
        lefts = [_LEFT + sum(widths[:place]) + _GAP * place for place in range(len(widths))]
        self._titles(titles, lefts, widths, size)
        for row in rows:
            cells = [_cell(text, size, width) for text, width in zip(row, widths, strict=True)]
            height = max(map(len, cells), default=1) * size * 1.25 + 3
            if self._y - height < _BOTTOM:
                self._break()
                self._titles(titles, lefts, widths, size)
            self._draw(cells, lefts, PLAIN, size)
            self._rule(0.25, 0.75)

    def end(self) -> bytes:
        """Return the document."""
        self._foot()
        self._canvas.showPage()
        # Drawn by every page, known only now.
        self._canvas.beginForm("pages")
        self._canvas.setFont(PLAIN, 7)
        self._canvas.drawString(0, 0, str(self._page))
        self._canvas.endForm()
        self._canvas.save()
        return self._file.getvalue()

    def _titles(self, titles: Sequence[str], lefts: Sequence[float], widths: Sequence[float], size: float) -> None:
        cells = [wrapped(drawable(text), BOLD, size, width) for text, width in zip(titles, widths, strict=True)]
        self._need(max(map(len, cells), default=1) * size * 1.25 + 40)
        self._draw(cells, lefts, BOLD, size)
        self._rule(0.8, 0.0)

    def _draw(self, cells: Sequence[Sequence[str]], lefts: Sequence[float], font: str, size: float) -> None:
        for lines, left in zip(cells, lefts, strict=True):
            for number, line in enumerate(lines, 1):
                self._write(left, line, font, size, self._y - number * size * 1.25)
        self._y -= max(map(len, cells), default=1) * size * 1.25 + 3

    def _rule(self, width: float, grey: float) -> None:
        self._canvas.setLineWidth(width)
        self._canvas.setStrokeGray(grey)
        self._canvas.line(_LEFT, self._y, _LEFT + _SPACE, self._y)
        self._y -= 1

    def _write(self, x: float, text: str, font: str, size: float, y: float | None = None) -> None:
        if self._font != (font, size):
            self._text.setFont(font, size)
            self._font = (font, size)
        self._text.setTextOrigin(x, self._y if y is None else y)
        self._text.textOut(text)

    def _need(self, height: float) -> None:
        if self._y - height < _BOTTOM:
            self._break()

    def _break(self) -> None:
        self._foot()
        self._canvas.showPage()
        self._page += 1
        self._y = _TOP
        self._text = self._canvas.beginText()
        self._font = ("", 0.0)

    def _foot(self) -> None:
        self._canvas.setStrokeGray(0)
        self._canvas.setLineWidth(0.5)
        self._canvas.line(_LEFT, 32, _LEFT + _SPACE, 32)
        self._write(_LEFT, self._running, PLAIN, 7, 22)
        text = f"page {self._page} of "
        right = _LEFT + _SPACE - stringWidth(text, PLAIN, 7) - 22
        self._write(right, text, PLAIN, 7, 22)
        self._canvas.drawText(self._text)
        self._canvas.saveState()
        self._canvas.translate(right + stringWidth(text, PLAIN, 7), 22)
        self._canvas.doForm("pages")
        self._canvas.restoreState()


def drawable(text: str) -> str:
    r"""Return text with every character that the fonts lack as an escape.

    >>> drawable("web 中")
    'web \\u4e2d'
    """
    return text if text.isascii() else text.encode("cp1252", "backslashreplace").decode("cp1252")


def wrapped(text: str, font: str, size: float, width: float) -> list[str]:
    """Return text in lines that are no wider.

    It is broken at the last space, else behind the last sign that parts words of a name or path, if that leaves no
    line nearly empty; else anywhere.
    """
    widths = _widths(font)
    room = width / size
    lines = []
    begin, space, sign, used = 0, 0, 0, 0.0
    for place, char in enumerate(text):
        used += widths[char]
        if char == " ":
            space = place
        if used > room and place > begin:
            filled = place - begin
            cut = space if space > begin + filled // 3 else sign if sign > begin + filled // 2 else place
            lines.append(text[begin:cut].strip())
            begin = cut
            used = sum(widths[one] for one in text[cut : place + 1])
        if char in _SIGNS:
            sign = place + 1
    return [*lines, text[begin:].strip()]


@cache
def _widths(font: str) -> dict[str, float]:
    """Return the width of every character of the font, at size 1: asking for one text's costs too much for a table."""
    known = bytes(range(256)).decode("cp1252", "ignore")
    return {char: stringWidth(char, font, 1) for char in known}


def _cell(text: str, size: float, width: float) -> list[str]:
    lines = [line for part in text.split("\n") for line in wrapped(drawable(part), PLAIN, size, width)]
    return lines if len(lines) <= _LINES else [*lines[: _LINES - 1], "..."]
