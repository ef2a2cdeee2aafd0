"""Every table, as SQLAlchemy sees it. ``migrations/versions`` makes them; a test compares the two.

Choices that are not obvious:

- ``entry_id`` is a 128-bit hash of root and key (``keys.entry_id``): a bind's key may be a path of 4,096 bytes, more
  than a B-tree page takes, and a short key keeps the index of the hottest table small.
- ``doc`` holds the fields of ``protocol.entries`` without kind, root and key; what is looked up by prefix stands
  beside it as text in collation "C", what is looked up whole as 64-bit hashes (``keys.path_keys``, ``keys.ref_keys``).
  A hash can collide: readers compare the text in ``doc`` as well.
- There are no foreign keys: a node's row is never deleted, and checking would cost a look-up per row.
- A start and an end are two bounds each: after the one moment, at or before the other.
"""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, BIT, JSONB
from sqlalchemy.schema import SchemaItem

REVISION: Final = "0012"
"""The migration that this release needs. Revisions are numbered, so that a newer one sorts after it."""

NAMES: Final = {
    "pk": "%(table_name)s_pkey",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s_check",
}
metadata: Final = MetaData(naming_convention=NAMES)

_NOW: Final = text("clock_timestamp()")
_MAP: Final = text("'{}'::jsonb")
_LIST: Final = text("'[]'::jsonb")
_EMPTY: Final = text("''")


def _text(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Text(collation="C"), nullable=nullable, server_default=None if nullable else _EMPTY)


def _time(name: str, *, nullable: bool = True) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=nullable)


nodes: Final = Table(
    "nodes",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    _text("cluster"),
    _text("node"),
    _text("hostname"),
    _text("engine_id"),
    Column("engine", JSONB, nullable=False, server_default=_MAP),
    Column("backends", JSONB, nullable=False, server_default=_LIST),
    Column("problems", JSONB, nullable=False, server_default=_LIST),
    _text("agent"),
    # The agent that speaks for the node, and those it replaced: instance → last attempt.
    _text("instance"),
    Column("attempt", BigInteger, nullable=False, server_default="0"),
    _text("boot_id"),
    Column("former", JSONB, nullable=False, server_default=_MAP),
    _text("generation"),
    Column("hash_version", SmallInteger, nullable=False, server_default="1"),
    # Where the register stands: the last message applied, what it said, what was answered.
    Column("last_seq", BigInteger, nullable=False, server_default="0"),
    Column("state_hash", LargeBinary, nullable=False),
    Column("last_digest", LargeBinary),
    Column("last_reply", LargeBinary),
    # The register's time: of the last change to this node (it never falls), of the last complete list or event, and
    # per kind of the last complete enumeration. `complete`: the kinds that the last snapshot enumerated completely.
    _time("changed_at", nullable=False),
    _time("listed_at"),
    _time("observed_since"),
    Column("enumerated", JSONB, nullable=False, server_default=_MAP),
    Column("complete", ARRAY(Text), nullable=False, server_default=text("'{}'::text[]")),
    # Two agents at one node: since when, last seen, and what the other one said of itself.
    _time("conflict_since"),
    _time("conflict_seen"),
    Column("conflict_with", JSONB),
    # When the present generation began: what came before it, another agent may have told.
    _time("greeted_at"),
    UniqueConstraint("cluster", "node"),
    # A node that came back under a new ID has the same engine. It is worked out when read (same cluster and engine ID,
    # the older one silent): stored, one node's message would change another's row.
    Index("nodes_engine_id", "cluster", "engine_id", postgresql_where=text("engine_id <> ''")),
    postgresql_with={"fillfactor": "50"},
)

node_heartbeats: Final = Table(
    "node_heartbeats",
    metadata,
    Column("node_id", Integer, primary_key=True, autoincrement=False),
    _text("generation"),
    Column("seq", BigInteger, nullable=False),
    Column("state_hash", LargeBinary, nullable=False),
    _time("heard_at", nullable=False),
    _time("heard_before"),
    _time("listed_at"),
    # The agent's wall clock in seconds since 1970, and that minus PostgreSQL's: shown, never used to order anything.
    Column("agent_clock", Double),
    Column("skew", Double),
    Column("lost_events", BigInteger, nullable=False, server_default="0"),
    Column("lost_before", BigInteger, nullable=False, server_default="0"),
    # The number of the newest heartbeat of the generation, as its agent counts them; 0: there was none, or it has none.
    Column("beat", BigInteger, nullable=False, server_default="0"),
    postgresql_with={"fillfactor": "30"},
)
"""One row per node, updated by every heartbeat. Nothing but the key is indexed, so that updates stay on their page;
each page has room for three versions of its rows, because pruning is put off while somebody else looks at the page."""


