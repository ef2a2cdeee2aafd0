"""Entries: which versions are current, and how one closes and the next opens.

All is done for nodes whose rows the transaction has locked, so nobody else changes these rows meanwhile.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Final, NamedTuple
from uuid import UUID

import msgspec

from collector.store import keys, shapes
from collector.store.nodes import NodeIdentity
from collector.store.wire import Found, text_array
from collector.store.writer import Call, Statement, Writer, array, json
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


class Change(NamedTuple):
    """The versions of one node that end and begin at ``now``."""

    node_id: int
    now: datetime
    endings: Collection[Ending]
    openings: Collection[Opening]


class _Row(msgspec.Struct, frozen=True, gc=False):
    node_id: int
    now: datetime
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
    node_id: int
    now: datetime
    kind: str
    entry_id: UUID
    ended_after: datetime
    why: str


_HELD: Final = Statement(
    "SELECT e.kind, e.entry_id, e.hash, e.began_before FROM nodes AS n JOIN entries AS e ON e.node_id = n.id "
    "WHERE n.cluster = :cluster AND n.node = :node"
)
_HASHES: Final = Statement(
    "SELECT e.hash FROM nodes AS n JOIN entries AS e ON e.node_id = n.id WHERE n.cluster = :cluster AND n.node = :node"
)
# OFFSET 0: entry by entry, or the planner may read all of a node's, or everybody's.
_HELD_OF: Final = Statement(
    "SELECT n.node, e.kind, e.entry_id, e.hash, e.began_before FROM "
    "unnest(CAST(:nodes AS text[]), CAST(:kinds AS text[]), CAST(:ids AS uuid[])) AS x (node, kind, entry_id) "
    "CROSS JOIN LATERAL (SELECT id, node FROM nodes WHERE cluster = :cluster AND node = x.node OFFSET 0) AS n "
    "CROSS JOIN LATERAL (SELECT kind, entry_id, hash, began_before FROM entries AS o "
    "WHERE o.node_id = n.id AND o.kind = x.kind AND o.entry_id = x.entry_id OFFSET 0) AS e"
)
_KEYS_OF: Final = Statement(
    "SELECT e.kind, e.root, e.key, e.hash FROM entries AS e "
    "JOIN unnest(CAST(:kinds AS text[]), CAST(:ids AS uuid[])) AS x (kind, entry_id) "
    'ON e.kind = x.kind COLLATE "C" AND e.entry_id = x.entry_id WHERE e.node_id = :node_id ORDER BY 1, 2, 3'
)
_COPIED: Final = (
    "node_id, kind, entry_id, root, key, hash, began_after, began_before, name, mount_id, doc, path_keys, ref_keys"
)
_ENDING: Final = (
    "jsonb_to_recordset(CAST(:ends AS jsonb)) AS x "
    "(node_id int, now timestamptz, kind text, entry_id uuid, ended_after timestamptz, why text) "
    "CROSS JOIN LATERAL (SELECT o.ctid, o.* FROM entries AS o "
    "WHERE o.node_id = x.node_id AND o.kind = x.kind AND o.entry_id = x.entry_id OFFSET 0) AS e"
)
_CLOSE: Final = Statement(
    f"INSERT INTO history ({_COPIED}, ended_after, ended_before, ended_why) "
    f"SELECT {', '.join('e.' + name for name in _COPIED.split(', '))}, x.ended_after, x.now, x.why FROM {_ENDING}"
)
_REMOVE: Final = Statement(
    f"DELETE FROM entries WHERE ctid = ANY(ARRAY(SELECT e.ctid FROM {_ENDING} WHERE x.why <> 'changed'))"
)
_OPEN: Final = Statement(
    f"INSERT INTO entries ({_COPIED}) "
    "SELECT node_id, kind, entry_id, root, key, decode(hash, 'hex'), began_after, now, name, mount_id, "
    "doc - CAST('{kind,root,key}' AS text[]), path_keys, ref_keys "
    "FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS x (node_id int, now timestamptz, kind text, "
    "entry_id uuid, root text, key text, hash text, began_after timestamptz, name text, mount_id text, doc jsonb, "
    "path_keys bigint[], ref_keys bigint[]) ORDER BY node_id, kind, entry_id "
    "ON CONFLICT (node_id, kind, entry_id) DO UPDATE SET hash = excluded.hash, began_after = excluded.began_after, "
    "began_before = excluded.began_before, name = excluded.name, mount_id = excluded.mount_id, doc = excluded.doc, "
    "path_keys = excluded.path_keys, ref_keys = excluded.ref_keys WHERE entries.hash IS DISTINCT FROM excluded.hash"
)


def name_of(key: EntryKey) -> Name:
    """Return what names the entry with this key."""
    return Name(key.kind.value, keys.entry_id(key.root, key.key))


def asking_held(identity: NodeIdentity) -> Call:
    """Ask for every current version of the node; ``held`` reads the answer."""
    return _HELD(cluster=identity.cluster, node=identity.node)


def asking_held_of(cluster: str, names: Mapping[str, Collection[Name]]) -> Call:
    """Ask for the current versions with these names of these nodes, as far as there are any; see ``held_each``."""
    listed = [(node, name) for node, each in names.items() for name in sorted(each)]
    return _HELD_OF(
        cluster=cluster,
        nodes=text_array(node for node, _ in listed),
        kinds=array(name.kind for _, name in listed),
        ids=array(name.entry_id for _, name in listed),
    )


def held(rows: Found) -> dict[Name, Held]:
    """Return what was asked for with ``asking_held``."""
    return {Name(kind, entry_id): Held(digest, began) for kind, entry_id, digest, began in rows}


def held_each(rows: Found) -> dict[str, dict[Name, Held]]:
    """Return what was asked for with ``asking_held_of``, by the nodes' IDs."""
    each: dict[str, dict[Name, Held]] = defaultdict(dict)
    for node, kind, entry_id, digest, began in rows:
        each[node][Name(kind, entry_id)] = Held(digest, began)
    return each


