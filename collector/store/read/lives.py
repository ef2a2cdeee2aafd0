"""Versions of entries in the order of node and entry, through a cursor of the database: for reports of everything."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from collector.store import asking
from collector.store.asking import Asking
from collector.store.read.lists import Conditions
from collector.store.read.versions import Versions, bounds
from protocol import entries
from protocol.answers import Bounds, NodeRef
from protocol.entries import ENTRY_TYPES, Entry, Kind

_BATCH: Final = 500
_DECODERS: Final = {kind: msgspec.json.Decoder(shape) for kind, shape in ENTRY_TYPES.items()}


@dataclass(frozen=True, slots=True)
class Life:
    """One version of an entry.

    ``first`` is when the first version of the entry began, of those that the register still has (where it was asked
    for). ``ended`` is ``None`` for what is current: it was last listed at ``seen``. ``digest`` is the one of an image's
    digests that the row is about.
    """

    identity: tuple[int, str]
    node: NodeRef
    entry: Entry
    first: Bounds
    began: Bounds
    ended: Bounds | None
    certain: bool
    seen: datetime | None
    digest: str


ALONE: Final = " AND ".join(
    f"coalesce(doc -> 'labels' ->> '{label}', '') = ''" for label in (*entries.SERVICE_LABELS, *entries.STACK_LABELS)
)
"""The condition on containers that belong to no service and no stack."""

_FIRST: Final = (
    "LEFT JOIN LATERAL (SELECT b.began_after, b.began_before FROM history AS b "
    "WHERE b.node_id = v.node_id AND b.kind = v.kind AND b.entry_id = v.entry_id ORDER BY b.ended_before LIMIT 1"
    ") AS f ON TRUE"
)
_NO_FIRST: Final = "CROSS JOIN (SELECT NULL::timestamptz AS began_after, NULL::timestamptz AS began_before) AS f"
_DIGESTS: Final = (
    "CROSS JOIN LATERAL jsonb_array_elements_text(CASE WHEN jsonb_array_length(v.doc -> 'digests') > 0 "
    "THEN v.doc -> 'digests' ELSE '[\"\"]' END) AS d (digest)"
)
"""Of an image a row for each of its digests, one with none if it has none."""


async def take_time(conn: Asking, seconds: float) -> None:
    """Let the statements of this transaction take so long, and its reader too."""
    value = f"{round(seconds * 1000)}ms"
    for setting in ("statement_timeout", "idle_in_transaction_session_timeout"):
        await asking.rows(conn, "SELECT set_config(:setting, :value, TRUE)", {"setting": setting, "value": value})


async def everything(
    conn: Asking, versions: Versions, kind: Kind, conditions: Conditions, also: str = "TRUE", *, first: bool = True
) -> AsyncIterator[Life]:
    """Yield versions by node and entry, the versions of one entry oldest first.

    ``also`` is a text of this module; ``first``: look for the first version of each entry as well.
    """
    order = "v.node_id, v.entry_id, v.ended_before"
    joined = _FIRST if first else _NO_FIRST
    async for life in _stream(conn, versions, kind, conditions, also, joined, "''", order):
        yield life


async def by_digest(conn: Asking, versions: Versions, conditions: Conditions) -> AsyncIterator[Life]:
    """Yield images by digest, then by node; those without a digest first."""
    digest = "split_part(d.digest, '@', 2) COLLATE \"C\""
    order = f"{digest}, v.node_id, v.entry_id, v.ended_before"
    async for life in _stream(conn, versions, Kind.IMAGE, conditions, "TRUE", f"{_FIRST} {_DIGESTS}", digest, order):
        yield life


async def _stream(
    conn: Asking,
    versions: Versions,
    kind: Kind,
    conditions: Conditions,
    also: str,
    joined: str,
    digest: str,
    order: str,
) -> AsyncIterator[Life]:
    condition, given = conditions.where(kind)
    columns = "node_id, kind, entry_id, root, key, doc, began_after, began_before"
    selected = versions.where(f"{condition} AND {also}", columns)
    statement = (
        "SELECT v.node_id, v.entry_id::text AS entry_id, n.cluster, n.node, n.hostname, v.began_after, v.began_before, "
        "f.began_after AS first_after, f.began_before AS first_before, "
        "v.ended_after, CASE WHEN v.ended_after IS NOT NULL THEN v.ended_before END AS ended_before, v.certain, "
        "greatest(n.listed_at, h.listed_at) AS seen, "
        f"{digest} AS digest, (v.doc || jsonb_build_object('root', v.root, 'key', v.key))::text AS doc "
        f"FROM ({selected}) AS v JOIN nodes AS n ON n.id = v.node_id "
        f"LEFT JOIN node_heartbeats AS h ON h.node_id = v.node_id {joined} ORDER BY {order}"
    )
    decoder = _DECODERS[kind]
    async for row in asking.stream(conn, statement, {**given, **versions.parameters}, _BATCH):
        yield _life(row, decoder)


def _life(row: Sequence[Any], decoder: msgspec.json.Decoder[Any]) -> Life:
    node_id, entry_id, cluster, node, hostname, after, before, first_after, first_before, *rest = row
    ended_after, ended_before, certain, seen, digest, document = rest
    began = bounds(after, before)
    return Life(
        (node_id, entry_id),
        NodeRef(cluster=cluster, node=node, hostname=hostname),
        decoder.decode(document),
        began if first_before is None else bounds(first_after, first_before),
        began,
        bounds(ended_after, ended_before) if ended_after is not None else None,
        certain,
        seen,
        digest,
    )
