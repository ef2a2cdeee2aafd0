"""What a report is, whatever it is about and however it is rendered: a head, columns, and rows that come one by one."""

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from protocol.answers import Bounds
from protocol.reports import ReportHead

Cell = str | int | float | bool | Bounds | Sequence[str] | None
"""A value: text, a number, yes or no, a moment between two bounds, several texts, or nothing."""
Row = tuple[Cell, ...]
"""One cell for each column."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column. ``width`` is its share of a printed line; 0: only CSV and JSON have it.

    ``bounds``: its cells are moments with two bounds. ``about`` is for those who read the rows with a program.
    """

    name: str
    title: str
    width: float = 1.0
    bounds: bool = False
    about: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """A report before it is rendered; ``rows`` are read once."""

    head: ReportHead
    columns: tuple[Column, ...]
    rows: AsyncIterator[Row]


_OF_THE_REGISTER: Final = frozenset({"access", "enrolments", "integrity"})
"""Reports that no node has a say in."""
# What moves a cursor, breaks a line, or turns the direction of writing.
_UNSEEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def visible(text: str) -> str:
    r"""Return text with every character that cannot be seen, or that moves others, as an escape.

    >>> visible("a\nb")
    'a\\x0ab'
    """
    return text if text.isprintable() else _UNSEEN.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


_MOMENT: Final = re.compile(r"(\d{4}-\d\d-\d\d)T([\d:.]+Z)")


def lines(cell: Cell) -> list[str]:
    """Return a cell as it is printed: a moment as date and time, its two bounds and several texts below one another."""
    match cell:
        case Bounds(after=None, before=before):
            return [_printed(before), "or earlier"]
        case Bounds(after=after, before=before):
            return [f"after {_printed(after or '')}", f"until {_printed(before)}"]
        case str():
            return [_printed(visible(cell))]
        case None | bool() | int() | float():
            return [words(cell)]
        case _:
            return [visible(text) for text in cell]


def _printed(text: str) -> str:
    found = _MOMENT.fullmatch(text)
    return f"{found[1]} {found[2]}" if found else text


def words(cell: Cell) -> str:
    """Return a cell as people read it, in one line; bounds as ``(after, before]``."""
    match cell:
        case str():
            return visible(cell)
        case None:
            return ""
        case bool():
            return "yes" if cell else "no"
        case int() | float():
            return str(cell)
        case Bounds(after=None, before=before):
            return f"{before} or earlier"
        case Bounds(after=after, before=before):
            return f"after {after}, until {before}"
        case _:
            return ", ".join(visible(text) for text in cell)


def shown(columns: Sequence[Column]) -> list[int]:
    """Return the places of the columns that are printed."""
    return [place for place, column in enumerate(columns) if column.width > 0]


def facts(head: ReportHead) -> list[tuple[str, str]]:
    """Return what stands above the rows: labels and values, in order; a label can be repeated."""
    log = head.audit_log
    return [
        ("Window", f"after {head.since}, until {head.until}"),
        ("Filters", ", ".join(map(visible, head.filters)) or "none"),
        *_covered(head),
        ("Made", f"{head.generated_at} by {head.generator}"),
        ("Audit log", f"entry {log.seq}, chained {log.chained_at}, hash {log.hash}" if log.seq else "no entry yet"),
        ("Register", log.register),
        *(("Note", note) for note in head.notes),
    ]


def _covered(head: ReportHead) -> list[tuple[str, str]]:
    coverage = head.coverage
    nodes = "node" if coverage.nodes == 1 else "nodes"
    observed = f"{coverage.nodes_observed} of {coverage.nodes} {nodes} observed during the whole window"
    if head.name in _OF_THE_REGISTER:
        return [("Coverage", f"everything the register noted; it depends on no node ({observed})")]
    gaps = [("Not observed", gap) for gap in missing(head)]
    more = coverage.missing_total - len(coverage.missing)
    if more > 0:
        gaps.append(("Not observed", f"and {more} more such times; the report `coverage` lists all"))
    return [("Coverage", observed), *gaps]


def caution(head: ReportHead) -> str:
    """Return what has to be said before the rows of a report about nodes that were not all observed; else ``""``."""
    if head.coverage.complete or head.name in _OF_THE_REGISTER:
        return ""
    return (
        "Not everything was observed. What is missing here may have been there on a node, or at a time, that is named "
        "below."
    )


def nothing(head: ReportHead) -> str:
    """Return what stands in place of rows where there are none, so that nobody has to guess what that means."""
    matching = " that matches the filters" if head.filters else ""
    doubt = " That does not say that there was nothing: see what was not observed." if caution(head) else ""
    return f"There is nothing to list: the register has nothing of this in the window{matching}.{doubt}"


def running(head: ReportHead) -> str:
    """Return what stands at the foot of every printed page."""
    return f"{head.title}, {head.since} to {head.until}, {head.generator}"


def missing(head: ReportHead) -> list[str]:
    """Return the times in which nodes were not observed, one line each."""
    lines = []
    for one in head.coverage.missing:
        name = f"{one.hostname} ({one.node})" if one.hostname else one.node
        begin = f"after {one.after}" if one.after is not None else "ever before"
        end = f"until {one.before}" if one.before is not None else "and still"
        why = f"{one.reason} ({one.detail})" if one.detail else one.reason
        lines.append(visible(f"{name}: {why}, {begin}, {end}"))
    return lines