def _versioned(name: str, *rest: SchemaItem, **options: Any) -> Table:
    table: Table = Table(
        name,
        metadata,
        Column("node_id", Integer, primary_key=True, autoincrement=False),
        Column("kind", Text(collation="C"), primary_key=True),
        Column("entry_id", Uuid, primary_key=True),
        _text("root"),
        _text("key"),
        Column("hash", LargeBinary, nullable=False),
        _time("began_after"),
        _time("began_before", nullable=False),
        *rest,
        _text("name", nullable=True),
        _text("mount_id", nullable=True),
        Column("doc", JSONB, nullable=False),
        Column("path_keys", ARRAY(BigInteger), nullable=False),
        Column("ref_keys", ARRAY(BigInteger), nullable=False),
        *_look_ups(name),
        **options,
    )
    return table


def _look_ups(name: str) -> tuple[Index, ...]:
    """Return the indexes that both current and closed versions have.

    A query must say ``kind = 'container'``, ``kind <> 'bind'`` or ``kind = 'bind'`` to use a partial one. GIN without
    a pending list: a reader would have to scan it, and every reader pays more than the writer saves.
    """
    container, bind, other = text("kind = 'container'"), text("kind = 'bind'"), text("kind <> 'bind'")
    eager: dict[str, Any] = {"postgresql_using": "gin", "postgresql_with": {"fastupdate": "off"}}
    return (
        Index(f"{name}_container_key", "key", "node_id", postgresql_where=container),
        Index(f"{name}_container_name", "name", "node_id", postgresql_where=container),
        Index(f"{name}_container_mount_id", "mount_id", "node_id", postgresql_where=container),
        Index(f"{name}_paths", "path_keys", postgresql_where=other, **eager),
        Index(f"{name}_bind_paths", "path_keys", postgresql_where=bind, **eager),
        Index(f"{name}_refs", "ref_keys", **eager),
    )


entries: Final = _versioned("entries", postgresql_with={"fillfactor": "75"})
"""The current version of everything. A change of state touches no indexed column, and writes into no index as long as
the next version finds room on the page of the one before: each page keeps 2 kB free, and no row takes more, because
PostgreSQL puts what is longer elsewhere (TOAST)."""

history: Final = _versioned(
    "history",
    _time("ended_after", nullable=False),
    Column("ended_before", DateTime(timezone=True), primary_key=True),
    # changed: the next version follows at ended_before; removed: the agent said so; absent: a complete list lacks it.
    Column("ended_why", Text(collation="C"), nullable=False),
    # What began or ended in a window: rows come in the order of their ends.
    Index("history_ended", "ended_before", postgresql_using="brin"),
    Index(
        "history_began",
        "began_before",
        postgresql_using="brin",
        postgresql_ops={"began_before": "timestamptz_minmax_multi_ops"},
    ),
    postgresql_partition_by="RANGE (ended_before)",
)
"""Closed versions, by month of closing. There is no default partition: ``partitions`` makes them ahead."""

shapes: Final = Table(
    "shapes",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False, server_default="1"),
    # Bits as `collector.store.shapes` numbers them. NULL: not known. Beside them those of a count that is under way,
    # which take in what is written meanwhile; NULL: there is none.
    Column("present", BIT(1472)),
    Column("counting", BIT(1472)),
    _time("counted_at"),
    CheckConstraint("id = 1", name="one"),
)
"""Which lengths of names and depths of places current entries ever had, one row: others need not be looked up."""

gaps: Final = Table(
    "gaps",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("node_id", Integer, nullable=False),
    # silent, agent-restart, node-restart, restored, conflict, incomplete (detail: the kind), lost-events (how many)
    Column("reason", Text(collation="C"), nullable=False),
    _text("detail"),
    _time("after"),
    _time("before", nullable=False),
    Index("gaps_node_id_before", "node_id", "before"),
)
"""When a node was not (fully) observed: after the one moment, until the other. One that lasts has no row yet."""

usage_current: Final = Table(
    "usage_current",
    metadata,
    Column("node_id", Integer, primary_key=True, autoincrement=False),
    Column("kind", Text(collation="C"), primary_key=True),
    Column("entry_id", Uuid, primary_key=True),
    Column("part", Text(collation="C"), primary_key=True),
    Column("bytes", BigInteger, nullable=False),
    Column("inodes", BigInteger, nullable=False),
    Column("partial", Boolean, nullable=False, server_default="false"),
    _time("first_at", nullable=False),
    _time("measured_at", nullable=False),
    postgresql_with={"fillfactor": "70"},
)
"""The newest measurement of every part of an entry, and when the part was measured for the first time.

Nothing but the key is indexed: a new measurement stays on its page.
"""

