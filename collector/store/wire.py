"""The short way to PostgreSQL, for what agents send all the time: several statements in one round trip.

Thousands of agents send small messages, each a transaction of a few statements. Taken one by one through layers that
are made for anything, finding parameters, waiting for each answer and adapting rows costs far more than PostgreSQL
does. Here a connection of psycopg stays in pipeline mode of libpq (``psycopg.pq``): statements are prepared once on
each connection, values go as text, and all that can be asked together goes out together and is awaited once.
"""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec
import psycopg
from psycopg import errors, pq
from psycopg.adapt import Transformer
from psycopg.pq.abc import PGresult
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from collector.errors import ProblemError
from protocol.problems import ProblemType

Value = str | bytes | int | float | datetime | None
Row = tuple[Any, ...]

_PARAMETER: Final = re.compile(r"(?<!:):([a-z_]+)")
_NUMBERS: Final = itertools.count()
_DONE: Final = frozenset({pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK})


class Statement:
    """One statement of SQL, prepared on every connection at its first use; ``:name`` stands for a value.

    Values go as text without a type: where the place does not give them one, the SQL has to (``CAST``).
    """

    def __init__(self, sql: str) -> None:
        self.names: Final = tuple(dict.fromkeys(_PARAMETER.findall(sql)))
        places = {name: f"${place}" for place, name in enumerate(self.names, 1)}
        self.sql: Final = _PARAMETER.sub(lambda found: places[found[1]], sql).encode()
        self.key: Final = b"mountbook_%d" % next(_NUMBERS)

    def __call__(self, **values: Value) -> "Call":
        """Return the statement with values for all its names."""
        return Call(self, [_dumped(values[name]) for name in self.names])


class Call(NamedTuple):
    """A statement and its values."""

    statement: Statement
    values: list[bytes | None]


_BEGIN: Final = Statement("BEGIN")()
_COMMIT: Final = Statement("COMMIT")()
_ROLLBACK: Final = Statement("ROLLBACK")()


class Wire:
    """One transaction; made by ``Wires.transaction``. It begins with the first ``ask``."""

    def __init__(self, connection: AsyncConnection, driver: psycopg.AsyncConnection[Any]) -> None:
        self._connection, self._pgconn = connection, driver.pgconn
        self._adapt = Transformer(driver)
        self._prepared: set[bytes] = set()
        self._asking = False
        self._pgconn.nonblocking = 1
        self._pgconn.enter_pipeline_mode()

    async def ask(self, *calls: Call) -> list[list[Row]]:
        """Run statements in their order, all in one round trip; return the rows of each.

        Raises:
            psycopg.Error: the first one that a statement ended with; those after it did not run.
        """
        if self._status is pq.TransactionStatus.IDLE:
            return (await self._run((_BEGIN, *calls)))[1:]
        return await self._run(calls)

    async def finish(self, *calls: Call) -> list[list[Row]]:
        """Run the last statements, and commit in the same round trip; returns when it is committed.

        Raises:
            psycopg.Error: as ``ask``; nothing is committed then, unless the connection broke.
        """
        return (await self.ask(*calls, _COMMIT))[:-1]

    @property
    def _status(self) -> pq.TransactionStatus:
        return pq.TransactionStatus(self._pgconn.transaction_status)

    async def _run(self, calls: Sequence[Call]) -> list[list[Row]]:
        self._asking = True
        fresh = {call.statement.key for call in calls} - self._prepared
        sent: list[bytes] = []
        for statement, values in calls:
            if statement.key in fresh:
                fresh.discard(statement.key)
                self._pgconn.send_prepare(statement.key, statement.sql)
                sent.append(statement.key)
            self._pgconn.send_query_prepared(statement.key, values)
            sent.append(b"")
        self._pgconn.pipeline_sync()
        while self._pgconn.flush():
            await self._ready()
            self._pgconn.consume_input()  # the server may wait for us to read before it reads on
        return await self._answers(sent)

    async def _answers(self, sent: Iterable[bytes]) -> list[list[Row]]:
        answers: list[list[Row]] = []
        error: psycopg.Error | None = None
        for prepared in sent:
            result = await self._result()
            await self._result()  # nothing: the end of this one's results
            if result is None or result.status not in _DONE:
                error = error or _error(result)
            elif prepared:
                self._prepared.add(prepared)
            else:
                answers.append(self._rows(result))
        await self._result()  # the end of the round trip
        self._asking = False
        if error is not None:
            raise error
        return answers

    def _rows(self, result: PGresult) -> list[Row]:
        if not result.ntuples:
            return []
        self._adapt.set_pgresult(result)
        return self._adapt.load_rows(0, result.ntuples, tuple)

    async def _result(self) -> PGresult | None:
        while self._pgconn.is_busy():
            await self._ready()
            self._pgconn.consume_input()
        return self._pgconn.get_result()

    async def _ready(self) -> None:
        """Wait until the connection can be read; or written, while something is left to be sent."""
        loop, descriptor = asyncio.get_running_loop(), self._pgconn.socket
        ready: asyncio.Future[None] = loop.create_future()
        loop.add_reader(descriptor, _set, ready)
        unsent = self._pgconn.flush() != 0
        if unsent:
            loop.add_writer(descriptor, _set, ready)
        try:
            await ready
        finally:
            loop.remove_reader(descriptor)
            if unsent:
                loop.remove_writer(descriptor)

    async def settle(self) -> bool:
        """Roll back what was not committed; return whether the connection can be used again."""
        if self._asking or self._pgconn.status != pq.ConnStatus.OK:
            return False
        if self._status is not pq.TransactionStatus.IDLE:
            try:
                await self._run((_ROLLBACK,))
            except psycopg.Error:
                return False
        return self._status is pq.TransactionStatus.IDLE

    def alive(self) -> bool:
        """Whether the server has not closed the connection meanwhile, as far as one can know without asking."""
        try:
            self._pgconn.consume_input()  # its last words, if there are any
            self._pgconn.consume_input()  # the end that follows them
        except psycopg.OperationalError:
            return False
        return self._pgconn.status == pq.ConnStatus.OK

    async def close(self) -> None:
        """Close the connection, whatever it is doing."""
        await self._connection.invalidate()
        await self._connection.close()


