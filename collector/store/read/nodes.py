"""Nodes: what is known of them, and which are observed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, cast

import msgspec

from collector.store import asking
from collector.store.asking import Asking
from collector.store.read.versions import Former, Versions, prefix
from protocol import times
from protocol.answers import Coverage, NodeRef, NodeRow, NodeState, RosterRead, SilentNode

SUPERSEDED_AT: Final = """(
    SELECT min(m.observed_since) FROM nodes AS m WHERE m.cluster = n.cluster AND m.engine_id = n.engine_id
        AND n.engine_id <> '' AND m.id <> n.id AND m.observed_since > coalesce(h.heard_at, '-infinity')
)"""
"""When another node ID with the same engine was observed for the first time, after the last word of this one; of
``nodes AS n`` with ``node_heartbeats AS h``. Two that were heard at the same time are copies: none supersedes another.
"""

STATES: Final = f"""
    SELECT n.id, coalesce(n.cluster, r.cluster) AS cluster, coalesce(n.node, r.node) AS node,
        coalesce(nullif(n.hostname, ''), r.hostname, '') AS hostname, h.heard_at,
        CASE
            WHEN h.heard_at > clock_timestamp() - make_interval(secs => :silent_after) AND n.listed_at IS NOT NULL
                THEN CASE WHEN 'container' = ANY(n.complete) THEN 'observed' ELSE 'incomplete' END
            WHEN {SUPERSEDED_AT} IS NOT NULL THEN 'superseded'
            WHEN r.left_at IS NOT NULL THEN 'left'
            WHEN r.state = 'down' THEN 'down'
            WHEN r.availability = 'drain' THEN 'drained'
            WHEN n.listed_at IS NULL THEN 'never-seen'
            ELSE 'silent'
        END AS state
    FROM nodes AS n FULL JOIN roster_nodes AS r ON r.cluster = n.cluster AND r.node = n.node
        LEFT JOIN node_heartbeats AS h ON h.node_id = n.id
"""
"""Every node with its state, those too that only a roster names: these have no number. What a node's agent says now
counts for more than what a manager thinks of the node. *Incomplete*: it is heard, but it could not list its containers
to the end, so one that is not found may be there. A node that came back under a new ID has the same engine: the
old one is superseded."""


@dataclass(frozen=True, slots=True)
class Observed:
    """The coverage of an answer, the register's time of it, and the node IDs that are superseded by then."""

    now: datetime
    coverage: Coverage
    former: tuple[Former, ...] = ()


@dataclass(frozen=True, slots=True)
class KnownNode:
    """A node, and the database's number of it; 0, a number that no node has, when only a roster names it."""

    node_id: int
    node: NodeRef
    state: NodeState


async def coverage(conn: Asking, silent_after: float) -> Observed:
    """Return which nodes are observed now; a node is silent ``silent_after`` seconds after it was last heard."""
    found = await asking.rows(
        conn,
        "SELECT clock_timestamp(), count(*) FILTER (WHERE state = 'observed'), coalesce(jsonb_agg("
        "jsonb_build_object('cluster', cluster, 'node', node, 'hostname', hostname, 'state', state, 'since', "
        """to_char(heard_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')) ORDER BY hostname, node) """
        "FILTER (WHERE state NOT IN ('observed', 'superseded', 'left')), '[]')::text, "
        f"bool_or(state = 'superseded') FROM ({STATES}) AS s",
        {"silent_after": silent_after},
    )
    ((now, observed, silent, superseded),) = found
    nodes = msgspec.json.decode(silent, type=list[SilentNode])
    # A register that knows no node has looked at nothing.
    complete = observed > 0 and not nodes
    answer = Coverage(as_of=times.to_text(now), complete=complete, nodes_observed=observed, silent=nodes)
    return Observed(now, answer, await former(conn, silent_after) if superseded else ())


async def former(conn: Asking, silent_after: float) -> tuple[Former, ...]:
    """Return the node IDs that are superseded."""
    found = await asking.rows(conn, _SUPERSEDED, {"silent_after": silent_after})
    return tuple(Former(*row) for row in found)


_SUPERSEDED: Final = f"""
    SELECT id, least(coalesce(listed_at, superseded_at), superseded_at), superseded_at FROM (
        SELECT s.id, greatest(n.listed_at, h.listed_at) AS listed_at, {SUPERSEDED_AT} AS superseded_at
        FROM ({STATES}) AS s JOIN nodes AS n ON n.id = s.id LEFT JOIN node_heartbeats AS h ON h.node_id = n.id
        WHERE s.state = 'superseded'
    ) AS known WHERE superseded_at IS NOT NULL
"""


