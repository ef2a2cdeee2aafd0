"""The months of the history: made ahead of time, because there is no default partition to catch what fits nowhere."""

import asyncio
import contextlib
from datetime import datetime
from typing import Final

import structlog
from sqlalchemy import text

from collector.errors import ProblemError
from collector.store.engine import Connection, Database

AHEAD: Final = 3
"""So many months after the present one are kept ready."""
ALERT: Final = 1
"""With fewer months ready somebody has to look."""

_EVERY: Final = 3600.0
_RETRY: Final = 30.0
_LOCK: Final = 0x4D6F6E7468  # "Month"
_log = structlog.stdlib.get_logger("collector.store.partitions")

_PRESENT: Final = text(
    "SELECT clock_timestamp() AT TIME ZONE 'UTC' AS today, array(SELECT c.relname::text FROM pg_inherits AS i "
    "JOIN pg_class AS c ON c.oid = i.inhrelid WHERE i.inhparent = 'history'::regclass) AS names"
)


class Partitions:
    """The job that makes months ahead; ``ahead`` is for the metrics: months ready after the present one."""

    def __init__(self, database: Database) -> None:
        self.ahead: int | None = None
        self._database = database

    async def run(self, stopping: asyncio.Event) -> None:
        """Make months now, and now and then until ``stopping`` is set; a database that is away is tried again."""
        while True:
            pause = await self._look()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), pause)
            if stopping.is_set():
                return

    async def _look(self) -> float:
        try:
            self.ahead = await make_ahead(self._database)
        except ProblemError as exc:
            _log.warning("months of the history could not be made", why=exc.detail)
            return _RETRY
        if self.ahead < ALERT:
            _log.error("the history has no month ready", ahead=self.ahead)
        return _EVERY


async def make_ahead(database: Database, months: int = AHEAD) -> int:
    """Make the present month and the next ones where they are missing; return how many are ready after the present.

    Raises:
        ProblemError: what the store raises; ``busy`` when a reader holds the table for too long.
    """
    async with database.ingest() as connection:
        await connection.execute(text("SET LOCAL lock_timeout = '2s'"))
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        today, present = (await connection.execute(_PRESENT)).one()
        first = _number(today)
        for number in range(first, first + months + 1):
            if _name(number) not in present:
                await _make(connection, number)
                present.append(_name(number))
        ready = 0
        while _name(first + ready + 1) in present:
            ready += 1
        return ready


async def _make(connection: Connection, number: int) -> None:
    # Attached, not made as a partition: that would wait for every reader, and make all writers wait behind it.
    name, lower, upper = _name(number), _month(number), _month(number + 1)
    await connection.execute(text(f"CREATE TABLE {name} (LIKE history INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"))
    await connection.execute(
        text(
            f"ALTER TABLE history ATTACH PARTITION {name} "
            f"FOR VALUES FROM ('{lower}-01 00:00:00+00') TO ('{upper}-01 00:00:00+00')"
        )
    )
    _log.info("a month of the history was made", partition=name)


def _number(day: datetime) -> int:
    return day.year * 12 + day.month - 1


def _month(number: int) -> str:
    return f"{number // 12:04}-{number % 12 + 1:02}"


def _name(number: int) -> str:
    return f"history_{_month(number).replace('-', '_')}"
