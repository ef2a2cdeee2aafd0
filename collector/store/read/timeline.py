"""Every version of what a reference names, or ever named; and who the last owner of a path was."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from collector.store import asking
from collector.store.asking import Asking
from collector.store.read.found import Found, fetch
from collector.store.read.versions import Position, bounds, prefix
from protocol.answers import Bounds, NodeRef
from protocol.entries import ENTRY_TYPES, Entry, Kind

_COLUMNS: Final = "node_id, kind, entry_id, root, key, doc, began_after, began_before"
_OPEN: Final = "NULL::timestamptz AS ended_after, NULL::timestamptz AS ended_before, NULL::text AS ended_why"
_PREFIXED: Final = {"id": "key", "mount-id": "mount_id", "name": "name"}
_DECODERS: Final[Mapping[Kind, msgspec.json.Decoder[Any]]] = {
    kind: msgspec.json.Decoder(shape) for kind, shape in ENTRY_TYPES.items()
}


@dataclass(frozen=True, slots=True)
class Past:
    """One version of an entry. ``ended`` and ``why`` are None while it lasts; ``seen``: when its node last listed."""

    position: Position
    kind: Kind
    node: NodeRef
    entry: Entry
    began: Bounds
    ended: Bounds | None
    why: str | None
    seen: datetime | None


Entity = tuple[int, str, str]
"""What names an entry whatever its versions: node, kind, entry."""


async def bearing(
    conn: Asking, tokens: Sequence[int], node_ids: frozenset[int] | None, begin: Position | None, limit: int
) -> list[tuple[Entity, Entry]]:
    """Return up to ``limit`` entries of any kind, one version of which bears one of the tokens (hashes).

    Each comes with that version, which has to be compared with the text; ``begin`` is the first of them.
    """
    given = {"tokens": list(tokens)}
    return await _entities(conn, "ref_keys && CAST(:tokens AS bigint[])", given, node_ids, begin, limit)


async def called(
    conn: Asking,
    names: Sequence[tuple[str, str]],
    node_ids: frozenset[int] | None,
    begin: Position | None,
    limit: int,
) -> list[tuple[Entity, Entry]]:
    """Return containers that are, or were, called so: each name as ``id``, ``mount-id`` or ``name``."""
    parts = [f"{_PREFIXED[kind]} = :name{number}" for number, (kind, _) in enumerate(names)]
    given = {f"name{number}": value for number, (_, value) in enumerate(names)}
    condition = f"kind = 'container' AND ({' OR '.join(parts)})"
    return await _entities(conn, condition, given, node_ids, begin, limit)


async def versions(conn: Asking, entities: Sequence[Entity], begin: Position | None, limit: int) -> list[Past]:
    """Return up to ``limit`` versions of these entries in the order of lists; ``begin`` is the first of them."""
    given: dict[str, Any] = {
        "nodes": [node_id for node_id, _, _ in entities],
        "kinds": [kind for _, kind, _ in entities],
        "ids": [entry_id for _, _, entry_id in entities],
        "limit": limit,
    }
    behind = "TRUE"
    if begin is not None:
        behind = (
            "(v.node_id, v.entry_id, coalesce(v.ended_before, 'infinity')) >= "
            "(:after_node, CAST(:after_entry AS uuid), coalesce(CAST(:after_ended AS timestamptz), 'infinity'))"
        )
        given |= {"after_ended": None, **begin.parameters}
    each = " JOIN asked USING (node_id, kind, entry_id)"
    found = await asking.rows(
        conn,
        "WITH asked AS (SELECT * FROM unnest(CAST(:nodes AS int[]), CAST(:kinds AS text[]), CAST(:ids AS uuid[])) "
        "AS a (node_id, kind, entry_id)) "
        "SELECT v.node_id, v.kind, v.entry_id::text, n.cluster, n.node, n.hostname, v.began_after, v.began_before, "
        "v.ended_after, v.ended_before, v.ended_why, greatest(n.listed_at, h.listed_at), "
        "(v.doc || jsonb_build_object('root', v.root, 'key', v.key))::text "
        f"FROM (SELECT {_COLUMNS}, {_OPEN} FROM entries{each} UNION ALL "
        f"SELECT {_COLUMNS}, ended_after, ended_before, ended_why FROM history{each}) AS v "
        "JOIN nodes AS n ON n.id = v.node_id LEFT JOIN node_heartbeats AS h ON h.node_id = v.node_id "
        f"WHERE {behind} ORDER BY v.node_id, v.entry_id, coalesce(v.ended_before, 'infinity') LIMIT :limit",
        given,
    )
    return [_past(row) for row in found]


async def names_beginning(
    conn: Asking, kinds: Sequence[str], begin: str, node_ids: frozenset[int] | None, limit: int
) -> list[tuple[str, str, int, str]]:
    """Return up to ``limit`` names per kind that begin so, as kind, name, node and entry: now or ever."""
    low_high = prefix(begin)
    node, given = _within(node_ids)
    parts = []
    for kind in kinds:
        column = _PREFIXED[kind]
        upper = f" AND {column} < :high" if "high" in low_high else ""
        condition = f"kind = 'container' AND {column} >= :low{upper}{node}"
        parts += [
            f"(SELECT DISTINCT '{kind}' AS what, {column} AS name, node_id, entry_id::text FROM {table} "
            f"WHERE {condition} LIMIT :limit)"
            for table in ("entries", "history")
        ]
    found = await asking.rows(conn, " UNION ".join(parts), {**low_high, **given, "limit": limit})
    return [(what, name, node_id, entry_id) for what, name, node_id, entry_id in found]


async def last_owners(
    conn: Asking,
    paths: Sequence[int],
    names: Sequence[int],
    before: datetime | None,
    node_ids: frozenset[int] | None,
) -> list[Found]:
    """Return what once had a place with one of these hashes of paths, or a directory's name of these, and is gone.

    ``before``: gone by then. The latest end of each entry is meant.
    """
    node, given = _within(node_ids)
    gone = "" if before is None else " AND ended_before <= :before"
    versions = (
        f"SELECT DISTINCT ON (node_id, kind, entry_id) {_COLUMNS}, ended_after, ended_before, TRUE AS certain "
        "FROM (SELECT * FROM history WHERE kind <> 'bind' AND (path_keys && CAST(:paths AS bigint[]) "
        f"OR ref_keys && CAST(:names AS bigint[])) AND ended_why <> 'changed'{gone}{node}"
        " UNION ALL SELECT * FROM history WHERE kind = 'bind' AND path_keys && CAST(:paths AS bigint[]) "
        f"AND ended_why <> 'changed'{gone}{node}) AS every ORDER BY node_id, kind, entry_id, ended_before DESC"
    )
    given |= {"paths": list(paths), "names": list(names)}
    if before is not None:
        given["before"] = before
    return await fetch(conn, versions, given, _MOST)


_MOST: Final = 5000
"""So many past owners are looked at; more than a page of paths has."""


async def _entities(
    conn: Asking,
    condition: str,
    given: dict[str, Any],
    node_ids: frozenset[int] | None,
    begin: Position | None,
    limit: int,
) -> list[tuple[Entity, Entry]]:
    node, only = _within(node_ids)
    condition += node
    if begin is not None:
        condition += " AND (node_id, entry_id) >= (:after_node, CAST(:after_entry AS uuid))"
        only |= {"after_node": begin.node_id, "after_entry": begin.entry_id}
    columns = "node_id, kind, entry_id, root, key, doc"
    found = await asking.rows(
        conn,
        "SELECT DISTINCT ON (node_id, entry_id, kind) node_id, kind, entry_id::text, "
        "(doc || jsonb_build_object('root', root, 'key', key))::text "
        f"FROM (SELECT {columns} FROM entries WHERE {condition} "
        f"UNION ALL SELECT {columns} FROM history WHERE {condition}) AS v "
        "ORDER BY node_id, entry_id, kind LIMIT :limit",
        {**given, **only, "limit": limit},
    )
    return [((node_id, kind, entry_id), _DECODERS[Kind(kind)].decode(doc)) for node_id, kind, entry_id, doc in found]


def _within(node_ids: frozenset[int] | None) -> tuple[str, dict[str, Any]]:
    if node_ids is None:
        return "", {}
    return " AND node_id = ANY(:node_ids)", {"node_ids": sorted(node_ids)}


def _past(row: Any) -> Past:
    node_id, kind, entry_id, cluster, node, hostname, after, before, end_after, end_before, why, seen, doc = row
    ended = bounds(end_after, end_before) if end_before is not None else None
    return Past(
        Position(node_id, entry_id, end_before),
        Kind(kind),
        NodeRef(cluster=cluster, node=node, hostname=hostname),
        _DECODERS[Kind(kind)].decode(doc),
        bounds(after, before),
        ended,
        why,
        seen if ended is None else None,
    )
