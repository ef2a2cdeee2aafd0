"""What changed in a window, and every version of what a reference names.

A change is read off the versions themselves: one that ended at a moment, the one that began at the same moment, or
both. Nothing else is kept that could say otherwise. What a superseded node ID had ended with the ID: that is worked out
from its current versions, which nobody closes.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from collector.store import asking
from collector.store.asking import Asking
from collector.store.read.versions import FORMER, Former, bounds, ended_with
from protocol.answers import Bounds, NodeRef
from protocol.entries import ENTRY_TYPES, Entry, Kind

_BATCH: Final = 500
_DECODERS: Final[Mapping[Kind, msgspec.json.Decoder[Any]]] = {
    kind: msgspec.json.Decoder(shape) for kind, shape in ENTRY_TYPES.items()
}


class Mark(NamedTuple):
    """What orders changes: the moment, then the entry."""

    at: datetime
    node_id: int
    kind: str
    entry_id: str


@dataclass(frozen=True, slots=True)
class Changed:
    """One entry at one moment: the version that ended then, and the one that began then.

    ``first_look``: it began when its node was looked at for the first time. ``ended_why`` as in ``tables.history``,
    or ``superseded``.
    """

    mark: Mark
    node: NodeRef
    at: Bounds
    before: Entry | None
    after: Entry | None
    ended_why: str | None
    first_look: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """After ``since``, until ``until``; of these kinds and nodes (None: all).

    ``tokens`` are groups of hashes of reference tokens: an entry bears one of each group. ``former`` are the node IDs
    that are superseded by now.
    """

    since: datetime
    until: datetime
    kinds: Sequence[Kind] = tuple(Kind)
    node_ids: frozenset[int] | None = None
    tokens: tuple[tuple[int, ...], ...] = ()
    former: tuple[Former, ...] = ()

    @property
    def ended(self) -> tuple[Former, ...]:
        """The node IDs that ended in the window."""
        return tuple(one for one in self.former if self.since < one.superseded_at <= self.until)

    def where(self) -> tuple[str, dict[str, Any]]:
        """Return the condition on versions, and its parameters."""
        parts = ["kind = ANY(:kinds)"]
        given: dict[str, Any] = {"since": self.since, "until": self.until, "kinds": [kind.value for kind in self.kinds]}
        for number, group in enumerate(self.tokens):
            parts.append(f"ref_keys && CAST(:tokens{number} AS bigint[])")
            given[f"tokens{number}"] = list(group)
        if self.node_ids is not None:
            parts.append("node_id = ANY(:node_ids)")
            given["node_ids"] = sorted(self.node_ids)
        if ended := self.ended:
            given |= ended_with(ended)
        return " AND ".join(parts), given


def _marks(condition: str, *, former: bool) -> str:
    """Return the SELECT of what changed and when; a current version is looked for on nodes that changed since."""
    ended = f" UNION SELECT node_id, kind, entry_id, ended_before FROM {FORMER} WHERE {condition}" if former else ""
    return (
        "SELECT node_id, kind, entry_id, ended_before AS at FROM history "
        f"WHERE ended_before > :since AND ended_before <= :until AND {condition} "
        "UNION SELECT node_id, kind, entry_id, began_before FROM history "
        f"WHERE began_before > :since AND began_before <= :until AND ended_before > :since AND {condition} "
        "UNION SELECT node_id, kind, entry_id, began_before FROM entries "
        "WHERE node_id IN (SELECT id FROM nodes WHERE changed_at > :since) "
        f"AND began_before > :since AND began_before <= :until AND {condition}{ended}"
    )


def _ended(*, former: bool) -> str:
    """Return the join of ``b``, the version that ended at the moment of ``m``."""
    each = "{0}.node_id = m.node_id AND {0}.kind = m.kind AND {0}.entry_id = m.entry_id"
    if not former:
        return f"LEFT JOIN history AS b ON {each.format('b')} AND b.ended_before = m.at "
    columns, at = "root, key, doc, ended_after", "AND ended_before = m.at"
    return (
        f"LEFT JOIN LATERAL (SELECT {columns}, ended_why FROM history WHERE {each.format('history')} {at} "
        f"UNION ALL SELECT {columns}, 'superseded' FROM {FORMER} WHERE {each.format('entries')} {at} "
        "LIMIT 1) AS b ON TRUE "
    )


def _select(condition: str, *, former: bool, behind: bool, limited: bool) -> str:
    document = "({0}.doc || jsonb_build_object('root', {0}.root, 'key', {0}.key))::text"
    pinned = "e.node_id = m.node_id AND e.kind = m.kind AND e.entry_id = m.entry_id AND e.began_before = m.at"
    columns = "root, key, doc, began_after"
    only = (
        "WHERE (at, node_id, kind, entry_id) > (:after_at, :after_node, :after_kind, CAST(:after_entry AS uuid)) "
        if behind
        else ""
    )
    order = "ORDER BY at, node_id, kind, entry_id"
    marks = f"SELECT * FROM ({_marks(condition, former=former)}) AS u {only}{order}{' LIMIT :limit' if limited else ''}"
    return (
        "SELECT m.at, m.node_id, m.kind, m.entry_id::text, n.cluster, n.node, n.hostname, "
        "coalesce(b.ended_after, a.began_after), b.ended_why, "
        "a.doc IS NOT NULL AND b.doc IS NULL AND a.began_after IS NULL, "
        f"{document.format('b')}, {document.format('a')} "
        f"FROM ({marks}) AS m "
        "JOIN nodes AS n ON n.id = m.node_id "
        f"{_ended(former=former)}"
        f"LEFT JOIN LATERAL (SELECT {columns} FROM entries AS e WHERE {pinned} "
        f"UNION ALL SELECT {columns} FROM history AS e WHERE {pinned} AND e.ended_before > m.at LIMIT 1) AS a ON TRUE "
        "ORDER BY m.at, m.node_id, m.kind, m.entry_id"
    )


async def page(conn: Asking, wanted: Wanted, after: Mark | None, limit: int) -> list[Changed]:
    """Return up to ``limit`` changes behind ``after``, oldest first."""
    condition, given = wanted.where()
    if after is not None:
        given |= {f"after_{name}": value for name, value in zip(("at", "node", "kind", "entry"), after, strict=True)}
    statement = _select(condition, former=bool(wanted.ended), behind=after is not None, limited=True)
    return [_changed(row) for row in await asking.rows(conn, statement, {**given, "limit": limit})]


async def everything(conn: Asking, wanted: Wanted) -> AsyncIterator[Changed]:
    """Yield every change, oldest first, through a cursor of the database."""
    condition, given = wanted.where()
    statement = _select(condition, former=bool(wanted.ended), behind=False, limited=False)
    async for row in asking.stream(conn, statement, given, _BATCH):
        yield _changed(row)


def _changed(row: Any) -> Changed:
    at, node_id, kind, entry_id, cluster, node, hostname, began, why, first_look, before, after = row
    decoder = _DECODERS[Kind(kind)]
    return Changed(
        Mark(at, node_id, kind, entry_id),
        NodeRef(cluster=cluster, node=node, hostname=hostname),
        bounds(began, at),
        decoder.decode(before) if before is not None else None,
        decoder.decode(after) if after is not None else None,
        why,
        first_look,
    )
