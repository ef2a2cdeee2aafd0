"""The way to PostgreSQL: its pools of connections, and the one place where the driver's errors are translated."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import lru_cache
from typing import Any, Final

import msgspec
import psycopg
import sqlalchemy.exc
from psycopg.types.json import set_json_loads
from sqlalchemy import Connection as SyncConnection
from sqlalchemy import TextClause, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from collector.config import Config
from collector.errors import ProblemError, StartError
from collector.store import shapes
from collector.store.reader import AllInUseError, Reader, Wires
from collector.store.tables import REVISION
from collector.store.wire import Wire
from collector.store.writer import Writer, writing
from protocol.problems import ProblemType

Connection = AsyncConnection
"""What a transaction of ``Database`` gives; callers outside the store hand it on to the store's functions."""

OLDEST_SERVER: Final = 15
"""Oldest major version of PostgreSQL that is supported."""

MIGRATE: Final = "mountbook migrate --database URL"

_TAKING: Final = {"synchronous_commit": "on", "mountbook.notes": "on", "mountbook.shapes": shapes.VERSION}
"""Acknowledged means committed, whatever the server's own setting is. What is accepted is noted for the audit log by
the statement that accepts it: for collectors of release 0.1, which do not say so, a trigger does it (0007). So it is
with the shapes of what is written: a trigger forgets them (0010)."""
_AGENTS: Final = {**_TAKING, "plan_cache_mode": "force_generic_plan", "enable_seqscan": "off"}
"""What snapshots and deltas ask finds a few rows by their keys, whatever the values are and however many rows there
are: it is planned once for each connection, which takes as long as running it. Nothing of it ever reads a whole table,
also when that is still small; a plan is kept while it grows."""
_ANSWERING: Final = {
    "default_transaction_read_only": "on",
    "default_transaction_isolation": "repeatable\\ read",
    "plan_cache_mode": "force_custom_plan",
}
"""The statements of one answer see one state of the register. Each is planned for what is asked: a plan that serves any
name takes a rare one for a common one, and reads everybody's rows in order instead of asking the index."""
_QUICK: Final = {**_ANSWERING, "plan_cache_mode": "force_generic_plan"}
"""To plan a look-up takes longer than to run it. Those that are written so that one plan is right for any values are
planned once on each connection; a ``Reader`` has every other statement planned for what is asked."""
_PULSE: Final = {
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
}
"""Libpq's settings by which a server that vanished without a word is noticed in seconds: the kernel's own way takes a
quarter of an hour. A server that works on an answer is heard, however long it takes."""
_SETTINGS: Final = {"agents": _AGENTS, "query": _ANSWERING, "questions": _QUICK, "tokens": _ANSWERING}
"""Settings of the pools that have others than ``_TAKING``."""
_TOKEN_WIRES: Final = 2
_MAINTENANCE: Final = 2
_POOL_PATIENCE: Final = 10.0
"""Seconds to wait for a connection of the pool before the answer is *busy*."""


