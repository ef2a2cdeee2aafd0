"""Makes a report of what the register holds: the scope, the head, and the rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from collector.errors import ProblemError
from collector.lookup import coverage
from collector.lookup.moments import Window, check_remembered
from collector.lookup.scope import window_scope
from collector.reports import contents, happenings, records
from collector.reports.asked import Context, Kind, Limits
from collector.reports.proof import Signing
from collector.reports.report import Report
from collector.store import ledger
from collector.store.engine import Connection
from collector.store.read import lives, nodes
from protocol import times
from protocol.memory import WindowCoverage
from protocol.problems import ProblemType
from protocol.reports import REPORTS, ChainHead, Missing, ReportCoverage, ReportHead
from protocol.version import RELEASE

_KINDS: Final = {kind.name: kind for kind in (*contents.KINDS, *happenings.KINDS, *records.KINDS)}
KINDS: Final = {name: _KINDS[name] for name in REPORTS}
"""Every report by its name."""

_MOST_TIME: Final = 600.0
"""Seconds that the database may take for one statement of a report, and its reader between two."""
_NAMED: Final = 20
"""Most times in which a node was not observed that a head names."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for, read but not looked up: parameters as they were given."""

    kind: Kind
    limits: Limits
    since: str
    until: str
    filters: tuple[str, ...]


def asked(name: str, *, since: str, until: str, filters: Sequence[str], node: str) -> Asked:
    """Read a request for a report.

    Raises:
        ProblemError: ``bad-request``: no report is called so (all are named), or a filter cannot be.
    """
    kind = next((kind for kind in KINDS.values() if kind.name == name), None)
    if kind is None:
        raise ProblemError(
            ProblemType.BAD_REQUEST,
            f"there is no report {name[:80]!r}; the reports are {', '.join(KINDS)}",
            field="name",
        )
    told = (*filters, f"node={node}") if node else tuple(filters)
    return Asked(kind, kind.limits(filters, node), since, until, told)


async def make(conn: Connection, silent_after: float, question: Asked, signing: Signing) -> Report:
    """Return the report, its rows still to be read on this connection.

    Raises:
        ProblemError: ``bad-request`` (a time or the window), ``not-found`` or ``ambiguous`` (the node).
    """
    await lives.take_time(conn, _MOST_TIME)
    since, until = question.since, question.until
    scope, window = await window_scope(conn, silent_after, node=question.limits.node, since=since, until=until)
    window = await _remembered(conn, window, since)
    observed = await coverage.over_window(conn, silent_after, window, scope.versions.node_ids)
    context = Context(scope, window, observed, until_now=not until, signing=signing, log=conn)
    kind = question.kind
    head = ReportHead(
        name=kind.name,
        title=kind.title,
        about=REPORTS[kind.name],
        since=times.to_text(window.since),
        until=times.to_text(window.until),
        filters=list(question.filters),
        generated_at=scope.coverage.as_of,
        generator=f"mountbook {RELEASE}",
        coverage=_summary(observed),
        audit_log=await _audit_log(conn),
        notes=list(kind.notes),
    )
    return Report(head, kind.columns, kind.rows(context, question.limits))


async def _audit_log(conn: Connection) -> ChainHead:
    head = await ledger.head(conn)
    return ChainHead(
        register=str(head.register), seq=head.seq, hash=head.hash.hex(), chained_at=times.to_text(head.chained_at)
    )


async def _remembered(conn: Connection, window: Window, since: str) -> Window:
    """Return the window, which begins with the first record at the earliest: then what was asked for is refused.

    Raises:
        ProblemError: ``bad-request``: its beginning was given, and lies before the first record.
    """
    first = await nodes.first_record(conn)
    if first is None or window.since >= first:
        return window
    if since:
        check_remembered(window.since, first, "since")
    return Window(min(first, window.until), window.until)


def _summary(observed: WindowCoverage) -> ReportCoverage:
    found = [
        Missing(
            cluster=node.cluster,
            node=node.node,
            hostname=node.hostname,
            reason=one.reason,
            detail=one.detail,
            after=one.after,
            before=one.before,
        )
        for node in observed.nodes
        for one in node.unobserved
    ]
    return ReportCoverage(
        complete=observed.complete,
        nodes=len(observed.nodes),
        nodes_observed=observed.nodes_observed,
        missing=found[:_NAMED],
        missing_total=len(found),
    )