usage_samples: Final = Table(
    "usage_samples",
    metadata,
    Column("node_id", Integer, primary_key=True, autoincrement=False),
    Column("kind", Text(collation="C"), primary_key=True),
    Column("entry_id", Uuid, primary_key=True),
    Column("part", Text(collation="C"), primary_key=True),
    # The hour of measured_at: one sample of an hour is kept, the first.
    Column("hour", DateTime(timezone=True), primary_key=True),
    Column("bytes", BigInteger, nullable=False),
    Column("inodes", BigInteger, nullable=False),
    _time("measured_at", nullable=False),
    Index("usage_samples_hour", "hour", postgresql_using="brin"),
)
"""Earlier measurements that a later one contradicted: what never changes has none, and what grows one an hour.

The size at a moment is that of the first sample at or after it; without one, the present size.
"""

rooms: Final = Table(
    "rooms",
    metadata,
    Column("node_id", Integer, primary_key=True, autoincrement=False),
    Column("path", Text(collation="C"), primary_key=True),
    Column("device", BigInteger, nullable=False),
    Column("total_bytes", BigInteger, nullable=False),
    Column("free_bytes", BigInteger, nullable=False),
    Column("total_inodes", BigInteger, nullable=False),
    Column("free_inodes", BigInteger, nullable=False),
    _time("measured_at", nullable=False),
)
"""The file systems that hold the data roots of a node; ``device`` tells those of one node apart."""

credentials: Final = Table(
    "credentials",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("role", Text(collation="C"), nullable=False),
    _text("cluster"),
    _text("node"),
    Column("comment", Text, nullable=False, server_default=_EMPTY),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    _time("revoked_at"),
    CheckConstraint("role IN ('agent', 'operator', 'auditor', 'admin')", name="role"),
    CheckConstraint("(role = 'agent') = (cluster <> '' AND node <> '')", name="agent_has_node"),
    Index("credentials_revoked", "revoked_at", postgresql_where=text("revoked_at IS NOT NULL")),
)
"""Tokens as their SHA-256; an agent's names the one node it speaks for."""

enrolments: Final = Table(
    "enrolments",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    _text("cluster"),
    _text("node"),
    _text("hostname"),
    _text("engine_id"),
    _text("address"),
    Column("outcome", Text(collation="C"), nullable=False),
    Column("attempts", BigInteger, nullable=False, server_default="1"),
    Column("first_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    Column("last_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    CheckConstraint("outcome IN ('accepted', 'waiting', 'approved', 'refused')", name="outcome"),
)
"""Who asked to speak for a node with the join secret, by the hash of the token that was to do it. Waiting: the node
has another token, an operator has to approve. Refused: this token was revoked."""

rosters: Final = Table(
    "rosters",
    metadata,
    Column("cluster", Text(collation="C"), primary_key=True, server_default=_EMPTY),
    Column("version", BigInteger, nullable=False),
    _time("read_at", nullable=False),
    _text("node"),
    Column("services", JSONB, nullable=False, server_default=_LIST),
)
"""The newest roster of every cluster: its raft index, when it was read, and by which manager."""

roster_nodes: Final = Table(
    "roster_nodes",
    metadata,
    Column("cluster", Text(collation="C"), primary_key=True, server_default=_EMPTY),
    Column("node", Text(collation="C"), primary_key=True, server_default=_EMPTY),
    _text("hostname"),
    _text("role"),
    _text("availability"),
    _text("state"),
    Column("doc", JSONB, nullable=False, server_default=_MAP),
    Column("first_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    _time("left_at"),
)
"""Every node that a roster ever named; ``left_at``: the first roster that no longer did."""

audit_pending: Final = Table(
    "audit_pending",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    Column("kind", Text(collation="C"), nullable=False),
    Column("body", Text(collation="C"), nullable=False),
)
"""What happened and is not chained yet: written by the transaction in which it happened, taken away a second later."""

audit_log: Final = Table(
    "audit_log",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    # When it was chained, which never falls, and when it happened. Months are of the first, so that a month that is
    # dropped is the beginning of the chain.
    Column("chained_at", DateTime(timezone=True), primary_key=True),
    _time("at", nullable=False),
    Column("kind", Text(collation="C"), nullable=False),
    Column("body", Text(collation="C"), nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Index("audit_log_kind_at", "kind", "at", postgresql_where=text("kind <> 'state'")),
    postgresql_partition_by="RANGE (chained_at)",
)
"""The audit log, one entry a row: ``body`` is a JSON object as text, ``hash`` takes in the hash of the row before."""

audit_head: Final = Table(
    "audit_head",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False, server_default="1"),
    Column("register", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    Column("seq", BigInteger, nullable=False, server_default="0"),
    Column("hash", LargeBinary, nullable=False, server_default=text("decode(repeat('00', 32), 'hex')")),
    Column("chained_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    CheckConstraint("id = 1", name="one"),
)
"""The chain's last entry, one row: whoever holds its lock may write the next. ``register`` names this register."""

holds: Final = Table(
    "holds",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("reason", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_at", DateTime(timezone=True), nullable=False, server_default=_NOW),
    _time("until"),
    _time("released_at"),
    Column("released_by", Text),
)
"""While one of these lasts, no month is dropped."""
