"""Reports of the audit log: who read what, who may speak for a node, and whether the log itself holds."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from collector.reports import proof
from collector.reports.asked import Context, Kind, Limits, knowing
from collector.reports.report import Column, Row
from collector.store.ledger import AuditKind
from collector.store.read import audited
from protocol import times

_ENROLMENTS: Final = (AuditKind.ENROLMENT, AuditKind.TOKEN, AuditKind.CONFLICT)


async def _found(context: Context, kinds: Sequence[AuditKind], wanted: dict[str, set[str]]) -> AsyncIterator[Any]:
    window = context.window
    async for one in audited.everything(context.scope.conn, kinds, window.since, window.until):
        if all(_text(one.told, key) in values for key, values in wanted.items()):
            yield one


async def _access(context: Context, limits: Limits) -> AsyncIterator[Row]:
    async for one in _found(context, [AuditKind.ACCESS], limits.other):
        told = one.told
        yield (
            times.to_text(one.at),
            _text(told, "who"),
            _text(told, "role"),
            _text(told, "address"),
            _text(told, "question"),
            told.get("status"),
            told.get("rows"),
            one.seq,
        )


async def _enrolments(context: Context, limits: Limits) -> AsyncIterator[Row]:
    scope = context.scope
    wanted = dict(limits.other)
    if scope.node is not None:
        wanted["node"] = {scope.node.node}
    async for one in _found(context, _ENROLMENTS, wanted):
        told = one.told
        yield (
            times.to_text(one.at),
            one.kind,
            _text(told, "outcome") or _text(told, "action"),
            _text(told, "cluster"),
            _text(told, "node"),
            _text(told, "hostname"),
            _text(told, "token"),
            _text(told, "role"),
            _text(told, "address"),
            _text(told, "comment"),
            _text(told, "instance"),
            one.seq,
        )


def _text(told: dict[str, Any], key: str) -> str:
    value = told.get(key)
    return "" if value is None else str(value)


async def _integrity(context: Context, _limits: Limits) -> AsyncIterator[Row]:
    async for check in proof.checks(context.log, context.window, context.signing):
        yield check.what, check.result, check.detail


_ENTRY: Final = Column("entry", "Entry", 0.5, about="its number in the audit log; empty: not chained yet")

KINDS: Final = (
    Kind(
        "access",
        "Access log",
        (
            Column("at", "When", 1.4),
            Column("who", "Who", 1.2, about="the comment of the token, else the first digits of its SHA-256"),
            Column("role", "Role", 0.6),
            Column("address", "From", 1.0),
            Column("question", "Question", 3.6),
            Column("status", "Status", 0.5, about="of HTTP: 200 answered, 4xx refused"),
            Column("rows", "Results", 0.6, about="empty where it was not known before the answer left"),
            _ENTRY,
        ),
        knowing("who", "role", "address"),
        _access,
    ),
    Kind(
        "enrolments",
        "Enrolments and tokens",
        (
            Column("at", "When", 1.4),
            Column("event", "What", 0.8, about="enrolment, token, or conflict: two agents speak for one node"),
            Column("outcome", "Outcome", 0.8),
            Column("cluster", "Cluster", 0),
            Column("node", "Node ID", 1.6),
            Column("hostname", "Node", 1.0),
            Column("token", "Token", 0.9, about="the first digits of its SHA-256"),
            Column("role", "Role", 0.7),
            Column("address", "From", 0.9),
            Column("comment", "Comment", 1.3),
            Column("instance", "Other agent", 0),
            _ENTRY,
        ),
        knowing("node", "outcome", "token", "role", "address"),
        _enrolments,
        ("A request that does not know the join secret is refused before anything is recorded.",),
    ),
    Kind(
        "integrity",
        "Integrity of the audit log",
        (Column("check", "Check", 1.0), Column("result", "Result", 0.6), Column("detail", "Detail", 4.0)),
        knowing(),
        _integrity,
        (
            "This is the collector's own word.",
            "`mountbook verify` proves the same without the collector, with checkpoints that were copied elsewhere.",
        ),
    ),
)
