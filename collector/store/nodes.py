"""Nodes: where each stands, who speaks for it, and when it was not observed."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

import msgspec

from collector.store.ledger import AuditKind
from collector.store.wire import Found, text_array
from collector.store.writer import Call, Statement, Writer, array, json


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
    greeted_at: datetime | None = None


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


class Advance(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What becomes of a node's row by a message that was applied at ``now``; the columns are those of ``nodes``."""

    node_id: int
    seq: int
    state_hash: bytes
    digest: bytes
    reply: bytes
    now: datetime
    problems: list[str]
    listed_at: datetime | None
    enumerated: dict[str, str]
    complete: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A time in which a node was not (fully) observed; ``reason`` as in ``tables.gaps``."""

    reason: str
    after: datetime | None
    before: datetime
    detail: str = ""


_NODE: Final = tuple(field.name for field in fields(Node))
_SOME: Final = "n.cluster = :cluster AND n.node = ANY(CAST(:nodes AS text[]))"
# Whoever locks several nodes does it in the order of their numbers: two who do cannot wait for each other.
_LOCK: Final = Statement(
    f"SELECT n.node, {', '.join(f'n.{name}' for name in _NODE)} FROM nodes AS n WHERE {_SOME} ORDER BY n.id FOR UPDATE"
)
# A statement of its own: one that waits for the lock sees what was there before it waited. OFFSET 0: node by node, or
# the planner may read every node's heartbeat.
_MOMENT: Final = Statement(
    "SELECT n.node, greatest(clock_timestamp(), n.changed_at + interval '1 microsecond', h.heard_at), "
    "h.heard_at, h.listed_at, h.skew, coalesce(h.lost_events, 0) FROM nodes AS n "
    "LEFT JOIN LATERAL (SELECT * FROM node_heartbeats AS b WHERE b.node_id = n.id OFFSET 0) AS h ON TRUE "
    f"WHERE {_SOME}"
)
# Asked for first: one that is there already would use up a number at every hello.
_ADD: Final = Statement(
    "INSERT INTO nodes (cluster, node, state_hash, changed_at) "
    "SELECT x.cluster, x.node, decode(repeat('00', 32), 'hex'), clock_timestamp() "
    "FROM (VALUES (CAST(:cluster AS text), CAST(:node AS text))) AS x (cluster, node) WHERE NOT EXISTS "
    '(SELECT FROM nodes AS n WHERE n.cluster = x.cluster COLLATE "C" AND n.node = x.node COLLATE "C") '
    "ON CONFLICT DO NOTHING"
)
# What is accepted goes into the audit log by the same statement: as it stands in the row, for no other round trip.
_ACCEPTED: Final = (
    "WITH accepted AS ({}) INSERT INTO audit_pending (kind, body) SELECT '{}', (to_jsonb(accepted) || "
    "jsonb_build_object('state_hash', encode(state_hash, 'hex')))::text FROM accepted"
)
_GREET: Final = Statement(
    _ACCEPTED.format(
        "UPDATE nodes SET hostname = :hostname, engine_id = :engine_id, engine = :engine, backends = :backends, "
        "agent = :agent, instance = :instance, attempt = :attempt, boot_id = :boot_id, former = :former, "
        "generation = :generation, hash_version = :hash_version, last_seq = 0, state_hash = :state_hash, "
        "last_digest = NULL, last_reply = NULL, changed_at = :now, greeted_at = :now WHERE id = :node_id "
        "RETURNING cluster, node, generation, instance, boot_id, attempt, state_hash",
        AuditKind.HELLO,
    )
)
_ADVANCE: Final = Statement(
    _ACCEPTED.format(
        "UPDATE nodes AS n SET last_seq = x.seq, state_hash = decode(x.state_hash, 'base64'), "
        "last_digest = decode(x.digest, 'base64'), last_reply = decode(x.reply, 'base64'), "
        "changed_at = x.now, listed_at = x.listed_at, problems = x.problems, enumerated = x.enumerated, "
        "complete = x.complete, observed_since = coalesce(n.observed_since, "
        "CASE WHEN 'container' = ANY(x.complete) THEN x.now END) "
        "FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS x (node_id int, seq bigint, state_hash text, digest text, "
        "reply text, now timestamptz, listed_at timestamptz, problems jsonb, enumerated jsonb, complete text[]) "
        # For the planner: it is the index that finds them, however many nodes there are.
        "WHERE n.id = x.node_id AND n.id = ANY(CAST(:node_ids AS int[])) "
        "RETURNING n.cluster, n.node, n.generation, n.last_seq AS seq, n.state_hash",
        AuditKind.STATE,
    )
)
_GAP: Final = Statement(
    "INSERT INTO gaps (node_id, reason, detail, after, before) VALUES (:node_id, :reason, :detail, :after, :before)"
)
# The audit log has its beginning; a second agent says hello again and again.
_CONFLICT: Final = Statement(
    "WITH begun AS (SELECT cluster, node FROM nodes WHERE id = :node_id AND conflict_seen IS NULL), "
    "noted AS (INSERT INTO audit_pending (kind, body) "
    f"SELECT '{AuditKind.CONFLICT}', (to_jsonb(begun) || CAST(:other AS jsonb))::text FROM begun) "
    "UPDATE nodes SET conflict_since = coalesce(conflict_since, :now), conflict_seen = :now, conflict_with = :other, "
    "former = :former WHERE id = :node_id"
)
_PEACE: Final = Statement(
    "UPDATE nodes SET conflict_since = NULL, conflict_seen = NULL, conflict_with = NULL WHERE id = :node_id"
)


def locking(cluster: str, *nodes: str) -> Call:
    """Lock the rows of these nodes until the end of the transaction; ``locked`` reads the answer."""
    return _LOCK(cluster=cluster, nodes=text_array(nodes))


def locked(rows: Found) -> dict[str, Node]:
    """Return the nodes that were locked, by their IDs; the register does not know the others."""
    return {name: Node(**dict(zip(_NODE, columns, strict=True))) for name, *columns in rows}


def adding(identity: NodeIdentity) -> Call:
    """Add a node that is not known."""
    return _ADD(cluster=identity.cluster, node=identity.node)


def asking_moments(cluster: str, *nodes: str) -> Call:
    """Ask for the register's time and the last heartbeat of nodes that are locked; ``moments`` reads the answer."""
    return _MOMENT(cluster=cluster, nodes=text_array(nodes))


