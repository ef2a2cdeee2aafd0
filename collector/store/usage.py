"""Sizes as they arrive: the newest of every part, what it was before, and the room that is left.

Nothing here touches the hashed state or locks a node's row: a size that is lost is measured again.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
import structlog
from sqlalchemy import text

from collector.errors import ProblemError
from collector.store.engine import Connection, Database
from collector.store.nodes import NodeIdentity

KEPT_DAYS: Final = 8
"""So long earlier sizes are kept, and those of entries that are gone."""

_EVERY: Final = 3600.0
_RETRY: Final = 30.0
_log = structlog.stdlib.get_logger("collector.store.usage")


class Sample(msgspec.Struct, frozen=True, gc=False):
    """One measurement; ``ago`` is its age in seconds."""

    kind: str
    entry_id: UUID
    part: str
    bytes: int
    inodes: int
    partial: bool
    ago: float


class RoomNow(msgspec.Struct, frozen=True, gc=False):
    """The room on one file system."""

    path: str
    device: int
    total_bytes: int
    free_bytes: int
    total_inodes: int
    free_inodes: int


_NODE: Final = text(
    "SELECT id, clock_timestamp() FROM nodes WHERE cluster = :cluster AND node = :node AND generation = :generation"
)
_SENT: Final = (
    'jsonb_to_recordset(CAST(:samples AS jsonb)) AS x (kind text COLLATE "C", entry_id uuid, part text COLLATE "C", '
    "bytes bigint, inodes bigint, partial boolean, ago double precision)"
)
# In one order everywhere: two collectors may get messages of one node at once.
_FRESH: Final = (
    "SELECT x.kind, x.entry_id, x.part, x.bytes, x.inodes, x.partial, "
    f"CAST(:now AS timestamptz) - make_interval(secs => x.ago) AS measured_at FROM {_SENT} "
    "JOIN entries AS e ON e.node_id = :node_id AND e.kind = x.kind AND e.entry_id = x.entry_id "
    "ORDER BY x.kind, x.entry_id, x.part"
)
_STORE: Final = text(
    f"WITH fresh AS MATERIALIZED ({_FRESH}), contradicted AS ("
    "INSERT INTO usage_samples (node_id, kind, entry_id, part, hour, bytes, inodes, measured_at) "
    "SELECT u.node_id, u.kind, u.entry_id, u.part, date_trunc('hour', u.measured_at, 'UTC'), u.bytes, u.inodes, "
    "u.measured_at FROM fresh AS f JOIN usage_current AS u ON u.node_id = :node_id AND u.kind = f.kind "
    "AND u.entry_id = f.entry_id AND u.part = f.part "
    "WHERE f.measured_at > u.measured_at AND (f.bytes, f.inodes) IS DISTINCT FROM (u.bytes, u.inodes) "
    "ORDER BY u.kind, u.entry_id, u.part ON CONFLICT DO NOTHING"
    "), stored AS ("
    "INSERT INTO usage_current AS u (node_id, kind, entry_id, part, bytes, inodes, partial, first_at, measured_at) "
    "SELECT :node_id, kind, entry_id, part, bytes, inodes, partial, measured_at, measured_at FROM fresh "
    "ON CONFLICT (node_id, kind, entry_id, part) DO UPDATE SET bytes = excluded.bytes, inodes = excluded.inodes, "
    "partial = excluded.partial, measured_at = excluded.measured_at WHERE u.measured_at < excluded.measured_at"
    ") SELECT count(*) FROM fresh"
)
_ROOMS: Final = text(
    "INSERT INTO rooms AS r (node_id, path, device, total_bytes, free_bytes, total_inodes, free_inodes, measured_at) "
    "SELECT :node_id, path, device, total_bytes, free_bytes, total_inodes, free_inodes, :now "
    "FROM jsonb_to_recordset(CAST(:rooms AS jsonb)) AS x (path text, device bigint, total_bytes bigint, "
    "free_bytes bigint, total_inodes bigint, free_inodes bigint) ORDER BY path "
    "ON CONFLICT (node_id, path) DO UPDATE SET device = excluded.device, total_bytes = excluded.total_bytes, "
    "free_bytes = excluded.free_bytes, total_inodes = excluded.total_inodes, free_inodes = excluded.free_inodes, "
    "measured_at = excluded.measured_at WHERE r.measured_at < excluded.measured_at"
)
_OTHER_ROOMS: Final = text("DELETE FROM rooms WHERE node_id = :node_id AND measured_at < :now")
_OLD_SAMPLES: Final = text("DELETE FROM usage_samples WHERE hour < clock_timestamp() - make_interval(days => :days)")
_OLD_SIZES: Final = text(
    "DELETE FROM usage_current AS u WHERE measured_at < clock_timestamp() - make_interval(days => :days) "
    "AND NOT EXISTS (SELECT FROM entries AS e WHERE (e.node_id, e.kind, e.entry_id) = (u.node_id, u.kind, u.entry_id))"
)


async def node_of(connection: Connection, identity: NodeIdentity, generation: str) -> tuple[int, datetime] | None:
    """Return the node's number and the register's time; None when the generation is not the node's current one."""
    values = {"cluster": identity.cluster, "node": identity.node, "generation": generation}
    row = (await connection.execute(_NODE, values)).one_or_none()
    return None if row is None else (row[0], row[1])


async def store(connection: Connection, node_id: int, now: datetime, samples: Sequence[Sample]) -> int:
    """Keep measurements, each part once; return how many were of an entry that the node has."""
    if not samples:
        return 0
    found = await connection.execute(_STORE, {"node_id": node_id, "now": now, "samples": _json(samples)})
    return int(found.scalar_one())


async def store_rooms(connection: Connection, node_id: int, now: datetime, rooms: Sequence[RoomNow]) -> None:
    """Replace what is known of the node's file systems; each path comes once."""
    await connection.execute(_ROOMS, {"node_id": node_id, "now": now, "rooms": _json(rooms)})
    await connection.execute(_OTHER_ROOMS, {"node_id": node_id, "now": now})


async def forget(connection: Connection, days: int = KEPT_DAYS) -> int:
    """Delete sizes that are too old to be asked for; return how many."""
    deleted = 0
    for statement in (_OLD_SAMPLES, _OLD_SIZES):
        deleted += (await connection.execute(statement, {"days": days})).rowcount
    return deleted


async def keep_forgetting(database: Database, stopping: asyncio.Event) -> None:
    """Delete what is too old every hour until ``stopping`` is set; a database that is away is tried again."""
    while True:
        pause = _EVERY
        try:
            async with database.ingest() as connection:
                await forget(connection)
        except ProblemError as exc:
            _log.warning("old sizes could not be deleted", why=exc.detail)
            pause = _RETRY
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), pause)
        if stopping.is_set():
            return


def _json(values: Sequence[msgspec.Struct]) -> str:
    return msgspec.json.encode(values).decode()
