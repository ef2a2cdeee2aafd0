"""Reports of records about the register itself: enrolments and tokens, who read, and whether the audit log holds."""

from collections.abc import AsyncIterator
from typing import Final

from collector.reports.asked import Context, Kind, Limits
from collector.reports.happenings import only_node
from collector.reports.report import Column, Row
from collector.store.read import enrolled
from protocol import times


async def _enrolments(context: Context, _limits: Limits) -> AsyncIterator[Row]:
    scope, window = context.scope, context.window
    node = scope.node.node if scope.node is not None else ""
    async for one in enrolled.everything(scope.conn, window.since, window.until, node):
        yield (
            times.to_text(one.at),
            times.to_text(one.last),
            one.what,
            one.outcome,
            one.cluster,
            one.node,
            one.hostname or one.node,
            one.token,
            one.role,
            one.address,
            one.attempts,
            one.comment,
        )


KINDS: Final = (
    Kind(
        "enrolments",
        "Enrolments and tokens",
        (
            Column("at", "When", 1.5),
            Column("last", "Last time", 1.5, about="of an enrolment that was tried several times"),
            Column("event", "What", 1.0),
            Column("outcome", "Outcome", 0.8, about="accepted, waiting, approved or refused"),
            Column("cluster", "Cluster", 0),
            Column("node", "Node ID", 1.5),
            Column("hostname", "Node", 1.0),
            Column("token", "Token", 0.9, about="the first digits of its SHA-256"),
            Column("role", "Role", 0.7),
            Column("address", "Address", 0.9),
            Column("attempts", "Attempts", 0.6),
            Column("comment", "Comment", 1.2),
        ),
        only_node,
        _enrolments,
        ("One token's attempts are one row; a request without the join secret is refused and not recorded here.",),
    ),
)