def asking_hashes(identity: NodeIdentity) -> Call:
    """Ask for the hash of every current version of the node, each a row."""
    return _HASHES(cluster=identity.cluster, node=identity.node)


async def keys_of(writer: Writer, node_id: int, names: Collection[Name]) -> list[tuple[EntryKey, bytes]]:
    """Return keys and hashes of the current versions with these names, sorted."""
    if not names:
        return []
    (found,) = await writer.ask(_KEYS_OF(node_id=node_id, **_lists(names)))
    return [(EntryKey(Kind(kind), root, key), digest) for kind, root, key, digest in found]


class Last(NamedTuple):
    """The last statements of what is written, to be asked together with others: ``marking`` behind all others.

    It is the last lock that the transaction takes (``shapes.marking``), and what has been written is not found without.
    """

    calls: list[Call]
    marking: list[Call]


async def apply(writer: Writer, changes: Sequence[Change]) -> Last:
    """Close and open versions; return the last statements of it."""
    calls = list(_closing(changes))
    found: set[int] = set()
    for batch in _batched((change, opening) for change in changes for opening in change.openings):
        if calls and len(batch) == AT_ONCE:
            await writer.ask(*calls)
            calls.clear()
        rows = []
        for change, opening in batch:
            tokens = keys.tokens(opening.entry)
            found |= shapes.of_entry(opening.entry, tokens)
            rows.append(row(change.node_id, change.now, opening, tokens))
        calls.append(_OPEN(rows=json(rows)))
    return Last(calls, shapes.marking(found))


def _closing(changes: Sequence[Change]) -> Iterator[Call]:
    ends = [
        _End(change.node_id, change.now, *end.name, end.after, end.why)
        for change in changes
        for end in sorted(change.endings)
    ]
    if ends:
        listed = json(ends)
        yield _CLOSE(ends=listed)
        if any(end.why != "changed" for end in ends):
            yield _REMOVE(ends=listed)


def _batched(openings: Iterable[tuple[Change, Opening]]) -> Iterator[list[tuple[Change, Opening]]]:
    """Yield them in parts: the largest message takes up no more memory, and others get their turn in between."""
    rest = iter(openings)
    while part := list(islice(rest, AT_ONCE)):
        yield part


def row(node_id: int, now: datetime, opening: Opening, tokens: Sequence[str]) -> msgspec.Struct:
    """Return the opening as a row of ``entries``, for ``jsonb_to_recordset``; ``doc`` still has the key's fields.

    ``tokens`` are those of its entry.
    """
    name, entry, digest, after = opening
    called, mount_id = (entry.name, entry.mount_id) if isinstance(entry, Container) else (None, None)
    return _Row(
        node_id,
        now,
        *name,
        entry.root,
        entry.key,
        digest.hex(),
        after,
        called,
        mount_id,
        msgspec.Raw(msgspec.json.encode(entry)),
        keys.path_keys(entry),
        keys.numbers(tokens),
    )


def _lists(names: Collection[Name]) -> dict[str, str]:
    ordered = sorted(names)
    return {"kinds": array(name.kind for name in ordered), "ids": array(name.entry_id for name in ordered)}
