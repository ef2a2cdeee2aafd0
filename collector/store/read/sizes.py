"""What everything on a node costs, added up by what it is; and the room that is left."""

from datetime import datetime
from typing import Any, Final, NamedTuple

from collector.store import asking
from collector.store.asking import Asking
from protocol.sizes import Share, Size


class Spent(NamedTuple):
    """One share of one node."""

    node_id: int
    share: Share
    size: Size


class Room(NamedTuple):
    """One path on one file system of a node."""

    node_id: int
    path: str
    device: int
    total_bytes: int
    free_bytes: int
    total_inodes: int
    free_inodes: int
    measured_at: datetime


class Named(NamedTuple):
    """A node that there are entries or rooms of."""

    node_id: int
    cluster: str
    node: str
    hostname: str


# What an entry is made of: the part, the share that it belongs to, and whether it counts as an entry there.
_PARTS: Final = """
    SELECT e.node_id, e.kind, e.entry_id, p.part, p.share, p.counts
    FROM entries AS e CROSS JOIN LATERAL (
        SELECT 'writable' AS part, CASE WHEN e.doc @> '{"ghost": true}' THEN 'ghosts' ELSE 'writable' END AS share,
            TRUE AS counts WHERE e.kind = 'container'
        UNION ALL
        SELECT 'init', CASE WHEN e.doc @> '{"ghost": true}' THEN 'ghosts' ELSE 'writable' END, FALSE
            WHERE e.kind = 'container'
        UNION ALL
        SELECT 'container-dir', CASE WHEN e.doc @> '{"ghost": true}' THEN 'ghosts' ELSE 'logs' END,
            NOT e.doc @> '{"ghost": true}' WHERE e.kind = 'container'
        UNION ALL
        SELECT 'layer', CASE coalesce(e.doc ->> 'use', 'image') WHEN 'image' THEN 'images' WHEN 'build-cache'
            THEN 'build-cache' WHEN 'orphan' THEN 'orphans' ELSE 'unclaimed' END, TRUE WHERE e.kind = 'layer'
        UNION ALL
        SELECT 'volume', 'volumes', TRUE WHERE e.kind = 'volume'
    ) AS p
    WHERE e.kind IN ('container', 'layer', 'volume') AND {nodes}
"""


async def spent(conn: Asking, node_ids: frozenset[int] | None) -> list[Spent]:
    """Return what each share of each node costs."""
    condition, given = _within("e.node_id", node_ids)
    found = await asking.rows(
        conn,
        "SELECT p.node_id, p.share, count(*) FILTER (WHERE p.counts), "
        "count(*) FILTER (WHERE p.counts AND u.bytes IS NOT NULL), count(*) FILTER (WHERE p.counts AND u.partial), "
        "coalesce(sum(u.bytes), 0)::bigint, coalesce(sum(u.inodes), 0)::bigint "
        f"FROM ({_PARTS.replace('{nodes}', condition)}) AS p LEFT JOIN usage_current AS u ON u.node_id = p.node_id "
        "AND u.kind = p.kind AND u.entry_id = p.entry_id AND u.part = p.part GROUP BY 1, 2",
        given,
    )
    return [
        Spent(node_id, share, Size(entries=entries, measured=measured, partial=partial, bytes=size, inodes=inodes))
        for node_id, share, entries, measured, partial, size, inodes in found
    ]


async def rooms(conn: Asking, node_ids: frozenset[int] | None) -> list[Room]:
    """Return the room on every file system that holds a data root."""
    condition, given = _within("node_id", node_ids)
    found = await asking.rows(
        conn,
        "SELECT node_id, path, device, total_bytes, free_bytes, total_inodes, free_inodes, measured_at "
        f"FROM rooms WHERE {condition} ORDER BY node_id, path",
        given,
    )
    return [Room(*row) for row in found]


async def named(conn: Asking, node_ids: frozenset[int] | None) -> list[Named]:
    """Return the nodes, in the order of answers."""
    condition, given = _within("id", node_ids)
    found = await asking.rows(
        conn, f"SELECT id, cluster, node, hostname FROM nodes WHERE {condition} ORDER BY cluster, hostname, node", given
    )
    return [Named(*row) for row in found]


def _within(column: str, node_ids: frozenset[int] | None) -> tuple[str, dict[str, Any]]:
    if node_ids is None:
        return "TRUE", {}
    return f"{column} = ANY(:node_ids)", {"node_ids": sorted(node_ids)}
