"""Entries: which versions are current, and how one closes and the next opens.

All is done for one node whose row the transaction has locked, so nobody else changes these rows meanwhile.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Final, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from collector.store import keys
from protocol.entries import Container, Entry, EntryKey, Kind

AT_ONCE: Final = 500
"""So many versions are opened by one statement."""


class Name(NamedTuple):
    """What names an entry of a node in the primary key."""

    kind: str
    entry_id: UUID


class Held(NamedTuple):
    """What has to be known of a current version to follow it up."""

    hash: bytes
    began_before: datetime


class Opening(NamedTuple):
    """A version that begins now; ``after``: the last moment at which it is known not to have been so."""

    name: Name
    entry: Entry
    hash: bytes
    after: datetime | None


class Ending(NamedTuple):
    """A version that ends now; ``after``: the last moment at which it is known to have been so.

    ``why`` is ``changed`` (the next one begins now), ``removed`` (the agent said so) or ``absent`` (a complete
    list lacks it).
    """

    name: Name
    after: datetime
    why: str


class _Row(msgspec.Struct, frozen=True, gc=False):
    kind: str
    entry_id: UUID
    root: str
    key: str
    hash: str
    began_after: datetime | None
    name: str | None
    mount_id: str | None
    doc: msgspec.Raw
    path_keys: list[int]
    ref_keys: list[int]


class _End(msgspec.Struct, frozen=True, gc=False):
    kind: str
    entry_id: UUID
    ended_after: datetime
    why: str


_HELD: Final = text("SELECT kind, entry_id, hash, began_before FROM entries WHERE node_id = :node_id")
_HELD_OF: Final = text(
    "SELECT e.kind, e.entry_id, e.hash, e.began_before FROM entries AS e "
    "JOIN unnest(CAST(:kinds AS text[]), CAST(:ids AS uuid[])) AS x (kind, entry_id) "
    'ON e.kind = x.kind COLLATE "C" AND e.entry_id = x.entry_id WHERE e.node_id = :node_id'
)
_KEYS_OF: Final = text(
    "SELECT e.kind, e.root, e.key, e.hash FROM entries AS e "
    "JOIN unnest(CAST(:kinds AS text[]), CAST(:ids AS uuid[])) AS x (kind, entry_id) "
    'ON e.kind = x.kind COLLATE "C" AND e.entry_id = x.entry_id WHERE e.node_id = :node_id ORDER BY 1, 2, 3'
)
_COPIED: Final = (
    "node_id, kind, entry_id, root, key, hash, began_after, began_before, name, mount_id, doc, path_keys, ref_keys"
)
_ENDS: Final = (
    "jsonb_to_recordset(CAST(:ends AS jsonb)) AS x "
    '(kind text COLLATE "C", entry_id uuid, ended_after timestamptz, why text)'
)
_CLOSE: Final = text(
    f"INSERT INTO history ({_COPIED}, ended_after, ended_before, ended_why) "
    f"SELECT {', '.join('e.' + name for name in _COPIED.split(', '))}, x.ended_after, :now, x.why FROM {_ENDS} "
    "JOIN entries AS e ON e.node_id = :node_id AND e.kind = x.kind AND e.entry_id = x.entry_id"
)
_REMOVE: Final = text(
    f"DELETE FROM entries AS e USING {_ENDS} "
    "WHERE e.node_id = :node_id AND e.kind = x.kind AND e.entry_id = x.entry_id AND x.why <> 'changed'"
)
_OPEN: Final = text(
    f"INSERT INTO entries ({_COPIED}) "
    "SELECT :node_id, kind, entry_id, root, key, decode(hash, 'hex'), began_after, :now, name, mount_id, "
    "doc - CAST('{kind,root,key}' AS text[]), path_keys, ref_keys "
    "FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS x (kind text, entry_id uuid, root text, "
    "key text, hash text, began_after timestamptz, name text, mount_id text, doc jsonb, path_keys bigint[], "
    "ref_keys bigint[]) ORDER BY kind, entry_id "
    "ON CONFLICT (node_id, kind, entry_id) DO UPDATE SET hash = excluded.hash, began_after = excluded.began_after, "
    "began_before = excluded.began_before, name = excluded.name, mount_id = excluded.mount_id, doc = excluded.doc, "
    "path_keys = excluded.path_keys, ref_keys = excluded.ref_keys WHERE entries.hash IS DISTINCT FROM excluded.hash"
)


def name_of(key: EntryKey) -> Name:
    """Return what names the entry with this key."""
    return Name(key.kind.value, keys.entry_id(key.root, key.key))


async def held(connection: AsyncConnection, node_id: int) -> dict[Name, Held]:
    """Return every current version of the node."""
    return _by_name(await connection.execute(_HELD, {"node_id": node_id}))


async def held_of(connection: AsyncConnection, node_id: int, names: Collection[Name]) -> dict[Name, Held]:
    """Return the current versions with these names, as far as there are any."""
    return _by_name(await connection.execute(_HELD_OF, _lists(node_id, names))) if names else {}


async def keys_of(connection: AsyncConnection, node_id: int, names: Collection[Name]) -> list[tuple[EntryKey, bytes]]:
    """Return keys and hashes of the current versions with these names, sorted."""
    if not names:
        return []
    found = await connection.execute(_KEYS_OF, _lists(node_id, names))
    return [(EntryKey(Kind(kind), root, key), digest) for kind, root, key, digest in found]


async def apply(
    connection: AsyncConnection,
    node_id: int,
    now: datetime,
    endings: Collection[Ending],
    openings: Collection[Opening],
) -> None:
    """Close and open versions at ``now``."""
    if endings:
        ends = [_End(*end.name, end.after, end.why) for end in sorted(endings)]
        values = {"node_id": node_id, "now": now, "ends": _json(ends)}
        await connection.execute(_CLOSE, values)
        if any(end.why != "changed" for end in endings):
            await connection.execute(_REMOVE, values)
    for batch in _batched(openings):
        rows = [row(opening) for opening in batch]
        await connection.execute(_OPEN, {"node_id": node_id, "now": now, "rows": _json(rows)})


def _batched(openings: Collection[Opening]) -> Iterator[list[Opening]]:
    """Yield them in parts: the largest message takes up no more memory, and others get their turn in between."""
    rest = iter(openings)
    while part := list(islice(rest, AT_ONCE)):
        yield part


def row(opening: Opening) -> msgspec.Struct:
    """Return the opening as a row of ``entries``, for ``jsonb_to_recordset``; ``doc`` still has the key's fields."""
    name, entry, digest, after = opening
    called, mount_id = (entry.name, entry.mount_id) if isinstance(entry, Container) else (None, None)
    return _Row(
        *name,
        entry.root,
        entry.key,
        digest.hex(),
        after,
        called,
        mount_id,
        msgspec.Raw(msgspec.json.encode(entry)),
        keys.path_keys(entry),
        keys.ref_keys(entry),
    )


def _json(rows: Iterable[msgspec.Struct]) -> str:
    return msgspec.json.encode(rows).decode()


def _lists(node_id: int, names: Collection[Name]) -> dict[str, object]:
    ordered = sorted(names)
    return {
        "node_id": node_id,
        "kinds": [name.kind for name in ordered],
        "ids": [name.entry_id for name in ordered],
    }


def _by_name(rows: Iterable[tuple[str, UUID, bytes, datetime]]) -> dict[Name, Held]:
    return {Name(kind, entry_id): Held(digest, began) for kind, entry_id, digest, began in rows}