def moments(rows: Found) -> dict[str, Moment]:
    """Return what was asked for with ``asking_moments``, by the nodes' IDs."""
    return {
        name: Moment(now=now, heard_at=heard_at, listed_at=listed_at, skew=skew, lost_events=lost_events)
        for name, now, heard_at, listed_at, skew, lost_events in rows
    }


async def lock(writer: Writer, identity: NodeIdentity) -> Node | None:
    """Lock the node's row until the end of the transaction; None: the register does not know it."""
    return locked((await writer.ask(locking(identity.cluster, identity.node)))[0]).get(identity.node)


def known(rows: Found, identity: NodeIdentity) -> Node:
    """Return the node that was locked after it was added, if that was needed.

    Raises:
        RuntimeError: it is not there.
    """
    node = locked(rows).get(identity.node)
    if node is None:
        raise RuntimeError(f"the row of node {identity.node} vanished; rows of nodes are never deleted")
    return node


def greeting(node_id: int, values: dict[str, Any]) -> Call:
    """Begin a new generation; ``values`` are columns of ``tables.nodes``, and ``now``."""
    documents = {name: json(values[name]) for name in ("engine", "backends", "former")}
    return _GREET(node_id=node_id, **{**values, **documents})


def advancing(advances: Sequence[Advance]) -> Call:
    """Note of each of these nodes that a snapshot or delta was applied."""
    return _ADVANCE(rows=json(advances), node_ids=array(advance.node_id for advance in advances))


def adding_gap(node_id: int, gap: Gap) -> Call:
    """Record that the node was not observed."""
    return _GAP(node_id=node_id, reason=gap.reason, detail=gap.detail, after=gap.after, before=gap.before)


def recording_conflict(node_id: int, now: datetime, other: dict[str, Any], former: dict[str, int]) -> Call:
    """Note that another agent than the current one still speaks for the node."""
    return _CONFLICT(node_id=node_id, now=now, other=json(other), former=json(former))


def ending_conflict(node_id: int) -> Call:
    """Note that only one agent speaks for the node."""
    return _PEACE(node_id=node_id)
