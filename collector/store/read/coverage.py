"""What decides when each node was observed: its beginning and end, its last heartbeat, and its gaps."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from collector.store import asking
from collector.store.asking import Asking
from collector.store.read.nodes import STATES, SUPERSEDED_AT
from collector.store.read.versions import Former
from protocol.answers import NodeState


class Facts(NamedTuple):
    """One node. Times are the register's.

    ``node_id`` is None for a node that only a roster names. ``listed_at`` is its last complete list or event;
    ``named_at`` and ``left_at`` are the first roster that named it and the first that no longer did, ``rosters_since``
    the first roster of its cluster; ``superseded_at``: since then another node speaks for its engine.
    ``incomplete_since``: since then its containers could not be listed to the end; ``conflict_since`` and
    ``conflict_seen``: two agents have spoken for it, and last did. The fields have the order of ``_FACTS``.
    """

    node_id: int | None
    cluster: str
    node: str
    hostname: str
    state: NodeState
    observed_since: datetime | None
    heard_at: datetime | None
    listed_at: datetime | None
    named_at: datetime | None
    left_at: datetime | None
    rosters_since: datetime | None
    superseded_at: datetime | None
    incomplete_since: datetime | None
    conflict_since: datetime | None
    conflict_seen: datetime | None
    skew: float | None


@dataclass(frozen=True, slots=True)
class GapRow:
    """A row of ``tables.gaps``."""

    reason: str
    detail: str
    after: datetime | None
    before: datetime


@dataclass(frozen=True, slots=True)
class Known:
    """The nodes, their gaps by number, and the register's present time."""

    now: datetime
    nodes: list[Facts]
    gaps: dict[int, list[GapRow]]

    @property
    def former(self) -> tuple[Former, ...]:
        """The node IDs that are superseded, as ``nodes.former`` finds them."""
        return tuple(
            Former(node.node_id, min(node.listed_at or node.superseded_at, node.superseded_at), node.superseded_at)
            for node in self.nodes
            if node.node_id is not None and node.superseded_at is not None
        )


_FACTS: Final = f"""
    SELECT clock_timestamp() AS now, s.id AS node_id, s.cluster, s.node, s.hostname, s.state, n.observed_since,
        s.heard_at, greatest(n.listed_at, h.listed_at) AS listed_at, r.first_at AS named_at, r.left_at,
        o.rosters_since,
        CASE WHEN s.state = 'superseded' THEN {SUPERSEDED_AT} END AS superseded_at,
        CASE WHEN n.listed_at IS NOT NULL AND 'container' <> ALL(n.complete)
            THEN coalesce((n.enumerated ->> 'container')::timestamptz, n.observed_since) END AS incomplete_since,
        n.conflict_since, n.conflict_seen, h.skew
    FROM ({STATES}) AS s LEFT JOIN nodes AS n ON n.id = s.id LEFT JOIN node_heartbeats AS h ON h.node_id = s.id
        LEFT JOIN roster_nodes AS r ON r.cluster = s.cluster AND r.node = s.node
        LEFT JOIN (SELECT cluster, min(first_at) AS rosters_since FROM roster_nodes GROUP BY cluster) AS o
            ON o.cluster = s.cluster
    ORDER BY s.cluster, s.hostname, s.node
"""
_GAPS: Final = (
    "SELECT node_id, reason, detail, after, before FROM gaps "
    "WHERE before > :since AND (after IS NULL OR after < :until) ORDER BY node_id, before, id"
)
_UNRESOLVED: Final = (
    "SELECT node_id, count(DISTINCT entry_id) FROM ("
    "SELECT node_id, entry_id, doc FROM entries WHERE kind = 'container' AND mount_id IS NULL "
    "AND (began_after IS NULL OR began_after < :until) UNION ALL "
    "SELECT node_id, entry_id, doc FROM history WHERE kind = 'container' AND mount_id IS NULL "
    "AND ended_before > :since AND (began_after IS NULL OR began_after < :until)) AS v "
    "WHERE coalesce(doc ->> 'resolved_by', 'unresolved') = 'unresolved' GROUP BY node_id"
)


async def known(conn: Asking, silent_after: float, since: datetime, until: datetime) -> Known:
    """Return every node that the register knows, with the gaps that have to do with the window."""
    rows, missing = await asking.several(
        conn, (_FACTS, {"silent_after": silent_after}), (_GAPS, {"since": since, "until": until})
    )
    gaps: dict[int, list[GapRow]] = defaultdict(list)
    for node_id, reason, detail, after, before in missing:
        gaps[node_id].append(GapRow(reason, detail, after, before))
    now = rows[0][0] if rows else until
    return Known(now, [Facts(*facts) for _, *facts in rows], gaps)


async def unresolved(conn: Asking, since: datetime, until: datetime) -> dict[int, int]:
    """Return, per node, how many containers' directories were not known at some moment of the window."""
    return dict(await asking.rows(conn, _UNRESOLVED, {"since": since, "until": until}))
