"""When each node was observed, and why not: worked out from what the register keeps; pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from collector.store.read.coverage import Facts, GapRow, Known
from protocol import times
from protocol.answers import Coverage, NodeState, SilentNode
from protocol.entries import Kind
from protocol.memory import NodeCoverage, Unobserved, WindowCoverage

LOST_EVENTS: Final = "lost-events"
"""The reason of a gap in which a counted number of events was lost; the node itself was observed."""
_PARTLY: Final = frozenset({"incomplete", "conflict", LOST_EVENTS})
"""Reasons with which something of the node was observed."""
_HEARD: Final = ("observed", "incomplete")
_TOGETHER: Final = timedelta(seconds=5)
"""The rows of one roster are written one after the other: nodes that were first named so close were named together."""


@dataclass(frozen=True, slots=True)
class Period:
    """Not, or not wholly, observed: after the one moment (None: ever before), until the other (None: it lasts)."""

    reason: str
    detail: str
    after: datetime | None
    before: datetime | None

    @property
    def whole(self) -> bool:
        """Whether nothing of the node was observed."""
        return self.reason not in _PARTLY

    @property
    def counts(self) -> bool:
        """Whether a container that was not found may have been there."""
        return (
            self.whole or self.reason == "conflict" or (self.reason == "incomplete" and self.detail == Kind.CONTAINER)
        )

    def holds(self, at: datetime) -> bool:
        """Whether the moment lies in it."""
        return (self.after is None or self.after < at) and (self.before is None or at < self.before)


@dataclass(frozen=True, slots=True)
class Membership:
    """From when (None: ever) until when (None: it does) a node belongs to its cluster."""

    begin: datetime | None
    end: datetime | None

    def holds(self, at: datetime) -> bool:
        """Whether the node belonged to its cluster then."""
        return (self.begin is None or self.begin <= at) and (self.end is None or at < self.end)


def membership(node: Facts) -> Membership:
    """Return when the node belonged to its cluster, as far as rosters and its own agent tell.

    A node that the first roster named may have been there ever before.
    """
    begin = None
    if node.named_at is not None and node.rosters_since is not None and node.named_at > node.rosters_since + _TOGETHER:
        begin = min(when for when in (node.named_at, node.observed_since) if when is not None)
    end = {"left": node.left_at, "superseded": node.superseded_at}.get(node.state)
    return Membership(begin, end)


def periods(node: Facts, gaps: Iterable[GapRow]) -> list[Period]:
    """Return when the node was not wholly observed, in order of their beginnings; they may overlap."""
    belongs = membership(node)
    found = [Period(gap.reason, gap.detail, gap.after, gap.before) for gap in gaps]
    if node.observed_since is None:
        reason, detail = ("incomplete", Kind.CONTAINER.value) if node.state == "incomplete" else ("never-seen", "")
        found.append(Period(reason, detail, belongs.begin, belongs.end))
    else:
        if belongs.begin is None or belongs.begin < node.observed_since:
            found.append(Period("never-seen", "", belongs.begin, node.observed_since))
        if node.state not in _HEARD:
            reason = node.state if node.state in ("down", "drained") else "silent"
            found.append(Period(reason, "", node.heard_at, belongs.end))
        if node.incomplete_since is not None:
            end = node.heard_at if node.state not in _HEARD else None
            found.append(Period("incomplete", Kind.CONTAINER.value, node.incomplete_since, end))
    if node.conflict_since is not None:
        found.append(Period("conflict", "", node.conflict_since, None))
    return sorted(found, key=lambda one: (one.after is not None, one.after or one.before))


def at(known: Known, when: datetime) -> Coverage:
    """Return which nodes were observed at a moment: the state of each is that of then."""
    observed = known.plain
    silent = []
    for node in known.nodes:
        if not membership(node).holds(when):
            continue
        missing = [one for one in periods(node, _gaps(known.gaps, node)) if one.counts and one.holds(when)]
        if not missing:
            observed += 1
            continue
        silent.append(_silent(node, min(missing, key=lambda one: not one.whole)))
    return Coverage(
        as_of=times.to_text(known.now),
        complete=observed > 0 and not silent,
        nodes_observed=observed,
        silent=silent,
        at=times.to_text(when),
    )


def over(
    known: Known, since: datetime, until: datetime, unresolved: Mapping[int, int], only: frozenset[int] | None = None
) -> WindowCoverage:
    """Return what was observed of each node after ``since``, until ``until``; ``only``: of these nodes."""
    rows = [
        row
        for node in known.nodes
        if only is None or node.node_id in only
        if (row := _node_over(node, _gaps(known.gaps, node), since, until, unresolved)) is not None
    ]
    whole = sum(not any(_counts(one) for one in row.unobserved) for row in rows)
    return WindowCoverage(
        since=times.to_text(since),
        until=times.to_text(until),
        as_of=times.to_text(known.now),
        complete=0 < len(rows) == whole,
        nodes_observed=whole,
        nodes=rows,
    )


def _node_over(
    node: Facts, gaps: Sequence[GapRow], since: datetime, until: datetime, unresolved: Mapping[int, int]
) -> NodeCoverage | None:
    belongs = membership(node)
    begin = since if belongs.begin is None else max(since, belongs.begin)
    end = until if belongs.end is None else min(until, belongs.end)
    if begin >= end:
        return None
    inside = [one for one in periods(node, gaps) if _clipped(one, begin, end) > timedelta()]
    missing = _union([one for one in inside if one.counts], begin, end)
    return NodeCoverage(
        cluster=node.cluster,
        node=node.node,
        hostname=node.hostname,
        state=node.state,
        observed=round(1 - missing / (end - begin), 6),
        observed_since=_text(node.observed_since),
        heard=_text(node.heard_at),
        unobserved=[
            Unobserved(
                reason=one.reason,
                detail=one.detail,
                after=_text(one.after),
                before=_text(one.before),
                whole=one.whole,
                seconds=round(_clipped(one, begin, end).total_seconds(), 3),
            )
            for one in inside
        ],
        lost_events=sum(int(one.detail) for one in inside if one.reason == LOST_EVENTS and one.detail.isdigit()),
        unresolved=unresolved.get(node.node_id, 0) if node.node_id is not None else 0,
        skew=node.skew,
    )


def _counts(one: Unobserved) -> bool:
    return one.whole or Period(one.reason, one.detail, None, None).counts


def _clipped(one: Period, begin: datetime, end: datetime) -> timedelta:
    """Return how much of the period lies between the two moments."""
    low = begin if one.after is None else max(begin, one.after)
    high = end if one.before is None else min(end, one.before)
    return max(timedelta(), high - low)


def _union(found: Sequence[Period], begin: datetime, end: datetime) -> timedelta:
    """Return how much of the time between the two moments lies in any of the periods (they are sorted)."""
    total = timedelta()
    reached = begin
    for one in found:
        low = reached if one.after is None else max(reached, one.after)
        high = end if one.before is None else min(end, one.before)
        if high > low:
            total += high - low
            reached = high
    return total


def _silent(node: Facts, why: Period) -> SilentNode:
    state: NodeState = "silent"
    if why.reason in ("never-seen", "down", "drained"):
        state = node.state if why.reason != "never-seen" else "never-seen"
    elif not why.whole:
        state = "incomplete"
    return SilentNode(
        cluster=node.cluster,
        node=node.node,
        hostname=node.hostname,
        state=state,
        since=_text(why.after),
        until=_text(why.before),
        reason=why.reason,
    )


def _gaps(gaps: Mapping[int, Sequence[GapRow]], node: Facts) -> Sequence[GapRow]:
    return gaps.get(node.node_id, ()) if node.node_id is not None else ()


def _text(when: datetime | None) -> str | None:
    return times.to_text(when) if when is not None else None
