"""Tables and blocks, aligned as docker aligns them; in colour, and measured by rich, only on a terminal."""

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import click

_GAP: Final = "   "
_COLOURS: Final = {
    "running": "green",
    "observed": "green",
    "silent": "red",
    "never-seen": "red",
    "down": "red",
    "dead": "red",
    "conflict": "red",
    "ghost": "yellow",
    "ok": "green",
    "problem": "red",
    "restarting": "yellow",
    "paused": "yellow",
}
"""Colours of states, by their word."""

Row = Sequence[str]
Field = tuple[str, str | Sequence[str]]


def on_terminal() -> bool:
    """Return whether standard output is a terminal."""
    return sys.stdout.isatty()


def colourful() -> bool:
    """Return whether to write in colour: on a terminal that can, and nobody set ``NO_COLOR`` (no-color.org)."""
    return on_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def terminal_width() -> int:
    """Return the columns of the terminal (80 when it does not say)."""
    import shutil

    return shutil.get_terminal_size().columns


def write_lines(written: Iterable[str]) -> None:
    """Write lines as they come, through Python's buffer: ``click.echo`` would flush each of a hundred thousand."""
    for line in written:
        sys.stdout.write(line + "\n")


def write_table(titles: Row, rows: Sequence[Row]) -> None:
    """Write rows below their titles; no cell is ever cut."""
    click.echo("\n".join(lines(titles, rows, colour=colourful())))


def lines(titles: Row, rows: Sequence[Row], *, colour: bool = False) -> list[str]:
    """Return the table as lines of text: columns padded to their widest cell, three spaces apart."""
    width_of = _cell_width()
    table = [titles, *rows]
    widths = [max(width_of(row[column]) for row in table) for column in range(len(titles))]
    written = []
    for number, row in enumerate(table):
        padding = [_GAP + " " * (width - width_of(cell)) for cell, width in zip(row, widths, strict=True)]
        cells = [_coloured(cell, number == 0) for cell in row] if colour else row
        written.append("".join(part for pair in zip(cells, padding, strict=True) for part in pair).rstrip())
    return written


def _cell_width() -> Callable[[str], int]:
    """Return what measures a cell: terminals give East Asian characters two columns, and only rich knows which."""
    if not on_terminal():
        return len
    from rich.cells import cell_len

    return cell_len


def _coloured(cell: str, is_title: bool) -> str:
    return (
        click.style(cell, bold=True) if is_title else click.style(cell, fg=_COLOURS[cell]) if cell in _COLOURS else cell
    )


def fits(titles: Row, rows: Sequence[Row]) -> bool:
    """Return whether the table fits the terminal; anything but a terminal is as wide as it needs to be."""
    return not on_terminal() or max(map(_cell_width(), lines(titles, rows))) <= terminal_width()


def write_blocks(blocks: Sequence[Sequence[Field]]) -> None:
    """Write each block as one field a line, an empty line between blocks; fields without a value are left out."""
    click.echo("\n\n".join("\n".join(block_lines(block)) for block in blocks))


def block_lines(block: Sequence[Field]) -> list[str]:
    """Return one block: labels in a column, several values of one label below one another."""
    present = [(label, [values] if isinstance(values, str) else list(values)) for label, values in block]
    present = [(label, values) for label, values in present if any(values)]
    width = max((len(label) for label, _ in present), default=0) + 1
    return [
        _label(f"{label}:" if index == 0 else "", width) + value
        for label, values in present
        for index, value in enumerate(values)
    ]


def _label(text: str, width: int) -> str:
    padding = " " * (width - len(text) + 1)
    return (click.style(text, bold=True) if text and colourful() else text) + padding
