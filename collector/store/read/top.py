"""What is largest, and what grew most: sizes added up by what people ask for."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from collector.store import asking
from collector.store.asking import Asking
from protocol import entries
from protocol.sizes import TopBy, TopOrder

_BATCH: Final = 500


def _label(*names: str) -> str:
    """Return the SQL of the first of these labels that an entry has, ``''`` without any."""
    found = ", ".join(f"nullif(e.doc #>> '{{labels,{name}}}', '')" for name in names)
    return f"coalesce({found}, '')"


_SERVICE: Final = _label(*entries.SERVICE_LABELS)
_STACK: Final = _label(*entries.STACK_LABELS)


class _Group(NamedTuple):
    """How entries are added up: their kinds, the SQL of the group's name, and whether each node is for itself."""

    kinds: tuple[str, ...]
    name: str
    per_node: bool


_GROUPS: Final[dict[TopBy, _Group]] = {
    "container": _Group(("container",), "e.key", per_node=True),
    "volume": _Group(("volume",), "e.key", per_node=True),
    "node": _Group(("container", "layer", "volume"), "n.node", per_node=True),
    "service": _Group(("container",), _SERVICE, per_node=False),
    "stack": _Group(("container", "volume"), _STACK, per_node=False),
    "image": _Group(("container",), "coalesce(e.doc ->> 'image', '')", per_node=False),
}


class Rank(NamedTuple):
    """Where a row stands: by its number, and among equal ones by its name."""

    number: int
    name: str


@dataclass(frozen=True, slots=True)
class Ranked:
    """One row; ``all_*`` are the sums over every row, also those that are not measured."""

    rank: Rank
    cluster: str
    node: str
    hostname: str
    key: str
    name: str
    image: str
    service: str
    stack: str
    nodes: int
    entries: int
    measured: int
    partial: int
    bytes: int
    inodes: int
    grown: int | None
    grown_from: datetime | None
    measured_at: datetime | None
    all_entries: int
    all_measured: int
    all_partial: int
    all_bytes: int
    all_inodes: int


# Before `since` there was no such entry: all that it has came since then.
_NEW: Final = (
    "coalesce(e.began_after >= :since, FALSE) AND NOT EXISTS ("
    "SELECT FROM history AS h WHERE h.node_id = e.node_id AND h.kind = e.kind "
    "AND h.entry_id = e.entry_id AND h.ended_before > :since AND (h.began_after IS NULL OR h.began_after < :since))"
)
# The size at `since` is that of the first sample after it, else the present one (`tables.usage_samples`).
_BEFORE: Final = (
    "coalesce((SELECT s.bytes FROM usage_samples AS s WHERE s.node_id = c.node_id AND s.kind = c.kind "
    "AND s.entry_id = c.entry_id AND s.part = c.part AND s.hour >= date_trunc('hour', CAST(:since AS timestamptz), "
    "'UTC') AND s.measured_at >= :since ORDER BY s.hour LIMIT 1), c.bytes)"
)