class Database:
    """The register's database. ``open`` makes no connection; ``check`` does."""

    def __init__(self, config: Config) -> None:
        self._ingest = _pool(config, "ingest", config.ingest_pool, config.ingest_timeout)
        self._agents = _wires(config, "agents", config.ingest_pool, config.ingest_timeout)
        # Of their own: heartbeats do not wait behind large snapshots.
        self._heartbeats = _wires(config, "heartbeats", 1, config.ingest_timeout)
        self._access = _wires(config, "access", 1, config.ingest_timeout)
        # Of their own: what takes minutes keeps no connection from others.
        self._maintenance = _pool(config, "maintenance", _MAINTENANCE, config.ingest_timeout)
        # Half of them for what is answered in milliseconds, so that it does not wait behind lists and reports.
        quick = max(1, config.query_pool // 2)
        self._query = _pool(config, "query", max(1, config.query_pool - quick), config.query_timeout)
        self._questions = _wires(config, "questions", quick, config.query_timeout)
        # Of their own too: a heartbeat whose token has to be looked up does not wait behind slow questions.
        self._tokens = _wires(config, "tokens", _TOKEN_WIRES, config.query_timeout)

    @asynccontextmanager
    async def ingest(self) -> AsyncIterator[Connection]:
        """One transaction that may write: committed at the end, rolled back by any exception.

        Raises:
            ProblemError: as ``translate`` says.
        """
        with translate():
            async with self._ingest.begin() as connection:
                yield connection

    @asynccontextmanager
    async def agents(self) -> AsyncIterator[Writer]:
        """One transaction for a message of an agent; ``Writer.finish`` commits it.

        Raises:
            ProblemError: as ``translate`` says.
        """
        with translate():
            async with writing(self._agents, _POOL_PATIENCE) as writer:
                yield writer

    @asynccontextmanager
    async def heartbeats(self) -> AsyncIterator[Writer]:
        """One transaction on the connection for heartbeats; ``Writer.finish`` commits it.

        Raises:
            ProblemError: as ``translate`` says.
        """
        with translate():
            async with writing(self._heartbeats, _POOL_PATIENCE) as writer:
                yield writer

    @asynccontextmanager
    async def maintenance(self) -> AsyncIterator[Connection]:
        """One connection on which every statement commits by itself; made for this, and closed after it.

        Raises:
            ProblemError: as ``translate`` says.
        """
        with translate():
            async with self._maintenance.connect() as connection:
                await connection.execution_options(isolation_level="AUTOCOMMIT")
                try:
                    yield connection
                finally:
                    await connection.invalidate()

    @asynccontextmanager
    async def access(self) -> AsyncIterator[Wire]:
        """The connection for the access log: every exchange commits by itself.

        Raises:
            ProblemError: as ``translate`` says.
        """
        with translate():
            wire = await self._access.take(_POOL_PATIENCE)
            try:
                yield wire
            finally:
                self._access.give_back(wire)

    @asynccontextmanager
    async def query(self) -> AsyncIterator[Connection]:
        """One read-only transaction for questions.

        Raises:
            ProblemError: as ``translate`` says.
        """
        with translate():
            async with self._query.begin() as connection:
                yield connection

    @asynccontextmanager
    async def questions(self) -> AsyncIterator[Reader]:
        """One read-only transaction for the questions that come all the time.

        Raises:
            ProblemError: as ``translate`` says.
        """
        with translate():
            async with self._questions.transaction(_POOL_PATIENCE) as reader:
                yield reader

    @asynccontextmanager
    async def tokens(self) -> AsyncIterator[Reader]:
        """One read-only transaction on a connection for looking up tokens.

        Raises:
            ProblemError: as ``translate`` says.
        """
        with translate():
            async with self._tokens.transaction(_POOL_PATIENCE) as reader:
                yield reader

    async def check(self) -> None:
        """Look whether the database can be used by this release.

        Raises:
            StartError: the server is too old.
            ProblemError: it cannot be reached (``unavailable``), or is not migrated (``not-migrated``).
        """
        with translate():
            async with self._query.begin() as connection:
                await connection.run_sync(check_server)
                await connection.run_sync(_check_revision)

    async def close(self) -> None:
        """Close every connection."""
        for wires in (self._agents, self._heartbeats, self._access, self._questions, self._tokens):
            wires.close()
        for pool in (self._ingest, self._maintenance, self._query):
            await pool.dispose()


@lru_cache(maxsize=1024)
def statement(sql: str) -> TextClause:
    """Return a statement of which there are few forms: finding its parameters costs more than running it."""
    return text(sql)


def driver_url(database_url: str) -> URL:
    """Return the address as SQLAlchemy names it, for psycopg 3.

    Raises:
        StartError: it is no address.
    """
    try:
        return make_url(database_url).set(drivername="postgresql+psycopg")
    except (sqlalchemy.exc.ArgumentError, ValueError):
        # It may hold a password: it is not repeated.
        raise StartError("the database's address cannot be read; write postgresql://USER:PASSWORD@HOST/NAME") from None


def check_server(connection: SyncConnection) -> None:
    """Look whether the server is new enough.

    Raises:
        StartError: it is not.
    """
    number = int(connection.execute(text("SHOW server_version_num")).scalar_one())
    if number // 10_000 < OLDEST_SERVER:
        raise StartError(
            f"the database's server is PostgreSQL {number // 10_000}; "
            f"Mountbook needs {OLDEST_SERVER} or newer: upgrade it, or name another database"
        )


def _check_revision(connection: SyncConnection) -> None:
    present = connection.execute(text("SELECT max(version_num) FROM alembic_version")).scalar_one()
    if present is None or present < REVISION:
        raise ProblemError(
            ProblemType.NOT_MIGRATED,
            f"the database is at {present or 'no'} revision, this release needs {REVISION}; run `{MIGRATE}`",
        )


def _pool(config: Config, name: str, size: int, statement_timeout: float) -> AsyncEngine:
    url = driver_url(config.database_url)
    return create_async_engine(
        url,
        pool_size=size,
        max_overflow=0,
        pool_timeout=_POOL_PATIENCE,
        connect_args=_connect_args(url, name, statement_timeout),
        json_deserializer=msgspec.json.decode,
        json_serializer=lambda value: msgspec.json.encode(value).decode(),
    )


def _wires(config: Config, name: str, size: int, statement_timeout: float) -> Wires:
    url = driver_url(config.database_url)
    _, addressed = url.get_dialect()().create_connect_args(url)
    named = {**addressed, **_connect_args(url, name, statement_timeout)}

    async def connect() -> "psycopg.AsyncConnection[Any]":
        connection = await psycopg.AsyncConnection.connect(**named, autocommit=True)
        set_json_loads(msgspec.json.decode, connection)
        return connection

    return Wires(connect, size)


def _connect_args(url: URL, name: str, statement_timeout: float) -> dict[str, Any]:
    """Return libpq's settings for connections of this name; ``statement_timeout`` is in seconds."""
    settings = {
        "statement_timeout": f"{round(statement_timeout * 1000)}ms",
        "idle_in_transaction_session_timeout": f"{round(statement_timeout * 1000)}ms",
        "timezone": "UTC",
        "jit": "off",
        **_SETTINGS.get(name, _TAKING),
    }
    given = url.query.get("options", "")
    options = [given] if isinstance(given, str) else list(given)
    options += [f"-c {setting}={value}" for setting, value in settings.items()]
    return {
        "options": " ".join(options).strip(),
        "application_name": f"mountbook collector ({name})",
        "connect_timeout": 10,
        **{name: value for name, value in _PULSE.items() if name not in url.query},
    }


@contextmanager
def translate() -> Iterator[None]:
    """Turn what the driver raises into what it means. What is not listed here is a mistake of ours and passes.

    Raises:
        ProblemError: ``unavailable``, ``not-migrated`` or ``busy``.
    """
    try:
        yield
    except (sqlalchemy.exc.TimeoutError, AllInUseError) as exc:
        raise ProblemError(ProblemType.BUSY, "every connection to the database is in use", retry_after=2) from exc
    except (sqlalchemy.exc.DBAPIError, psycopg.Error) as exc:
        problem = _meaning(exc)
        if problem is None:
            raise
        raise problem from exc


def _meaning(exc: sqlalchemy.exc.DBAPIError | psycopg.Error) -> ProblemError | None:
    cause = exc if isinstance(exc, psycopg.Error) else exc.orig
    if not isinstance(cause, psycopg.Error):
        return None
    state = cause.sqlstate
    for prefix, (kind, detail, retry_after) in _MEANINGS.items():
        if state is not None and state.startswith(prefix):
            return ProblemError(kind, f"{detail} ({_first_line(cause)})", retry_after=retry_after)
    if state is None and isinstance(cause, psycopg.OperationalError):
        return ProblemError(
            ProblemType.UNAVAILABLE, f"the database cannot be reached ({_first_line(cause)})", retry_after=2
        )
    if state == "23514" and "no partition of relation" in str(cause):
        return ProblemError(
            ProblemType.UNAVAILABLE, "the month's partition of the history is missing; it is being made", retry_after=5
        )
    return None


def _first_line(cause: psycopg.Error) -> str:
    return cause.diag.message_primary or str(cause).partition("\n")[0]


_AWAY: Final = (ProblemType.UNAVAILABLE, "the connection to the database broke", 2.0)
_OLD: Final = (ProblemType.NOT_MIGRATED, f"the database has not the form that this release needs; run `{MIGRATE}`", 30)
_SLOW: Final = (ProblemType.BUSY, "the database took too long", 5.0)
_MEANINGS: Final[dict[str, tuple[ProblemType, str, float]]] = {
    "08": _AWAY,
    "57P": (ProblemType.UNAVAILABLE, "the database is being stopped or started", 2.0),
    "25P03": _AWAY,
    "25006": (ProblemType.UNAVAILABLE, "the database is read-only", 10.0),
    "53100": (ProblemType.UNAVAILABLE, "the database's disk is full", 30.0),
    "53": (ProblemType.UNAVAILABLE, "the database has run out of something", 10.0),
    "58": (ProblemType.UNAVAILABLE, "the database's server has trouble with its files", 10.0),
    "28": (ProblemType.UNAVAILABLE, "the database refuses this user", 30.0),
    "3D000": (ProblemType.UNAVAILABLE, "there is no such database", 30.0),
    "40": (ProblemType.UNAVAILABLE, "another transaction was in the way", 1.0),
    "42501": (ProblemType.UNAVAILABLE, "the database's user lacks a right", 30.0),
    "42P01": _OLD,
    "42703": _OLD,
    "57014": _SLOW,
    "55P03": _SLOW,
}
"""What the beginning of a SQLSTATE means to a caller, and after how many seconds to try again.

Source: PostgreSQL, appendix "Error Codes".
"""
