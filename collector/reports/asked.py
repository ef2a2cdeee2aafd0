"""What a report is asked for, and what its rows are read with."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from collector.lookup.filters import Filters
from collector.lookup.moments import Window
from collector.lookup.scope import Scope
from collector.reports.report import Column, Row
from protocol.memory import WindowCoverage
from protocol.reports import ReportName


@dataclass(frozen=True, slots=True)
class Context:
    """One transaction's scope, the window, what was observed in it, and whether the window ends now."""

    scope: Scope
    window: Window
    coverage: WindowCoverage
    until_now: bool


@dataclass(frozen=True, slots=True)
class Limits:
    """What a report is limited to: ``node`` (``""``: all), and what its kind made of the other filters."""

    node: str = ""
    filters: Filters = field(default_factory=Filters)
    other: Any = None


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of report.

    ``limits`` reads its filters ``key=value`` and a node's name; it raises ``ProblemError`` (``bad-request``).
    ``rows`` yields its rows; memory does not grow with their number. ``notes`` are sentences that stand in its head.
    """

    name: ReportName
    title: str
    columns: tuple[Column, ...]
    limits: Callable[[Sequence[str], str], Limits]
    rows: Callable[[Context, Limits], AsyncIterator[Row]]
    notes: tuple[str, ...] = ()