# Months are made from the present one on. When the oldest is younger than the first observation, others were dropped.
_FIRST: Final = (
    "SELECT CASE WHEN m.oldest > date_trunc('month', n.first, 'UTC') THEN m.oldest ELSE n.first END "
    "FROM (SELECT min(observed_since) AS first FROM nodes) AS n, ("
    "SELECT min(to_date(right(c.relname, 7), 'YYYY_MM'))::timestamp AT TIME ZONE 'UTC' AS oldest FROM pg_inherits AS i "
    "JOIN pg_class AS c ON c.oid = i.inhrelid WHERE i.inhparent = 'history'::regclass AND NOT i.inhdetachpending) AS m"
)


async def first_record(conn: Asking) -> datetime | None:
    """Return from when on the register remembers: it observed a node, and has not dropped the history; None: never."""
    ((first,),) = await asking.rows(conn, _FIRST)
    return cast("datetime | None", first)


async def now_and_first(conn: Asking) -> tuple[datetime, datetime | None]:
    """Return the register's time, and what ``first_record`` does."""
    (found,) = await asking.rows(conn, f"SELECT clock_timestamp(), ({_FIRST})")
    return cast("tuple[datetime, datetime | None]", found)


async def moments(conn: Asking) -> dict[int, datetime]:
    """Return, per node, when something of it changed last."""
    return dict(await asking.rows(conn, "SELECT id, changed_at FROM nodes"))


async def now(conn: Asking) -> datetime:
    """Return the register's time."""
    ((moment,),) = await asking.rows(conn, "SELECT clock_timestamp()")
    return cast("datetime", moment)


async def named(conn: Asking, silent_after: float, name: str) -> list[KnownNode]:
    """Return the nodes with this ID, this hostname, or an ID that begins so, rosters' too; at most a hundred."""
    begin = prefix(name)
    upper = " AND node < :high" if "high" in begin else ""
    found = await asking.rows(
        conn,
        f"SELECT coalesce(id, 0), cluster, node, hostname, state FROM ({STATES}) AS known "
        f"WHERE node >= :low{upper} OR hostname = :name "
        "ORDER BY node <> :name, hostname <> :name, cluster, node LIMIT 100",
        {**begin, "name": name, "silent_after": silent_after},
    )
    return [
        KnownNode(node_id, NodeRef(cluster=cluster, node=node, hostname=hostname), state)
        for node_id, cluster, node, hostname, state in found
    ]


async def states(conn: Asking, silent_after: float) -> dict[str, int]:
    """Return how many nodes are in each state."""
    found = await asking.rows(
        conn, f"SELECT state, count(*) FROM ({STATES}) AS s GROUP BY state", {"silent_after": silent_after}
    )
    return dict(found)


class Conflicts(NamedTuple):
    """How many nodes two agents speak for now: on one machine (an overlapping update), and on two (a copy)."""

    one_machine: int
    two_machines: int


async def conflicts(conn: Asking) -> Conflicts:
    """Return how many nodes have a conflict now."""
    (found,) = await asking.rows(conn, _CONFLICTS)
    return Conflicts(*found)


_CONFLICTS: Final = """
    SELECT count(*) FILTER (WHERE conflict_with ->> 'boot_id' = boot_id),
        count(*) FILTER (WHERE conflict_with ->> 'boot_id' IS DISTINCT FROM boot_id)
    FROM nodes WHERE conflict_seen > clock_timestamp() - interval '3 minutes'
"""

