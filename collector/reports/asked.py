"""What a report is asked for, and what its rows are read with."""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from collector.errors import ProblemError
from collector.lookup.filters import Filters
from collector.lookup.moments import Window
from collector.lookup.scope import Scope
from collector.reports.proof import Signing
from collector.reports.report import Column, Row
from collector.store.engine import Connection
from protocol.memory import WindowCoverage
from protocol.problems import ProblemType
from protocol.reports import ReportName


@dataclass(frozen=True, slots=True)
class Context:
    """One transaction's scope, the window, what was observed in it, whether it ends now, and how the log is signed.

    ``log`` is where the audit log is read: the same transaction.
    """

    scope: Scope
    window: Window
    coverage: WindowCoverage
    until_now: bool
    signing: Signing
    log: Connection


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


def knowing(*keys: str) -> Callable[[Sequence[str], str], Limits]:
    """Return what reads filters with these keys and no others: the same key again means *or*, another *and*.

    A ``node`` is looked up by whoever reads them; of the others ``Limits.other`` has the values.
    """

    def read(texts: Sequence[str], node: str) -> Limits:
        wanted: dict[str, set[str]] = defaultdict(set)
        nodes = {node} - {""}
        for text in texts:
            key, equals, value = text.partition("=")
            if not equals or not value or key not in keys:
                known = ", ".join(f"{name}=…" for name in keys) or "none"
                raise _bad(f"{text!r} is no filter of this report; its filters are: {known}")
            if key == "node":
                nodes.add(value)
            else:
                wanted[key].add(value)
        if nodes and "node" not in keys:
            raise _bad("this report is not about nodes")
        if len(nodes) > 1:
            raise _bad(f"one node at a time: {', '.join(sorted(nodes))} were named")
        return Limits(nodes.pop() if nodes else "", other=dict(wanted))

    return read


def _bad(detail: str) -> ProblemError:
    return ProblemError(ProblemType.BAD_REQUEST, detail, field="filter")
