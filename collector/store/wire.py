"""One connection spoken to directly: for statements so frequent that what usually lies between costs more than they.

Several statements go in one message and are answered in one (libpq's pipeline mode), and those that come again are
prepared. Values and rows are psycopg's, as everywhere else; errors too, for ``engine.translate``.
"""

import asyncio
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from time import monotonic
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import pq
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import error_from_result

Values = Mapping[str, Any]
"""Parameters of a statement by their names."""
Found = list[tuple[Any, ...]]
"""Rows."""

PARAMETER: Final = re.compile(r"(?<![:\w]):([a-z]\w*)")
"""A parameter, but no cast (``::text``) and no time of day in a pattern (``HH24:MI``)."""
_PREPARED: Final = 64
"""Most statements that are kept prepared on one connection; which further ones there are is the askers' choice."""
_AGAIN: Final = 2
"""A statement is prepared when it comes so many times."""

BEGIN: Final = "BEGIN"
COMMIT: Final = "COMMIT"
ANEW: Final = "DISCARD PLANS"
"""From here on statements are planned anew, each when it comes."""
KEPT: Final = 10.0
"""Seconds for which a plan is kept: one that was made for a small table does not serve a large one."""


class _Statement(NamedTuple):
    """A statement as the server reads it, and the names of its parameters in their order there."""

    command: bytes
    names: tuple[str, ...]


