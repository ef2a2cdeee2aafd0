"""Enrolments: who asked to speak for a node, and what came of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text

from collector.store.credentials import noted
from collector.store.engine import Connection
from collector.store.ledger import AuditKind
from collector.store.nodes import NodeIdentity


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """One token's wish to speak for a node; columns as in ``tables.enrolments``."""

    token_hash: bytes
    cluster: str
    node: str
    hostname: str
    engine_id: str
    address: str
    outcome: str
    attempts: int
    first_at: datetime
    last_at: datetime

    @property
    def prefix(self) -> str:
        """The first digits of the token's hash: what people name it by."""
        return self.token_hash.hex()[:12]


@dataclass(frozen=True, slots=True)
class Holder:
    """A token that speaks, or spoke, for some node."""

    token_hash: bytes
    role: str
    node: NodeIdentity
    revoked: bool


_COLUMNS: Final = "token_hash, cluster, node, hostname, engine_id, address, outcome, attempts, first_at, last_at"
# Two enrolments of one node take turns; nothing else takes a lock with this number.
_LOCK: Final = text("SELECT pg_advisory_xact_lock(1701737068, hashtext(:cluster || chr(10) || :node))")
_NOW: Final = text("SELECT clock_timestamp()")
_HOLDERS: Final = text(
    "SELECT token_hash, role, cluster, node, revoked_at IS NOT NULL FROM credentials "
    "WHERE token_hash = :token_hash OR (cluster = :cluster AND node = :node AND revoked_at IS NULL)"
)
_NOTED: Final = (
    f"INSERT INTO audit_pending (kind, body) SELECT '{AuditKind.ENROLMENT}', jsonb_build_object('cluster', cluster, "
    "'node', node, 'hostname', hostname, 'address', address, 'token', left(encode(token_hash, 'hex'), 12), "
    "'outcome', outcome)::text FROM recorded"
)
# A wish that is repeated is counted; the audit log has it once, and what became of it.
_RECORD: Final = text(
    "WITH was AS (SELECT outcome FROM enrolments WHERE token_hash = :token_hash), recorded AS ("
    "INSERT INTO enrolments (token_hash, cluster, node, hostname, engine_id, address, outcome) "
    "VALUES (:token_hash, :cluster, :node, :hostname, :engine_id, :address, :outcome) "
    "ON CONFLICT (token_hash) DO UPDATE SET attempts = enrolments.attempts + 1, last_at = clock_timestamp(), "
    "address = excluded.address, outcome = CASE WHEN enrolments.outcome = 'approved' AND excluded.outcome = 'accepted' "
    f"THEN 'approved' ELSE excluded.outcome END RETURNING {_COLUMNS}) {_NOTED} "
    "WHERE NOT EXISTS (SELECT FROM was WHERE was.outcome = recorded.outcome)"
)
_WAITING: Final = text(f"SELECT {_COLUMNS} FROM enrolments WHERE outcome = 'waiting' ORDER BY last_at DESC LIMIT 1000")
_NAMED: Final = text(
    f"SELECT {_COLUMNS} FROM enrolments WHERE outcome = 'waiting' "
    "AND encode(token_hash, 'hex') >= :low AND encode(token_hash, 'hex') < :high"
)
_REPLACE: Final = text(
    "WITH changed AS (UPDATE credentials SET revoked_at = clock_timestamp() "
    "WHERE role = 'agent' AND cluster = :cluster AND node = :node AND revoked_at IS NULL "
    f"RETURNING token_hash, role, cluster, node, comment) {noted('replaced')}"
)
_APPROVE: Final = text(
    "WITH recorded AS (UPDATE enrolments SET outcome = 'approved' WHERE token_hash = :token_hash "
    f"RETURNING {_COLUMNS}) {_NOTED}"
)


async def lock(connection: Connection, whose: NodeIdentity) -> datetime:
    """Make other enrolments of this node wait for this transaction's end; return the register's time."""
    await connection.execute(_LOCK, {"cluster": whose.cluster, "node": whose.node})
    now: datetime = (await connection.execute(_NOW)).scalar_one()
    return now


async def holders(connection: Connection, token_hash: bytes, whose: NodeIdentity) -> list[Holder]:
    """Return the credential with this hash, revoked or not, and the valid ones of the node."""
    values = {"token_hash": token_hash, "cluster": whose.cluster, "node": whose.node}
    return [
        Holder(digest, role, NodeIdentity(cluster, node), revoked)
        for digest, role, cluster, node, revoked in await connection.execute(_HOLDERS, values)
    ]


async def record(
    connection: Connection,
    token_hash: bytes,
    whose: NodeIdentity,
    outcome: str,
    *,
    hostname: str,
    engine_id: str,
    address: str,
) -> None:
    """Note what came of an enrolment; the same one again is counted."""
    values = {"token_hash": token_hash, "cluster": whose.cluster, "node": whose.node, "outcome": outcome}
    await connection.execute(_RECORD, {**values, "hostname": hostname, "engine_id": engine_id, "address": address})


async def waiting(connection: Connection) -> list[Enrolment]:
    """Return the enrolments that an operator has to approve, the latest first."""
    return [Enrolment(**row) for row in (await connection.execute(_WAITING)).mappings()]


async def named(connection: Connection, prefix: str) -> list[Enrolment]:
    """Return the waiting enrolments whose token's hash begins with these hex digits."""
    values = {"low": prefix, "high": prefix + "g"}  # "g" is above every hex digit
    return [Enrolment(**row) for row in (await connection.execute(_NAMED, values)).mappings()]


async def approve(connection: Connection, enrolment: Enrolment) -> None:
    """End the validity of the node's other tokens; the caller adds the credential of this one."""
    await connection.execute(_REPLACE, {"cluster": enrolment.cluster, "node": enrolment.node})
    await connection.execute(_APPROVE, {"token_hash": enrolment.token_hash})
