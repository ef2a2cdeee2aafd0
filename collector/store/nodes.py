"""Nodes: where each stands, who speaks for it, and when it was not observed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from collector.store.ledger import AuditKind


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """Whom an agent speaks for: it comes from its credential, never from a message."""

    cluster: str
    node: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node's row, locked for this transaction; fields as in ``tables.nodes``. Times are the register's."""

    id: int
    instance: str
    attempt: int
    boot_id: str
    former: dict[str, int]
    generation: str
    hash_version: int
    last_seq: int
    state_hash: bytes
    last_digest: bytes | None
    last_reply: bytes | None
    changed_at: datetime
    listed_at: datetime | None
    observed_since: datetime | None
    enumerated: dict[str, str]
    complete: list[str]
    conflict_since: datetime | None
    conflict_seen: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """The register's time under the node's lock, later than everything before; and the node's last heartbeat.

    ``skew`` is in seconds, as the last heartbeat or hello had it; ``lost_events`` is the agent's count.
    """

    now: datetime
    heard_at: datetime | None
    listed_at: datetime | None
    skew: float | None
    lost_events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A time in which a node was not (fully) observed; ``reason`` as in ``tables.gaps``."""

    reason: str
    after: datetime | None
    before: datetime
    detail: str = ""


_LOCK: Final = text(
    "SELECT id, instance, attempt, boot_id, former, generation, hash_version, last_seq, state_hash, last_digest, "
    "last_reply, changed_at, listed_at, observed_since, enumerated, complete, conflict_since, conflict_seen "
    "FROM nodes WHERE cluster = :cluster AND node = :node FOR UPDATE"
)
# A statement of its own: one that waits for the lock sees what was there before it waited.
_MOMENT: Final = text(
    "SELECT greatest(clock_timestamp(), n.changed_at + interval '1 microsecond', h.heard_at) AS now, "
    "h.heard_at, h.listed_at, h.skew, coalesce(h.lost_events, 0) AS lost_events "
    "FROM nodes AS n LEFT JOIN node_heartbeats AS h ON h.node_id = n.id WHERE n.id = :node_id"
)
_ADD: Final = text(
    "INSERT INTO nodes (cluster, node, state_hash, changed_at) "
    "VALUES (:cluster, :node, decode(repeat('00', 32), 'hex'), clock_timestamp()) ON CONFLICT DO NOTHING"
)
# What is accepted goes into the audit log by the same statement: as it stands in the row, for no other round trip.
_ACCEPTED: Final = (
    "WITH accepted AS ({}) INSERT INTO audit_pending (kind, body) SELECT '{}', (to_jsonb(accepted) || "
    "jsonb_build_object('state_hash', encode(state_hash, 'hex')))::text FROM accepted"
)
_GREET: Final = text(
    _ACCEPTED.format(
        "UPDATE nodes SET hostname = :hostname, engine_id = :engine_id, engine = :engine, backends = :backends, "
        "agent = :agent, instance = :instance, attempt = :attempt, boot_id = :boot_id, former = :former, "
        "generation = :generation, hash_version = :hash_version, last_seq = 0, state_hash = :state_hash, "
        "last_digest = NULL, last_reply = NULL, changed_at = :now WHERE id = :node_id "
        "RETURNING cluster, node, generation, instance, boot_id, attempt, state_hash",
        AuditKind.HELLO,
    )
).bindparams(*(bindparam(name, type_=JSONB) for name in ("engine", "backends", "former")))
_ADVANCE: Final = text(
    _ACCEPTED.format(
        "UPDATE nodes SET last_seq = :seq, state_hash = :state_hash, last_digest = :digest, last_reply = :reply, "
        "changed_at = :now, listed_at = :listed_at, problems = :problems, enumerated = :enumerated, "
        "complete = :complete, observed_since = coalesce(observed_since, "
        "CASE WHEN 'container' = ANY(:complete) THEN CAST(:now AS timestamptz) END) WHERE id = :node_id "
        "RETURNING cluster, node, generation, last_seq AS seq, state_hash",
        AuditKind.STATE,
    )
).bindparams(*(bindparam(name, type_=JSONB) for name in ("problems", "enumerated")))
_GAP: Final = text(
    "INSERT INTO gaps (node_id, reason, detail, after, before) VALUES (:node_id, :reason, :detail, :after, :before)"
)
# The audit log has its beginning; a second agent says hello again and again.
_CONFLICT: Final = text(
    "WITH begun AS (SELECT cluster, node FROM nodes WHERE id = :node_id AND conflict_seen IS NULL), "
    "noted AS (INSERT INTO audit_pending (kind, body) "
    f"SELECT '{AuditKind.CONFLICT}', (to_jsonb(begun) || CAST(:other AS jsonb))::text FROM begun) "
    "UPDATE nodes SET conflict_since = coalesce(conflict_since, :now), conflict_seen = :now, conflict_with = :other, "
    "former = :former WHERE id = :node_id"
).bindparams(*(bindparam(name, type_=JSONB) for name in ("other", "former")))
_PEACE: Final = text(
    "UPDATE nodes SET conflict_since = NULL, conflict_seen = NULL, conflict_with = NULL WHERE id = :node_id"
)


async def lock(connection: AsyncConnection, identity: NodeIdentity) -> Node | None:
    """Lock the node's row until the end of the transaction; None: the register does not know it."""
    found = await connection.execute(_LOCK, {"cluster": identity.cluster, "node": identity.node})
    row = found.mappings().one_or_none()
    return Node(**row) if row is not None else None


async def lock_or_add(connection: AsyncConnection, identity: NodeIdentity) -> Node:
    """Lock the node's row; one that is not known is added."""
    node = await lock(connection, identity)
    if node is None:
        await connection.execute(_ADD, {"cluster": identity.cluster, "node": identity.node})
        node = await lock(connection, identity)
    if node is None:
        raise RuntimeError(f"the row of node {identity.node} vanished; rows of nodes are never deleted")
    return node


async def moment(connection: AsyncConnection, node_id: int) -> Moment:
    """Return the register's time and the node's last heartbeat; the node is locked."""
    found = await connection.execute(_MOMENT, {"node_id": node_id})
    return Moment(**found.mappings().one())


async def greet(connection: AsyncConnection, node_id: int, values: dict[str, Any]) -> None:
    """Begin a new generation; ``values`` are columns of ``tables.nodes``, and ``now``."""
    await connection.execute(_GREET, {"node_id": node_id, **values})


async def advance(connection: AsyncConnection, node_id: int, values: dict[str, Any]) -> None:
    """Note that a snapshot or delta was applied; ``values`` as in ``greet``, with ``seq``, ``digest``, ``reply``."""
    await connection.execute(_ADVANCE, {"node_id": node_id, **values})


async def add_gaps(connection: AsyncConnection, node_id: int, gaps: list[Gap]) -> None:
    """Record that the node was not observed."""
    if gaps:
        await connection.execute(
            _GAP, [{"node_id": node_id, **msgspec.to_builtins(gap, builtin_types=(datetime,))} for gap in gaps]
        )


async def record_conflict(
    connection: AsyncConnection, node_id: int, now: datetime, other: dict[str, Any], former: dict[str, int]
) -> None:
    """Note that another agent than the current one still speaks for the node."""
    values = {"node_id": node_id, "now": now, "other": other, "former": former}
    await connection.execute(_CONFLICT, values)


async def end_conflict(connection: AsyncConnection, node_id: int) -> None:
    """Note that only one agent speaks for the node."""
    await connection.execute(_PEACE, {"node_id": node_id})
