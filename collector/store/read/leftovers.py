"""What is left over on disk: directories that nothing claims, and containers that their engine forgot."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from collector.store import asking
from collector.store.asking import Asking
from collector.store.read.lists import Conditions
from collector.store.read.versions import Position, Versions, bounds
from protocol.answers import Bounds, NodeRef
from protocol.entries import Container, Kind, Layer
from protocol.sizes import NodeSize, Size

_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Leftover:
    """A layer or a container, the bounds of when it was first known, and what it costs (``None``: not measured)."""

    position: Position
    node: NodeRef
    entry: Layer | Container
    first_seen: Bounds
    age: float
    bytes: int | None
    inodes: int | None
    partial: bool
    measured_at: datetime | None


@dataclass(frozen=True, slots=True)
class Limits:
    """Which entries are meant: of one kind, that meet the conditions, as they are or were."""

    kind: Kind
    conditions: Conditions
    versions: Versions

    def where(self) -> tuple[str, dict[str, Any]]:
        """Return the condition, and the parameters of what ``versions`` makes of it."""
        condition, given = self.conditions.where(self.kind)
        return condition, {**given, **self.versions.parameters}

    @property
    def size(self) -> str:
        """The size of an entry: only the present ones are kept."""
        return _NO_SIZE if self.versions.at is not None else _SIZE

    @property
    def asked(self) -> str:
        """The moment that ages are counted to."""
        return "CAST(:at AS timestamptz)" if self.versions.at is not None else "clock_timestamp()"


_SIZE: Final = (
    "LATERAL (SELECT sum(c.bytes)::bigint AS bytes, sum(c.inodes)::bigint AS inodes, bool_or(c.partial) AS partial, "
    "min(c.measured_at) AS measured_at FROM usage_current AS c "
    "WHERE c.node_id = e.node_id AND c.kind = e.kind AND c.entry_id = e.entry_id) AS u"
)
# A layer's name says that nobody claims it, so its first version is when that was first seen. A container was an
# ordinary one before it was a ghost: only its present version counts.
_FIRST: Final = (
    "LATERAL (SELECT b.began_after, b.began_before FROM ("
    "SELECT e.began_after, e.began_before UNION ALL SELECT h.began_after, h.began_before FROM history AS h "
    "WHERE e.kind = 'layer' AND h.node_id = e.node_id AND h.kind = e.kind AND h.entry_id = e.entry_id"
    ") AS b ORDER BY b.began_before LIMIT 1) AS f"
)
_NO_SIZE: Final = (
    "LATERAL (SELECT NULL::bigint AS bytes, NULL::bigint AS inodes, FALSE AS partial, "
    "NULL::timestamptz AS measured_at) AS u"
)
_DECODERS: Final[Mapping[Kind, msgspec.json.Decoder[Any]]] = {
    Kind.LAYER: msgspec.json.Decoder(Layer),
    Kind.CONTAINER: msgspec.json.Decoder(Container),
}


def _select(limits: Limits, source: str) -> str:
    return (
        "SELECT e.node_id, e.entry_id::text, CASE WHEN e.ended_after IS NOT NULL THEN e.ended_before END, "
        "n.cluster, n.node, n.hostname, f.began_after, f.began_before, "
        f"extract(epoch FROM {limits.asked} - f.began_before)::double precision, u.bytes, u.inodes, "
        "coalesce(u.partial, FALSE), u.measured_at, "
        "(e.doc || jsonb_build_object('root', e.root, 'key', e.key))::text "
        f"FROM ({source}) AS e JOIN nodes AS n ON n.id = e.node_id "
        f"CROSS JOIN {limits.size} CROSS JOIN {_FIRST} ORDER BY e.node_id, e.entry_id, e.ended_before"
    )


async def page(conn: Asking, limits: Limits, after: Position | None, limit: int) -> list[Leftover]:
    """Return up to ``limit`` leftovers behind ``after``, in the order of node and entry."""
    condition, given = limits.where()
    if after is not None:
        given |= after.parameters
    source = limits.versions.page(condition, after)
    found = await asking.rows(conn, f"{_select(limits, source)} LIMIT :limit", {**given, "limit": limit})
    return [_leftover(limits.kind, row) for row in found]


async def everything(conn: Asking, limits: Limits) -> AsyncIterator[Leftover]:
    """Yield all leftovers through a cursor of the database."""
    condition, given = limits.where()
    statement = _select(limits, limits.versions.where(condition))
    async for row in asking.stream(conn, statement, given, _BATCH):
        yield _leftover(limits.kind, row)


async def by_node(conn: Asking, limits: Limits) -> list[NodeSize]:
    """Return what they cost on each node that has any."""
    condition, given = limits.where()
    found = await asking.rows(
        conn,
        "SELECT n.cluster, n.node, n.hostname, count(DISTINCT e.entry_id), count(u.bytes), "
        "count(*) FILTER (WHERE u.partial), coalesce(sum(u.bytes), 0)::bigint, coalesce(sum(u.inodes), 0)::bigint "
        f"FROM ({limits.versions.where(condition)}) AS e JOIN nodes AS n ON n.id = e.node_id "
        f"CROSS JOIN {limits.size} GROUP BY n.id ORDER BY n.cluster, n.hostname, n.node",
        given,
    )
    return [
        NodeSize(
            cluster=cluster,
            node=node,
            hostname=hostname,
            size=Size(entries=entries, measured=measured, partial=partial, bytes=size, inodes=inodes),
        )
        for cluster, node, hostname, entries, measured, partial, size, inodes in found
    ]


def _leftover(kind: Kind, row: Any) -> Leftover:
    node_id, entry_id, ended, cluster, node, hostname, after, before, age, size, inodes, partial, measured_at, doc = row
    return Leftover(
        Position(node_id, entry_id, ended),
        NodeRef(cluster=cluster, node=node, hostname=hostname),
        _DECODERS[kind].decode(doc),
        bounds(after, before),
        max(0.0, age),
        size,
        inodes,
        partial,
        measured_at,
    )
