"""A picture of cost against size, as SVG: lines, points and words, written as text."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Final

WIDTH: Final = 720
HEIGHT: Final = 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 170, 50, 60
_LABEL: Final = 44
"""Room for a number below the axis."""
_COLOURS: Final = ("#0b62a4", "#b5511c", "#3d7d3a")
_INK, _PALE = "#333", "#ddd"


def picture(title: str, across: str, up: str, sizes: Sequence[int], costs: Mapping[str, Sequence[float]]) -> str:
    """Return an SVG document: each of ``costs`` as a line over ``sizes``, both axes from zero.

    ``title``, ``across`` and ``up`` are the words above, below and beside it; a line's name stands at its end.
    """
    most = _ceiling(max(max(line) for line in costs.values()))
    widest = max(sizes)
    words = f'font-family="sans-serif" font-size="12" fill="{_INK}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {words}>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        _text(_LEFT, 24, title, size=15),
        _text(_LEFT, 42, up),
        _text((_LEFT + WIDTH - _RIGHT) / 2, HEIGHT - 14, across, anchor="middle"),
        *_grid(sizes, widest, most),
    ]
    for colour, (name, line) in zip(_COLOURS, costs.items(), strict=False):
        parts += _line(
            name, colour, [(_x(size, widest), _y(cost, most)) for size, cost in zip(sizes, line, strict=True)]
        )
    return "\n".join([*parts, "</svg>", ""])


def _grid(sizes: Sequence[int], widest: int, most: float) -> Iterator[str]:
    for step in range(5):
        value = most * step / 4
        y = _y(value, most)
        yield f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{WIDTH - _RIGHT}" y2="{y:.1f}" stroke="{_PALE}"/>'
        yield _text(_LEFT - 8, y + 4, f"{value:g}", anchor="end")
    free = 0.0
    for size in sizes:
        x = _x(size, widest)
        yield f'<line x1="{x:.1f}" y1="{_y(0, most)}" x2="{x:.1f}" y2="{_y(0, most) + 5}" stroke="{_INK}"/>'
        if x >= free:  # where two would touch, the mark of the second has to do
            yield _text(x, _y(0, most) + 20, f"{size:,}", anchor="middle")
            free = x + _LABEL


def _line(name: str, colour: str, points: Sequence[tuple[float, float]]) -> Iterator[str]:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    for x, y in points:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>'
    x, y = points[-1]
    yield _text(x + 10, y + 4, name, colour=colour)


def _text(x: float, y: float, words: str, *, anchor: str = "start", size: int = 12, colour: str = _INK) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} font-size="{size}" fill="{colour}">{escape(words)}</text>'


def _x(size: float, widest: float) -> float:
    return _LEFT + (WIDTH - _LEFT - _RIGHT) * size / widest


def _y(cost: float, most: float) -> float:
    return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * cost / most


def _ceiling(value: float) -> float:
    """Return the next number above that is easy to read: 1, 2 or 4 times a power of ten."""
    unit = 1.0
    while unit * 10 <= value:
        unit *= 10
    while unit > value:
        unit /= 10
    return next(unit * factor for factor in (1, 2, 4, 8, 10, 20) if unit * factor >= value)
