"""Rosters: what managers say of their Swarm's nodes and services."""

from typing import Any, Final

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from collector.store.engine import Connection
from collector.store.nodes import NodeIdentity

_IS_MANAGER: Final = text(
    "SELECT coalesce((engine ->> 'manager')::boolean, false) FROM nodes WHERE cluster = :cluster AND node = :node"
)
# A node or service that was removed takes its version with it: a roster with a lower one counts when it was read
# clearly later. Managers ask their leader, so only a leader that was just deposed answers with an old one.
_TAKE: Final = text(
    "INSERT INTO rosters (cluster, version, read_at, node, services) VALUES "
    "(:cluster, :version, clock_timestamp() - make_interval(secs => :read_ago), :node, :services) "
    "ON CONFLICT (cluster) DO UPDATE SET version = excluded.version, read_at = excluded.read_at, "
    "node = excluded.node, services = excluded.services "
    "WHERE (excluded.version, excluded.read_at) >= (rosters.version, rosters.read_at) "
    "OR excluded.read_at >= rosters.read_at + make_interval(secs => :clearly) RETURNING cluster"
).bindparams(bindparam("services", type_=JSONB))
_NODES: Final = text(
    "INSERT INTO roster_nodes (cluster, node, hostname, role, availability, state, doc) "
    "SELECT :cluster, d ->> 'node', coalesce(d ->> 'hostname', ''), coalesce(d ->> 'role', ''), "
    "coalesce(d ->> 'availability', ''), coalesce(d ->> 'state', ''), d "
    "FROM jsonb_array_elements(:nodes) AS d ORDER BY d ->> 'node' "
    "ON CONFLICT (cluster, node) DO UPDATE SET hostname = excluded.hostname, role = excluded.role, "
    "availability = excluded.availability, state = excluded.state, doc = excluded.doc, left_at = NULL "
    "WHERE roster_nodes.doc IS DISTINCT FROM excluded.doc OR roster_nodes.left_at IS NOT NULL"
).bindparams(bindparam("nodes", type_=JSONB))
_LEFT: Final = text(
    "UPDATE roster_nodes SET left_at = clock_timestamp() "
    "WHERE cluster = :cluster AND left_at IS NULL AND node <> ALL(:names)"
)
_NOW: Final = text("SELECT clock_timestamp()")


async def is_manager(connection: Connection, identity: NodeIdentity) -> bool:
    """Whether the node's last hello said that its engine is a manager."""
    found = await connection.execute(_IS_MANAGER, {"cluster": identity.cluster, "node": identity.node})
    return bool(found.scalar_one_or_none())


async def take(
    connection: Connection,
    reporter: NodeIdentity,
    *,
    version: int,
    read_ago: float,
    clearly: float,
    nodes: list[dict[str, Any]],
    services: list[dict[str, Any]],
) -> bool:
    """Keep a roster, unless the register has a newer one; return whether it was kept.

    ``clearly``: read so many seconds later it counts, although its version is lower.
    """
    values = {"cluster": reporter.cluster, "node": reporter.node, "version": version, "read_ago": read_ago}
    taken = await connection.execute(_TAKE, {**values, "services": services, "clearly": clearly})
    if taken.scalar_one_or_none() is None:
        return False
    await connection.execute(_NODES, {"cluster": reporter.cluster, "nodes": nodes})
    await connection.execute(_LEFT, {"cluster": reporter.cluster, "names": [node["node"] for node in nodes]})
    return True


async def now(connection: Connection) -> float:
    """Return the register's time, in seconds since 1970."""
    moment: float = (await connection.execute(_NOW)).scalar_one().timestamp()
    return moment
