"""The shapes of all current entries counted anew: where they are not known, and now and then, so that bits go again.

It goes on beside those who write, and none of their bits is lost:

1. ``counting`` begins empty. From here on whoever writes sets bits in it, too, in the transaction that writes.
2. Whoever had begun before is waited for: what he wrote without it, he has committed by now.
3. All entries are read by ranges of the primary key, which no change of an entry moves it in.
4. What was read and what ``counting`` took in is ``present`` from here on, by one statement. Of a writer who found his
   bits in both, somebody had committed them; one who did not waits for that statement, and looks again.

Somebody who does not know of shapes takes ``counting`` away when he writes: then there is nothing to end, and it
begins again later. So it does when this collector ends on the way.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from time import monotonic
from typing import Any, Final

import msgspec
import structlog
from sqlalchemy import text

from collector.errors import ProblemError
from collector.store import keys, locks, shapes
from collector.store.engine import Connection, Database
from protocol.entries import Entry

AT_ONCE: Final = 250
"""So many entries are read at once."""

Rest = Callable[[asyncio.Event, float], Awaitable[None]]
"""Waits for so many seconds, but no longer than until the event is set."""

_EVERY: Final = 60.0
"""Seconds between two looks whether to count."""
_AGAIN: Final = 600.0
"""Seconds until it begins again after somebody wrote who does not know of shapes: he may go on."""
_SEEN_OFF: Final = 0.2
_TOLD: Final = 30.0
"""Seconds between two lines of the log."""
_LOCK: Final = 0x5368617065  # "Shape"
_DECODER: Final = msgspec.json.Decoder(Entry)
_log = structlog.stdlib.get_logger("collector.store.shape_count")

_DUE: Final = text(
    "SELECT count(*) FROM shapes "
    "WHERE present IS NULL OR counted_at IS NULL OR counted_at < clock_timestamp() - interval '7 days'"
)
_BEGIN: Final = text(f"UPDATE shapes SET counting = CAST(B'0' AS bit({shapes.BITS}))")
_LATEST: Final = text("SELECT CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint)")
_OLDEST: Final = text("SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)")
_RANGE: Final = text(
    "SELECT node_id, kind, CAST(entry_id AS text), "
    "CAST(doc || jsonb_build_object('kind', kind, 'root', root, 'key', key) AS text) FROM entries "
    'WHERE (node_id, kind, entry_id) > (CAST(:node_id AS int), CAST(:kind AS text) COLLATE "C", '
    "CAST(:entry_id AS uuid)) ORDER BY node_id, kind, entry_id LIMIT :limit"
)
_FIRST: Final = {"node_id": -1, "kind": "", "entry_id": "00000000-0000-0000-0000-000000000000"}
_END: Final = text(
    f"UPDATE shapes SET present = counting | CAST(:found AS bit({shapes.BITS})), counting = NULL, "
    "counted_at = clock_timestamp() WHERE counting IS NOT NULL"
)


class ShapeCount:
    """The job that counts when it is due; of several collectors one at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self, stopping: asyncio.Event) -> None:
        """Look now and every minute until ``stopping`` is set; a database that is away is tried again."""
        while not stopping.is_set():
            wait = _EVERY
            try:
                if not await count(self._database, stopping):
                    wait = _AGAIN
            except ProblemError as exc:
                _log.warning("the shapes of entries could not be counted", why=exc.detail)
            await pause(stopping, wait)


async def pause(stopping: asyncio.Event, seconds: float) -> None:
    """Wait for so long, or until ``stopping`` is set."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)


async def count(database: Database, stopping: asyncio.Event, *, at_once: int = AT_ONCE, rest: Rest = pause) -> bool:
    """Count if that is due and nobody else does; ``False``: what was counted is not all, as somebody wrote meanwhile.

    Args:
        database: the register's.
        stopping: once it is set, what was counted is dropped.
        at_once: so many entries are read at once.
        rest: gives way to others after each range of entries, as ``pause`` does.

    Raises:
        ProblemError: what the store raises.
    """
    async with database.query() as looking:
        if not await _due(looking):
            return True
    async with database.maintenance() as connection, locks.alone(connection, _LOCK) as free:
        if not free or not await _due(connection):
            return True
        return await _count(connection, stopping, _ranges(connection, at_once, rest, stopping))


async def _due(connection: Connection) -> bool:
    return bool((await connection.execute(_DUE)).scalar_one())


async def _count(connection: Connection, stopping: asyncio.Event, ranges: AsyncIterator[Sequence[Any]]) -> bool:
    began = told = monotonic()
    found: set[int] = set()
    rows = 0
    _log.info("the shapes of entries are counted; until then look-ups leave nothing out that was not known before")
    await connection.execute(_BEGIN)
    await _earlier_over(connection, stopping)
    async for batch in ranges:
        found |= _shapes(batch)
        rows += len(batch)
        if monotonic() - told > _TOLD:
            told = monotonic()
            _log.info("the shapes of entries are being counted", entries=rows)
    if stopping.is_set():
        return True
    ended = await connection.execute(_END, {"found": shapes.written(found)})
    took = round(monotonic() - began, 1)
    if ended.rowcount:
        _log.info("the shapes of entries are known", entries=rows, seconds=took)
    else:
        _log.info("shapes are to be counted again: an earlier release wrote meanwhile", entries=rows, seconds=took)
    return bool(ended.rowcount)


async def _earlier_over(connection: Connection, stopping: asyncio.Event) -> None:
    """Wait until every transaction is over that runs now."""
    latest = (await connection.execute(_LATEST)).scalar_one()
    told = monotonic()
    while not stopping.is_set() and (await connection.execute(_OLDEST)).scalar_one() < latest:
        if monotonic() - told > _TOLD:
            told = monotonic()
            _log.info("the count of shapes waits for the end of a transaction that is older")
        await pause(stopping, _SEEN_OFF)


async def _ranges(
    connection: Connection, at_once: int, rest: Rest, stopping: asyncio.Event
) -> AsyncIterator[Sequence[Any]]:
    """Yield all entries by ranges, and rest after each for as long as it took."""
    last: dict[str, Any] = _FIRST
    while not stopping.is_set():
        began = monotonic()
        found = (await connection.execute(_RANGE, {**last, "limit": at_once})).all()
        if not found:
            return
        yield found
        last = dict(zip(_FIRST, found[-1], strict=False))
        await rest(stopping, monotonic() - began)


def _shapes(documents: Sequence[Any]) -> set[int]:
    found: set[int] = set()
    for *_, document in documents:
        entry = _DECODER.decode(document)
        found |= shapes.of_entry(entry, keys.tokens(entry))
    return found
