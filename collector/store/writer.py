"""Transactions that write what agents tell, each on a ``Wire``: all that can be asked together goes out together.

Thousands of agents send small messages, each a transaction of a few statements. Asked one by one they cost far more
in finding parameters and in waiting for each answer than in PostgreSQL; so a message takes two round trips, one to
lock and to read, one to write and to commit.
"""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final

import msgspec
import psycopg

from collector.store.reader import Wires
from collector.store.wire import ANEW, BEGIN, COMMIT, PARAMETER, Found, Values, Wire

Value = str | bytes | int | float | datetime | None
Call = tuple[str, Values]
"""A statement and its values."""

_ROLLBACK: Final = "ROLLBACK"


class Statement:
    """A statement of SQL; ``:name`` stands for a value.

    Values go as text without a type, so that a statement is prepared once, whatever comes: where the place does not
    give them a type, the SQL has to (``CAST``).
    """

    def __init__(self, sql: str) -> None:
        self._sql: Final = sql
        self._names: Final = frozenset(PARAMETER.findall(sql))

    def __call__(self, **values: Value) -> Call:
        """Return the statement with values for all its names; further values are left out."""
        return self._sql, {name: _as_text(values[name]) for name in self._names}


class Writer:
    """One transaction. It begins with the first ``ask``; what ``finish`` does not commit is rolled back."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._begun = False

    async def ask(self, *calls: Call) -> list[Found]:
        """Run statements in their order, all in one round trip; return the rows of each.

        Raises:
            psycopg.Error: the first one that a statement ended with; those after it did not run.
        """
        if self._begun:
            return await self._wire.exchange(*calls)
        self._begun = True
        before: list[Call] = [(BEGIN, {}), (ANEW, {})] if self._wire.outdated() else [(BEGIN, {})]
        return (await self._wire.exchange(*before, *calls))[len(before) :]

    async def finish(self, *calls: Call) -> list[Found]:
        """Run the last statements, and commit in the same round trip; returns when it is committed.

        Raises:
            psycopg.Error: as ``ask``; nothing is committed then, unless the connection broke.
        """
        answers = await self.ask(*calls, (COMMIT, {}))
        self._begun = False
        return answers[:-1]

    async def give_up(self) -> None:
        """Roll back what was not committed."""
        if self._begun and self._wire.usable:
            self._begun = False
            await self._wire.exchange((_ROLLBACK, {}))


@asynccontextmanager
async def writing(wires: Wires, patience: float) -> AsyncIterator[Writer]:
    """Give a transaction on one of these wires.

    Raises:
        AllInUseError: none was free for ``patience`` seconds.
        psycopg.Error: no connection could be made.
    """
    wire = await wires.take(patience)
    try:
        writer = Writer(wire)
        try:
            yield writer
        finally:
            await _given_up(writer, wire)
    finally:
        wires.give_back(wire)


async def _given_up(writer: Writer, wire: Wire) -> None:
    try:
        await writer.give_up()
    except psycopg.Error:
        wire.close()  # what it held is rolled back by the server


def array(values: Iterable[object]) -> str:
    """Return an array as PostgreSQL reads it, of values that need no quotes: numbers, UUIDs, names of kinds."""
    return f"{{{','.join(map(str, values))}}}"


def json(value: object) -> str:
    """Return a value as JSON text; times and UUIDs as msgspec writes them."""
    return msgspec.json.encode(value).decode()


def _as_text(value: Value) -> str | None:
    match value:
        case None | str():
            return value
        case bytes():
            return f"\\x{value.hex()}"
        case datetime():
            return value.isoformat()
        case _:
            return repr(value)
