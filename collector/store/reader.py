"""Transactions of questions, each on a ``Wire``; and the pool of these."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, Final

import psycopg

from collector.store.wire import BEGIN, Found, Values, Wire

_CURSOR: Final = "DECLARE {name} NO SCROLL CURSOR FOR {sql}"
_FETCH: Final = "FETCH {batch} FROM {name}"


class Reader:
    """One read-only transaction: all that it is asked is answered from one state of the register."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._begun = False
        self._cursors = count()

    @property
    def begun(self) -> bool:
        """Whether anything was asked."""
        return self._begun

    async def rows(self, sql: str, given: Values) -> Found:
        """Return the rows of a statement."""
        (found,) = await self.several((sql, given))
        return found

    async def several(self, *statements: tuple[str, Values]) -> list[Found]:
        """Return the rows of each of these statements, which are sent together."""
        if self._begun:
            return await self._wire.exchange(*statements)
        self._begun = True
        _, *found = await self._wire.exchange((BEGIN, {}), *statements)
        return found

    async def stream(self, sql: str, given: Values, batch: int) -> AsyncIterator[Found]:
        """Yield the rows of a statement, so many at once."""
        name = f"c{next(self._cursors)}"
        fetch = _FETCH.format(batch=batch, name=name)
        _, found = await self.several((_CURSOR.format(name=name, sql=sql), given), (fetch, {}))
        while found:
            yield found
            found = await self.rows(fetch, {}) if len(found) == batch else []


class AllInUseError(Exception):
    """No connection was free for as long as somebody waited."""


class Wires:
    """Up to ``size`` wires on connections that ``connect`` makes when they are needed, and that are kept."""

    def __init__(self, connect: Callable[[], Awaitable["psycopg.AsyncConnection[Any]"]], size: int) -> None:
        self._connect = connect
        self._idle: list[Wire] = []
        self._free = asyncio.Semaphore(size)
        self._closed = False

    @asynccontextmanager
    async def wire(self, patience: float) -> AsyncIterator[Wire]:
        """One wire, outside of any transaction.

        Raises:
            AllInUseError: none was free for ``patience`` seconds.
            psycopg.Error: no connection could be made.
        """
        if self._free.locked():
            try:
                async with asyncio.timeout(patience):
                    await self._free.acquire()
            except TimeoutError:
                raise AllInUseError from None
        else:
            await self._free.acquire()
        try:
            wire = self._idle.pop() if self._idle else Wire(await self._connect())
            try:
                yield wire
            finally:
                self._put_back(wire)
        finally:
            self._free.release()

    @asynccontextmanager
    async def transaction(self, patience: float) -> AsyncIterator[Reader]:
        """One transaction; nobody waits for its end.

        Raises:
            AllInUseError: as ``wire``.
            psycopg.Error: as ``wire``, and what a statement raises.
        """
        async with self.wire(patience) as wire:
            reader = Reader(wire)
            try:
                yield reader
            finally:
                if reader.begun and wire.usable:
                    wire.end()

    def _put_back(self, wire: Wire) -> None:
        if not wire.usable:
            # Others that were made to the same server are broken as well, if it was stopped.
            self._drop()
        elif self._closed:
            wire.close()
        else:
            self._idle.append(wire)

    def _drop(self) -> None:
        idle, self._idle = self._idle, []
        for wire in idle:
            wire.close()

    def close(self) -> None:
        """Close every wire; those in use, when they are put back."""
        self._closed = True
        self._drop()