_EVERYTHING: Final = f"""
    SELECT s.cluster, s.node, s.hostname, s.state, s.heard_at, greatest(n.listed_at, h.listed_at) AS seen,
        coalesce(n.engine, '{{}}') AS engine, coalesce(n.backends, '[]') AS backends,
        coalesce(n.problems, '[]') AS problems, coalesce(n.agent, '') AS agent, h.skew,
        coalesce(h.lost_events, 0) AS lost_events,
        CASE WHEN r.left_at IS NULL THEN r.doc ELSE '{{}}' END AS roster,
        coalesce(n.conflict_seen > clock_timestamp() - interval '3 minutes', false) AS conflict,
        n.boot_id, n.conflict_with,
        coalesce(c.containers, 0) AS containers,
        coalesce(u.unresolved, 0) AS unresolved
    FROM ({STATES}) AS s LEFT JOIN nodes AS n ON n.id = s.id LEFT JOIN node_heartbeats AS h ON h.node_id = s.id
        LEFT JOIN roster_nodes AS r ON r.cluster = s.cluster AND r.node = s.node
        LEFT JOIN (
            SELECT node_id, count(*) AS containers FROM entries WHERE kind = 'container' GROUP BY node_id
        ) AS c ON c.node_id = s.id
        LEFT JOIN (
            SELECT node_id, count(*) AS unresolved FROM entries
            WHERE kind = 'container' AND mount_id IS NULL
                AND coalesce(doc ->> 'resolved_by', 'unresolved') = 'unresolved' GROUP BY node_id
        ) AS u ON u.node_id = s.id
    ORDER BY s.cluster, s.hostname, s.node
"""
"""What is unresolved has no mount-id: the index leaves few documents to look into."""


_ROSTERS: Final = """
    SELECT o.cluster, o.node, coalesce(n.hostname, '') AS hostname, o.read_at,
        jsonb_array_length(o.services) AS services,
        (SELECT count(*) FROM roster_nodes AS r WHERE r.cluster = o.cluster AND r.left_at IS NULL) AS nodes
    FROM rosters AS o LEFT JOIN nodes AS n ON n.cluster = o.cluster AND n.node = o.node ORDER BY o.cluster
"""


async def everything(conn: Asking, silent_after: float) -> list[NodeRow]:
    """Return every node with what its agent last said."""
    found = await asking.rows(conn, _EVERYTHING, {"silent_after": silent_after})
    return [_row(_Node(*row)) for row in found]


async def counts(conn: Asking, versions: Versions) -> dict[int, tuple[int, int]]:
    """Return, per node, how many containers there were, and of how many the directory was not known."""
    lost = "mount_id IS NULL AND coalesce(doc ->> 'resolved_by', 'unresolved') = 'unresolved' AS lost"
    source = versions.where("kind = 'container'", f"node_id, entry_id, {lost}")
    found = await asking.rows(
        conn,
        "SELECT node_id, count(DISTINCT entry_id), count(DISTINCT entry_id) FILTER (WHERE lost) "
        f"FROM ({source}) AS v GROUP BY node_id",
        versions.parameters,
    )
    return {node_id: (containers, unresolved) for node_id, containers, unresolved in found}


async def rosters(conn: Asking) -> list[RosterRead]:
    """Return the newest roster of every cluster."""
    return [
        RosterRead(
            cluster=cluster,
            node=node,
            hostname=hostname,
            read_at=times.to_text(read_at),
            services=services,
            nodes=nodes,
        )
        for cluster, node, hostname, read_at, services, nodes in await asking.rows(conn, _ROSTERS)
    ]


class _Node(NamedTuple):
    """A row of ``_EVERYTHING``."""

    cluster: str
    node: str
    hostname: str
    state: NodeState
    heard_at: datetime | None
    seen: datetime | None
    engine: dict[str, Any]
    backends: list[dict[str, Any]]
    problems: list[str]
    agent: str
    skew: float | None
    lost_events: int
    roster: dict[str, Any] | None
    conflict: bool
    boot_id: str
    conflict_with: dict[str, Any]
    containers: int
    unresolved: int


def _row(row: _Node) -> NodeRow:
    roster = row.roster or {}
    ours = ["Windows is not supported: no agent runs there"] if roster.get("os") == "windows" else []
    if row.conflict and row.conflict_with.get("boot_id") != row.boot_id:
        ours.append("security: another machine speaks for this node too; its disk or its token is a copy")
    return NodeRow(
        cluster=row.cluster,
        node=row.node,
        hostname=row.hostname,
        state=row.state,
        since=times.to_text(row.heard_at) if row.heard_at is not None else None,
        seen=times.to_text(row.seen) if row.seen is not None else None,
        engine=row.engine,
        backends=row.backends,
        agent=row.agent,
        containers=row.containers,
        unresolved=row.unresolved,
        skew=row.skew,
        lost_events=row.lost_events,
        conflict=row.conflict,
        problems=row.problems + ours,
        role=roster.get("role", ""),
        availability=roster.get("availability", ""),
        swarm_state=roster.get("state", ""),
        leader=roster.get("leader", False),
    )
