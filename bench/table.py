"""What a measurement says, and the one table that shows all of them."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

HEADINGS = ("", "what", "ours", "yardstick", "ratio", "goal", "holds")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the scorecard. ``ratio`` is None for a row without a yardstick, ``holds`` where nothing was measured.

    ``ours`` and ``yardstick`` are shown, never compared: machines differ, and so do two minutes on one machine.
    """

    number: str
    what: str
    ours: str
    yardstick: str = "–"
    ratio: float | None = None
    goal: str = "–"
    holds: bool | None = None

    def cells(self) -> tuple[str, ...]:
        """Return the line's texts, one for each heading."""
        ratio = "–" if self.ratio is None else f"{self.ratio:.2f}"
        return self.number, self.what, self.ours, self.yardstick, ratio, self.goal, _HOLDS[self.holds]


_HOLDS: dict[bool | None, Literal["yes", "NO", "–"]] = {True: "yes", False: "NO", None: "–"}


def at_most(number: str, what: str, unit: str, pairs: Sequence[tuple[float, float]], goal: float) -> Row:
    """Return the line of pairs (ours, yardstick) measured in turn: the median of the ratios must be ``goal`` or less.

    ``unit`` is ``s``, ``ms`` or ``µs``; the pairs are in seconds.
    """
    ratio = statistics.median(ours / yardstick for ours, yardstick in pairs)
    ours, yardstick = (statistics.median(side) for side in zip(*pairs, strict=True))
    return Row(number, what, _time(ours, unit), _time(yardstick, unit), ratio, f"≤ {goal:g} ×", ratio <= goal)


def _time(seconds: float, unit: str) -> str:
    return f"{seconds * {'s': 1.0, 'ms': 1e3, 'µs': 1e6}[unit]:.3g} {unit}"


def written(rows: Iterable[Row]) -> str:
    """Return the table as text."""
    lines = [HEADINGS, *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )
