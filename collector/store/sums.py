"""The rows behind a node's state hash, as documents: to hash them anew."""

from collections.abc import Collection
from typing import Final, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import text

from collector.store.engine import Connection
from collector.store.nodes import NodeIdentity
from collector.store.writer import Call, Statement, Writer, json

AT_ONCE: Final = 500
"""So many documents are read by one statement."""


class Document(NamedTuple):
    """A current row: its key, its hash, and the entry as JSON."""

    kind: str
    entry_id: UUID
    hash: bytes
    entry: str


class _Hash(msgspec.Struct, frozen=True, gc=False):
    kind: str
    entry_id: UUID
    hash: str


_DOCUMENTS: Final = Statement(
    "SELECT kind, entry_id, hash, (doc || jsonb_build_object('kind', kind, 'root', root, 'key', key))::text "
    'FROM entries WHERE node_id = :node_id AND (kind, entry_id) > (CAST(:kind AS text) COLLATE "C", '
    "CAST(:entry_id AS uuid)) ORDER BY kind, entry_id LIMIT :limit"
)
_SET_HASHES: Final = Statement(
    "UPDATE entries AS e SET hash = decode(x.hash, 'hex') FROM jsonb_to_recordset(CAST(:rows AS jsonb)) "
    'AS x (kind text COLLATE "C", entry_id uuid, hash text) '
    "WHERE e.node_id = :node_id AND e.kind = x.kind AND e.entry_id = x.entry_id"
)
_SET_SUM: Final = Statement("UPDATE nodes SET state_hash = :state_hash WHERE id = :node_id")
_SET_HEARD_SUM: Final = Statement("UPDATE node_heartbeats SET state_hash = :state_hash WHERE node_id = :node_id")
_IDENTITIES: Final = text("SELECT cluster, node FROM nodes ORDER BY id")


async def identities(connection: Connection) -> list[NodeIdentity]:
    """Return every node that the register knows."""
    return [NodeIdentity(cluster, node) for cluster, node in await connection.execute(_IDENTITIES)]


async def documents(writer: Writer, node_id: int, after: Document | None) -> list[Document]:
    """Return the current rows of a node that come after this one, ``AT_ONCE`` at the most; the node is locked."""
    kind, entry_id = ("", UUID(int=0)) if after is None else (after.kind, after.entry_id)
    (found,) = await writer.ask(_DOCUMENTS(node_id=node_id, kind=kind, entry_id=str(entry_id), limit=AT_ONCE))
    return [Document(*row) for row in found]


async def set_hashes(writer: Writer, node_id: int, hashes: Collection[tuple[Document, bytes]]) -> None:
    """Replace the hashes of these rows."""
    if hashes:
        rows = [_Hash(row.kind, row.entry_id, digest.hex()) for row, digest in hashes]
        await writer.ask(_SET_HASHES(node_id=node_id, rows=json(rows)))


def setting_sum(node_id: int, state_hash: bytes) -> tuple[Call, Call]:
    """Note another state hash than the agent knows: its next message is answered ``resync``."""
    return (
        _SET_SUM(node_id=node_id, state_hash=state_hash),
        _SET_HEARD_SUM(node_id=node_id, state_hash=state_hash),
    )