def _statement(by: TopBy, order: TopOrder, *, grown: bool, nodes: bool) -> str:
    """Return the SELECT of all rows with their rank, and the sums over all of them."""
    group = _GROUPS[by]
    growth = f"sum(c.bytes - CASE WHEN w.new THEN 0 ELSE {_BEFORE} END)" if grown else "NULL::bigint"
    grown_from = "max(greatest(c.first_at, :since)) FILTER (WHERE NOT w.new)" if grown else "NULL::timestamptz"
    new = f"({_NEW})" if grown else "FALSE"
    node = "n.node" if group.per_node else "''"
    hostname = "n.hostname" if group.per_node else "''"
    # The names of a container go with its ID; of a group only what all of it has in common is told.
    own = "min({0})" if by == "container" else "''"
    each = (
        f"SELECT n.cluster, {node} AS node, {hostname} AS hostname, {group.name} AS key, e.node_id, "
        f"e.name, coalesce(e.doc ->> 'image', '') AS image, {_SERVICE} AS service, {_STACK} AS stack, u.* "
        f"FROM entries AS e JOIN nodes AS n ON n.id = e.node_id CROSS JOIN LATERAL (SELECT {new} AS new) AS w "
        "CROSS JOIN LATERAL ("
        "SELECT count(*) > 0 AS measured, bool_or(c.partial) AS partial, sum(c.bytes) AS bytes, "
        f"sum(c.inodes) AS inodes, {growth} AS grown, {grown_from} AS grown_from, min(c.measured_at) AS measured_at "
        "FROM usage_current AS c WHERE c.node_id = e.node_id AND c.kind = e.kind AND c.entry_id = e.entry_id) AS u "
        f"WHERE e.kind = ANY(:kinds) AND {group.name} <> '' AND e.node_id <> ALL(CAST(:former AS int[]))"
        + (" AND e.node_id = ANY(:node_ids)" if nodes else "")
    )
    grouped = (
        f"SELECT cluster, node, hostname, key, {own.format('name')} AS name, {own.format('image')} AS image, "
        f"{own.format('service')} AS service, {own.format('stack')} AS stack, count(DISTINCT node_id) AS nodes, "
        "count(*) AS entries, count(*) FILTER (WHERE measured) AS measured, "
        "count(*) FILTER (WHERE partial) AS partial, "
        "coalesce(sum(bytes), 0)::bigint AS bytes, coalesce(sum(inodes), 0)::bigint AS inodes, "
        "sum(grown)::bigint AS grown, max(grown_from) AS grown_from, min(measured_at) AS measured_at "
        f"FROM ({each}) AS each GROUP BY cluster, node, hostname, key"
    )
    number = "bytes" if order == "size" else "grown"
    sums = ", ".join(
        f"(sum({name}) OVER ())::bigint AS all_{name}" for name in ("entries", "measured", "partial", "bytes", "inodes")
    )
    return (
        f"SELECT *, coalesce({number}, 0) AS number, "
        """cluster || '/' || node || '/' || key COLLATE "C" AS rank_name, """
        f"{sums} FROM ({grouped}) AS grouped"
    )


_COLUMNS: Final = (
    "number, rank_name, cluster, node, hostname, key, name, image, service, stack, nodes, entries, measured, partial, "
    "bytes, inodes, grown, grown_from, measured_at, all_entries, all_measured, all_partial, all_bytes, all_inodes"
)


@dataclass(frozen=True, slots=True)
class Ranking:
    """What is ranked: by what, in which order, since when growth counts (``None``: it does not), and on which nodes.

    ``former`` are node IDs that are superseded: their disks are those of others.
    """

    by: TopBy
    order: TopOrder
    since: datetime | None
    node_ids: frozenset[int] | None
    former: frozenset[int] = frozenset()

    def statement(self) -> tuple[str, dict[str, Any]]:
        """Return the SELECT of all rows, best first, without a limit; and its parameters."""
        given: dict[str, Any] = {"kinds": list(_GROUPS[self.by].kinds), "former": sorted(self.former)}
        if self.since is not None:
            given["since"] = self.since
        if self.node_ids is not None:
            given["node_ids"] = sorted(self.node_ids)
        source = _statement(self.by, self.order, grown=self.since is not None, nodes=self.node_ids is not None)
        return f"SELECT {_COLUMNS} FROM ({source}) AS ranked", given


_ORDER: Final = "ORDER BY number DESC, rank_name"


async def page(conn: Asking, ranking: Ranking, after: Rank | None, limit: int) -> list[Ranked]:
    """Return up to ``limit`` rows behind ``after``; one without a measurement only when none has any."""
    statement, given = ranking.statement()
    # A row is also wanted when nothing is measured: it carries the sums.
    condition = "(measured > 0 OR all_measured = 0)"
    if after is not None:
        condition += " AND (number < :number OR number = :number AND rank_name > :rank_name)"
        given |= {"number": after.number, "rank_name": after.name}
    found = await asking.rows(conn, f"{statement} WHERE {condition} {_ORDER} LIMIT :limit", {**given, "limit": limit})
    return [_ranked(row) for row in found]


async def everything(conn: Asking, ranking: Ranking) -> AsyncIterator[Ranked]:
    """Yield every row that is measured, best first."""
    statement, given = ranking.statement()
    async for row in asking.stream(conn, f"{statement} WHERE measured > 0 {_ORDER}", given, _BATCH):
        yield _ranked(row)


def _ranked(row: Any) -> Ranked:
    number, name, *rest = row
    return Ranked(Rank(number, name), *rest)
