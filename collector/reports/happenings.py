"""Reports of what happened: changes, and when nodes were not observed."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

from collector.lookup import changes
from collector.reports.asked import Context, Kind, Limits, knowing
from collector.reports.report import Column, Row
from protocol.memory import Change, Event, NodeCoverage

_ALL_THE_TIME: Final = "observed"


def _change_limits(texts: Sequence[str], node: str) -> Limits:
    asked = changes.asked(texts, node)
    return Limits(asked.node, other=asked)


async def _changes(context: Context, limits: Limits) -> AsyncIterator[Row]:
    async for one in changes.everything(context.scope, context.window, limits.other):
        yield _change(one)


def _change(one: Change) -> Row:
    died = next((event for event in reversed(one.events) if event.event == "died"), None)
    engine_at = next((event.engine_at for event in reversed(one.events) if event.engine_at), "")
    return (
        one.at,
        engine_at,
        one.cluster,
        one.node,
        one.hostname or one.node,
        [_told(event) for event in one.events],
        one.kind,
        one.name,
        one.key,
        one.image,
        one.service,
        one.stack,
        one.state,
        died.exit_code if died is not None else None,
        died.oom_killed if died is not None else None,
        one.ended,
        one.root,
    )


def _told(event: Event) -> str:
    match event.event:
        case "died":
            code = "" if event.exit_code is None else f" ({event.exit_code}{', OOM' if event.oom_killed else ''})"
            return f"died{code}"
        case "renamed":
            return f"renamed from {event.old}"
        case "changed":
            return f"changed: {' '.join(event.fields)}"
        case word:
            return word


async def _coverage(context: Context, _limits: Limits) -> AsyncIterator[Row]:
    for node in context.coverage.nodes:
        if not node.unobserved:
            yield _period(node, _ALL_THE_TIME, "", None, None, None)
        for one in node.unobserved:
            yield _period(node, one.reason, one.detail, one.after, one.before, one.seconds)


def _period(
    node: NodeCoverage, reason: str, detail: str, after: str | None, before: str | None, seconds: float | None
) -> Row:
    return (
        node.cluster,
        node.node,
        node.hostname or node.node,
        reason,
        detail,
        after if after is not None or reason == _ALL_THE_TIME else "ever before",
        before if before is not None or reason == _ALL_THE_TIME else "it lasts",
        seconds,
        round(100 * node.observed, 4),
        node.lost_events,
        node.unresolved,
        round(node.skew, 3) if node.skew is not None else None,
        node.state,
        node.observed_since,
        node.heard,
    )


KINDS: Final = (
    Kind(
        "changes",
        "Changes",
        (
            Column("at", "When", 1.6, bounds=True),
            Column("engine_at", "By the engine's clock", 1.7),
            Column("cluster", "Cluster", 0),
            Column("node", "Node ID", 0.9),
            Column("hostname", "Node", 0.9),
            Column("events", "What", 1.4),
            Column("kind", "Kind", 0.8),
            Column("name", "Name", 1.5),
            Column("key", "ID", 1.6),
            Column("image", "Image", 1.2),
            Column("service", "Service", 0.9),
            Column("stack", "Stack", 0),
            Column("state", "State", 0.7),
            Column("exit_code", "Exit code", 0),
            Column("oom_killed", "Out of memory", 0),
            Column(
                "ended",
                "Why the older version ended",
                0,
                about="changed, removed (its agent said so), absent in a list, or superseded with its node ID",
            ),
            Column("root", "Data root", 0),
        ),
        _change_limits,
        _changes,
    ),
    Kind(
        "coverage",
        "Coverage",
        (
            Column("cluster", "Cluster", 0),
            Column("node", "Node ID", 1.9),
            Column("hostname", "Node", 1.1),
            Column("reason", "Reason", 0.9, about="observed: nothing was missed in the whole window"),
            Column("detail", "Detail", 0.7),
            Column("after", "Not observed after", 1.6),
            Column("before", "Until", 1.6),
            Column("seconds", "Seconds in the window", 0.8),
            Column("observed_percent", "Observed, %", 0.7),
            Column("lost_events", "Lost events", 0.7),
            Column("unresolved", "Unresolved containers", 0.8),
            Column("skew", "Clock skew, s", 0.8, about="the node's clock minus PostgreSQL's, when last heard"),
            Column("state", "State now", 0.8),
            Column("observed_since", "Observed since", 0),
            Column("heard", "Last heard", 0),
        ),
        knowing("node"),
        _coverage,
        (
            "A node that was observed during the whole window has one row, with the reason observed.",
            "What an engine itself drops cannot be counted; the next full list mends it.",
        ),
    ),
)