class Wire:
    """A connection of psycopg that was just made; from now on nobody else uses it. One exchange at a time."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection
        self._pgconn = connection.pgconn
        self._values = Transformer(connection)
        # How often a statement came with values of these types; once it is prepared, its name there.
        self._seen: dict[tuple[str, tuple[int, ...]], int | bytes] = {}
        self._fresh: list[tuple[str, tuple[int, ...]]] = []
        self._prepared = 0
        self._due = 0  # exchanges whose answers have not been read to their end
        self._waiting: asyncio.Future[None] | None = None
        self._writing = False
        self._planned = -math.inf
        self._pgconn.enter_pipeline_mode()
        self._loop = asyncio.get_running_loop()
        self._socket = self._pgconn.socket
        self._loop.add_reader(self._socket, self._heard)

    @property
    def usable(self) -> bool:
        """Whether the connection stands."""
        return self._pgconn.status == pq.ConnStatus.OK

    def outdated(self, kept: float = KEPT) -> bool:
        """Whether its plans are older than so many seconds: the asker is to send ``ANEW``, and is told only once."""
        now = monotonic()
        if now - self._planned < kept:
            return False
        self._planned = now
        return True

    async def exchange(self, *statements: tuple[str, Values]) -> list[Found]:
        """Send statements together, and return the rows of each. Parameters are written ``:name``.

        Outside a transaction they are one: what is behind a statement that fails is not done, what is before it
        is undone.

        Raises:
            psycopg.Error: a statement failed, or the connection broke; the first error is the one that is raised.
        """
        wanted: list[bool] = []
        self._due += 1
        try:
            for sql, given in statements:
                self._send(sql, given, wanted)
            self._pgconn.pipeline_sync()
            return await self._answers(wanted)
        except BaseException:
            # Half an exchange leaves answers on the way that nobody could tell from later ones.
            if self._due:
                self.close()
            raise

    def end(self) -> None:
        """End the transaction without waiting: the answer is read when it comes."""
        try:
            self._pgconn.send_query_params(COMMIT.encode(), None)
            self._pgconn.pipeline_sync()
            self._due += 1
        except psycopg.Error:  # it broke: so did the transaction
            self.close()

    def close(self) -> None:
        """Close the connection at once; a server that works on a statement for it notices. Safe to call again."""
        if self._socket >= 0:
            self._loop.remove_reader(self._socket)
            self._socket = -1
        self._pgconn.finish()

    def _heard(self) -> None:
        """The server says something: the answer that is waited for, or the end of a transaction or of itself."""
        waiting = self._waiting
        try:
            # Taken in at once: what is only noticed here, the loop would be told of again on its next turn.
            self._pgconn.consume_input()
            if waiting is not None:
                if self._writing or not self._pgconn.is_busy():
                    _done(waiting)
                return
            while self._due and not self._pgconn.is_busy():
                result = self._pgconn.get_result()
                if result is not None and result.status == pq.ExecStatus.PIPELINE_SYNC:
                    self._due -= 1
                elif result is None and not self.usable:
                    break
        except psycopg.Error as exc:
            if waiting is None:
                self.close()
            elif not waiting.done():
                waiting.set_exception(exc)  # who waits closes it

    def _send(self, sql: str, given: Values, wanted: list[bool]) -> None:
        statement = _statement(sql)
        values = self._values.dump_sequence(
            [_plain(given[name]) for name in statement.names], [PyFormat.AUTO] * len(statement.names)
        )
        types, formats = self._values.types or (), self._values.formats
        known = self._seen.get((sql, types), 0)
        if isinstance(known, int):
            known += 1
            if known < _AGAIN or self._prepared >= _PREPARED:
                if len(self._seen) < _PREPARED * 8:
                    self._seen[sql, types] = known
                self._pgconn.send_query_params(statement.command, values, types, formats)
                wanted.append(True)
                return
            name = b"s%d" % self._prepared
            self._prepared += 1
            self._pgconn.send_prepare(name, statement.command, types)
            wanted.append(False)
            self._seen[sql, types] = known = name
            self._fresh.append((sql, types))
        self._pgconn.send_query_prepared(known, values, formats)
        wanted.append(True)

    async def _answers(self, wanted: Sequence[bool]) -> list[Found]:
        """Read what the server says until it has answered everything that was sent."""
        answers: list[Found] = []
        failed: psycopg.Error | None = None
        place = 0
        while self._due:
            result = await self._next()
            if result is None:
                raise failed or psycopg.OperationalError("the server closed the connection")
            status = result.status
            if status == pq.ExecStatus.PIPELINE_SYNC:
                self._due -= 1
                place = 0
                continue
            if status == pq.ExecStatus.FATAL_ERROR:
                failed = failed or self._error(result)
            elif self._due == 1:  # the last exchange is this one; what comes before is the end of the last transaction
                if status in (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK) and wanted[place]:
                    answers.append(self._rows(result))
                place += 1
        fresh, self._fresh = self._fresh, []
        if failed is not None:
            for key in fresh:  # whether it was prepared is not known
                del self._seen[key]
            raise failed
        return answers

    async def _next(self) -> "pq.abc.PGresult | None":
        """Return the next result of any statement; None: the connection is closed, and there will be no other."""
        pgconn = self._pgconn
        while True:
            if pgconn.is_busy():
                await self._ready(writing=bool(pgconn.flush()))
                continue
            if (result := pgconn.get_result()) is not None:
                return result
            if not self.usable:
                return None

    async def _ready(self, *, writing: bool) -> None:
        """Wait until the server has answered something, or takes more of what is to be sent."""
        ready = self._waiting = self._loop.create_future()
        self._writing = writing
        if writing:
            self._loop.add_writer(self._socket, _done, ready)
        try:
            await ready
        finally:
            self._waiting, self._writing = None, False
            if writing:
                self._loop.remove_writer(self._socket)

    def _rows(self, result: pq.abc.PGresult) -> Found:
        self._values.set_pgresult(result)
        return self._values.load_rows(0, result.ntuples, tuple) if result.ntuples else []

    def _error(self, result: pq.abc.PGresult) -> psycopg.Error:
        if result.error_field(pq.DiagnosticField.SQLSTATE) is None:
            return psycopg.OperationalError(result.get_error_message())
        return error_from_result(result)


def _plain(value: Any) -> Any:
    """Return a list of numbers, or of texts, as PostgreSQL writes an array: psycopg calls a function for each item."""
    if type(value) is not list or not value:
        return value
    if type(value[0]) is int:
        return f"{{{','.join(map(str, value))}}}"
    if type(value[0]) is str:
        return text_array(value)
    return value


def text_array(texts: Iterable[str]) -> str:
    """Return an array of texts as PostgreSQL reads it."""
    quoted = [text.replace("\\", "\\\\").replace('"', '\\"') for text in texts]
    return '{"' + '","'.join(quoted) + '"}' if quoted else "{}"


def _done(ready: "asyncio.Future[None]") -> None:
    if not ready.done():
        ready.set_result(None)


@lru_cache(maxsize=1024)
def _statement(sql: str) -> _Statement:
    names: dict[str, int] = {}

    def numbered(found: "re.Match[str]") -> str:
        return f"${names.setdefault(found[1], len(names) + 1)}"

    command = PARAMETER.sub(numbered, sql).encode()
    return _Statement(command, tuple(names))