class Wires:
    """A pool of such connections, ``size`` of them at the most; SQLAlchemy's ``engine`` makes them.

    ``patience`` is how many seconds to wait for one.
    """

    def __init__(self, engine: AsyncEngine, size: int, patience: float) -> None:
        self._engine, self._patience = engine, patience
        self._free = asyncio.Semaphore(size)
        self._idle: list[Wire] = []

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Wire]:
        """Give a connection for one transaction: what was not committed by ``finish`` is rolled back at the end.

        Raises:
            ProblemError: ``busy``: none became free in time.
            sqlalchemy.exc.DBAPIError: none can be made.
        """
        try:
            async with asyncio.timeout(self._patience):
                await self._free.acquire()
        except TimeoutError:
            raise ProblemError(ProblemType.BUSY, "every connection to the database is in use", retry_after=2) from None
        try:
            wire = await self._take()
            try:
                yield wire
            finally:
                await self._give_back(wire)
        finally:
            self._free.release()

    async def close(self) -> None:
        """Close every connection that is not in use."""
        while self._idle:
            await self._idle.pop().close()

    async def _give_back(self, wire: Wire) -> None:
        usable = False
        try:
            usable = await wire.settle()
        finally:
            if usable:
                self._idle.append(wire)
            else:
                await wire.close()

    async def _take(self) -> Wire:
        while self._idle:
            wire = self._idle.pop()
            if wire.alive():
                return wire
            await wire.close()
        connection = await self._engine.connect()
        driver = (await connection.get_raw_connection()).driver_connection
        if not isinstance(driver, psycopg.AsyncConnection):
            raise TypeError(f"the pool's connections are of {type(driver)}; they should be of psycopg")
        return Wire(connection, driver)


def array(values: Iterable[object]) -> str:
    """Return an array as PostgreSQL reads it, of values that need no quotes: numbers, UUIDs, names of kinds."""
    return f"{{{','.join(map(str, values))}}}"


def json(value: object) -> str:
    """Return a value as JSON text; times and UUIDs as msgspec writes them."""
    return msgspec.json.encode(value).decode()


def _dumped(value: Value) -> bytes | None:
    match value:
        case None:
            return None
        case str():
            if "\x00" in value:  # libpq would end the text there
                raise psycopg.DataError("PostgreSQL cannot keep a text that holds NUL")
            return value.encode()
        case bytes():
            return b"\\x" + value.hex().encode()
        case datetime():
            return value.isoformat().encode()
        case _:
            return repr(value).encode()


def _error(result: PGresult | None) -> psycopg.Error:
    error = errors.error_from_result(result) if result is not None else None
    if error is None or error.sqlstate is None:  # nothing that the server said
        return psycopg.OperationalError(str(error or "the connection to the server was lost"))
    return error


def _set(ready: "asyncio.Future[None]") -> None:
    if not ready.done():
        ready.set_result(None)
