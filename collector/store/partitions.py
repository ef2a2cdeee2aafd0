"""The months of history and audit log: made ahead of time, because there is no default partition; dropped when old.

A month is dropped in two steps. DETACH … CONCURRENTLY takes no lock that would make ingest wait, but it waits for who
reads; with a short lock_timeout it gives up, and leaves the month half detached: no new question sees it. The next turn
ends that with FINALIZE, until it succeeds. Then the month is a table of its own, and dropped.
"""

import asyncio
import contextlib
import re
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog
from sqlalchemy import text

from collector.errors import ProblemError
from collector.store import locks
from collector.store.engine import Connection, Database, translate

AHEAD: Final = 3
"""So many months after the present one are kept ready."""
ALERT: Final = 1
"""With fewer months ready somebody has to look."""

_EVERY: Final = 3600.0
_RETRY: Final = 30.0
_LOCK: Final = 0x4D6F6E7468  # "Month"
_DROPPING: Final = 0x44726F70  # "Drop"
_log = structlog.stdlib.get_logger("collector.store.partitions")

TABLES: Final = ("history", "audit_log")
"""The tables that have months."""

_LOCK_TIMEOUT: Final = "2s"
_PRESENT: Final = text(
    "SELECT clock_timestamp() AT TIME ZONE 'UTC' AS today, array(SELECT c.relname::text FROM pg_inherits AS i "
    "JOIN pg_class AS c ON c.oid = i.inhrelid WHERE i.inhparent = CAST(:parent AS regclass)) AS names"
)
# Also those that are detached and not dropped: they have no parent any more, and tell by their names what they were.
_MONTHS: Final = text(
    "SELECT c.relname::text, i.inhparent IS NOT NULL, coalesce(i.inhdetachpending, FALSE) "
    "FROM pg_class AS c LEFT JOIN pg_inherits AS i ON i.inhrelid = c.oid "
    "WHERE c.relkind = 'r' AND c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'history'::regclass) "
    "ORDER BY c.relname"
)
_NAME: Final = re.compile(rf"({'|'.join(TABLES)})_(\d{{4}})_(\d{{2}})")


class Partitions:
    """The job that makes months ahead; ``ahead`` is for the metrics: months ready after the present one."""

    def __init__(self, database: Database) -> None:
        self.ahead: int | None = None
        self._database = database

    def alerts(self) -> list[str]:
        """Return in a sentence that too few months are ready, if so."""
        if self.ahead is None or self.ahead >= ALERT:
            return []
        return ["no month of history and audit log is ready after this one; the collector's log says why"]

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
            _log.warning("months could not be made", why=exc.detail)
            return _RETRY
        if self.ahead < ALERT:
            _log.error("history or audit log have no month ready", ahead=self.ahead)
        return _EVERY


async def make_ahead(database: Database, months: int = AHEAD) -> int:
    """Make the present month and the next ones where they are missing; return how many are ready after the present.

    Raises:
        ProblemError: what the store raises; ``busy`` when a reader holds a table for too long.
    """
    async with database.ingest() as connection:
        await connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'"))
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        return min([await _make_ahead(connection, table, months) for table in TABLES])


async def _make_ahead(connection: Connection, table: str, months: int) -> int:
    today, present = (await connection.execute(_PRESENT, {"parent": table})).one()
    first = _number(today)
    for number in range(first, first + months + 1):
        if _name(table, number) not in present:
            await _make(connection, table, number)
            present.append(_name(table, number))
    ready = 0
    while _name(table, first + ready + 1) in present:
        ready += 1
    return ready


async def _make(connection: Connection, table: str, number: int) -> None:
    # Attached, not made as a partition: that would wait for every reader, and make all writers wait behind it.
    name, lower, upper = _name(table, number), _month(number), _month(number + 1)
    await connection.execute(text(f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"))
    await connection.execute(
        text(
            f"ALTER TABLE {table} ATTACH PARTITION {name} "
            f"FOR VALUES FROM ('{lower}-01 00:00:00+00') TO ('{upper}-01 00:00:00+00')"
        )
    )
    _log.info("a month was made", partition=name)


@dataclass(frozen=True, slots=True)
class Month:
    """One month of a table. ``attached``: it is still part of it; ``pending``: it is being detached."""

    name: str
    table: str
    number: int
    attached: bool
    pending: bool


async def months(connection: Connection) -> list[Month]:
    """Return every month there is, the oldest of each table first."""
    found = []
    for name, attached, pending in await connection.execute(_MONTHS):
        match = _NAME.fullmatch(name)
        if match is not None:
            number = int(match[2]) * 12 + int(match[3]) - 1
            found.append(Month(name, match[1], number, attached, pending))
    return found


async def expired(connection: Connection, kept: int) -> list[Month]:
    """Return the months that are older than ``kept`` whole months before the present one, the oldest first."""
    today, _ = (await connection.execute(_PRESENT, {"parent": TABLES[0]})).one()
    return [month for month in await months(connection) if month.number < _number(today) - kept]


async def detach(connection: Connection, month: Month) -> None:
    """Detach a month, or go on where that was left; outside a transaction (``Database.maintenance``).

    Raises:
        ProblemError: ``busy``: somebody reads it; the next turn goes on.
    """
    how = "FINALIZE" if month.pending else "CONCURRENTLY"
    with translate():
        await connection.execute(text(f"SET lock_timeout = '{_LOCK_TIMEOUT}'"))
        await connection.execute(text(f"ALTER TABLE {month.table} DETACH PARTITION {month.name} {how}"))
    _log.info("a month was detached", partition=month.name, how=how)


async def drop(connection: Connection, month: Month) -> None:
    """Drop a month that is detached."""
    await connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'"))
    await connection.execute(text(f"DROP TABLE {month.name}"))
    _log.info("a month was dropped", partition=month.name)


def alone(connection: Connection) -> AbstractAsyncContextManager[bool]:
    """Hold the lock that keeps others from dropping months; gives whether it is free. Outside a transaction."""
    return locks.alone(connection, _DROPPING)


async def no_dropping(connection: Connection) -> None:
    """Wait until nobody drops months, and keep it so until the end of the transaction."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _DROPPING})


def _number(day: datetime) -> int:
    return day.year * 12 + day.month - 1


def _month(number: int) -> str:
    return f"{number // 12:04}-{number % 12 + 1:02}"


def _name(table: str, number: int) -> str:
    return f"{table}_{_month(number).replace('-', '_')}"
