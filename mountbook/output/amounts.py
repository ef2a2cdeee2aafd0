"""Sizes in words, as docker writes them: decimal units, three digits."""

from typing import Final

from mountbook.output.words import count
from protocol.sizes import NodeSize, Size

_UNITS: Final = ("B", "kB", "MB", "GB", "TB", "PB", "EB")


def human(size: int, exact: bool = False) -> str:
    """Return bytes in docker's units, or the number itself.

    >>> human(2_100_000_000), human(999_999), human(-5_300)
    ('2.1GB', '1MB', '-5.3kB')
    """
    if exact:
        return str(size)
    sign, value = ("-", -float(size)) if size < 0 else ("", float(size))
    unit = 0
    # What would be rounded to a thousand belongs to the next unit.
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value /= 1000
        unit += 1
    return f"{sign}{value:.3g}{_UNITS[unit]}"


def amount(size: Size | None, exact: bool = False) -> str:
    """Return what was measured; ``>`` before a lower bound, ``""`` for nothing, ``?`` for what was never measured."""
    if size is None or not size.entries:
        return ""
    if not size.measured:
        return "?"
    bound = ">" if size.measured < size.entries or size.partial else ""
    return bound + human(size.bytes, exact)


def one(size: int | None, *, partial: bool, exact: bool = False) -> str:
    """Return what a single thing costs, as ``amount``."""
    if size is None:
        return "?"
    return (">" if partial else "") + human(size, exact)


def grown(size: int | None, exact: bool = False) -> str:
    """Return growth with its sign; ``""`` when nobody asked."""
    if size is None:
        return ""
    return f"{'+' if size > 0 else ''}{human(size, exact)}"


def share(part: int, whole: int) -> str:
    """Return a part in percent, ``""`` of nothing (btrfs counts no inodes)."""
    return f"{100 * part / whole:.0f}%" if whole else ""


def unmeasured(size: Size) -> str:
    """Return what a sum leaves out, in a sentence, or ``""``."""
    missing = size.entries - size.measured
    said = []
    if missing:
        said.append(f"{missing} of {count(size.entries, 'entry', 'entries')} not measured yet")
    if size.partial:
        said.append(f"{size.partial} could not be read to the end")
    return f"{'; '.join(said)}: sums are lower bounds (>)" if said else ""


def totals(size: Size, what: str, nodes: list[NodeSize], exact: bool = False) -> str:
    """Return how many there are, where, and what they cost together."""
    if not size.entries:
        return f"no {what}s"
    text = f"{count(size.entries, what)} on {count(len(nodes), 'node')}, {amount(size, exact)} in all"
    left_out = unmeasured(size)
    return f"{text}; {left_out}" if left_out else text
