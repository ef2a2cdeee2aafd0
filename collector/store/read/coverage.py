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
    """The nodes, their gaps by number, and the register's present time.

    ``plain`` is how many nodes ``known_at`` leaves out; of these are ``unlisted`` those with no list since the moment,
    and the clock of none is further ahead than ``ahead``, in seconds.
    """

    now: datetime
    nodes: list[Facts]
    gaps: dict[int, list[GapRow]]
    plain: int = 0
    unlisted: frozenset[int] = frozenset()
    ahead: float = 0.0

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
"""
_ORDER: Final = "ORDER BY cluster, hostname, node"
# The nodes that are left out are counted here: thousands need not be told one by one with every answer.
_FACTS_AT: Final = f"""
    WITH facts AS MATERIALIZED (
        SELECT f.*, (
            f.state = 'observed' AND f.observed_since <= :at AND f.incomplete_since IS NULL
            AND f.conflict_since IS NULL AND NOT EXISTS (
                SELECT FROM gaps AS g
                WHERE g.node_id = f.node_id AND g.before > :at AND (g.after IS NULL OR g.after < :at)
            )
        ) IS TRUE AS plain
        FROM ({_FACTS}) AS f
    )
    SELECT a.*, f.* FROM (
        SELECT clock_timestamp(), count(*), array_agg(node_id) FILTER (WHERE listed_at IS NULL OR listed_at < :at),
            max(skew)
        FROM facts WHERE plain
    ) AS a LEFT JOIN facts AS f ON NOT f.plain {_ORDER}
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
        conn,
        (f"SELECT * FROM ({_FACTS}) AS f {_ORDER}", {"silent_after": silent_after}),
        (_GAPS, {"since": since, "until": until}),
    )
    now = rows[0][0] if rows else until
    return Known(now, [Facts(*facts) for _, *facts in rows], _gaps(missing))


async def known_at(conn: Asking, silent_after: float, at: datetime) -> Known:
    """Return as ``known``, but for the nodes that were plainly observed at the moment, and are now.

    These have been observed since before it, belonged to their cluster then, and have no gap there.
    """
    rows, missing = await asking.several(
        conn, (_FACTS_AT, {"silent_after": silent_after, "at": at}), (_GAPS, {"since": at, "until": at})
    )
    now, plain, unlisted, ahead = rows[0][:4]
    # Behind these four stand the time again, the facts, and whether they are plain: all NULL when every node is.
    nodes = [Facts(*row[5:-1]) for row in rows if row[-1] is not None]
    return Known(now, nodes, _gaps(missing), plain, frozenset(unlisted or ()), ahead or 0.0)


def _gaps(rows: asking.Rows) -> dict[int, list[GapRow]]:
    gaps: dict[int, list[GapRow]] = defaultdict(list)
    for node_id, reason, detail, after, before in rows:
        gaps[node_id].append(GapRow(reason, detail, after, before))
    return gaps


async def unresolved(conn: Asking, since: datetime, until: datetime) -> dict[int, int]:
    """Return, per node, how many containers' directories were not known at some moment of the window."""
    return dict(await asking.rows(conn, _UNRESOLVED, {"since": since, "until": until}))
