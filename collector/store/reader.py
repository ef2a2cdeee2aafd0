"""Transactions of questions, each on a ``Wire``; and the pool of these."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, Final

import psycopg

from collector.store.wire import ANEW, BEGIN, KEPT, Found, Values, Wire

_CURSOR: Final = "DECLARE {name} NO SCROLL CURSOR FOR {sql}"
_FETCH: Final = "FETCH {batch} FROM {name}"
_FOR_THESE: Final = "SET LOCAL plan_cache_mode = force_custom_plan"
"""From here on each statement is planned for the values that it comes with; the connection's own setting may differ."""


class Reader:
    """One read-only transaction: all that it is asked is answered from one state of the register.

    ``kept``: for so many seconds plans that serve all values are kept on its wire.
    """

    def __init__(self, wire: Wire, kept: float = KEPT) -> None:
        self._wire, self._kept = wire, kept
        self._begun = False
        self._for_these = False
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
        if self._for_these:
            return await self._wire.exchange(*statements)
        self._for_these = True
        return (await self._asked((_FOR_THESE, {}), *statements))[1:]

    async def known(self, *statements: tuple[str, Values]) -> list[Found]:
        """Return the rows of each of these statements, as ``several`` does: they have one plan for all values."""
        if self._wire.outdated(self._kept):
            return (await self._asked((ANEW, {}), *statements))[1:]
        return await self._asked(*statements)

    async def alone(self, *statements: tuple[str, Values]) -> list[Found]:
        """Return the rows of each of these statements, as ``known`` does.

        Unless something was asked before, they are a transaction by themselves, which is over when they are answered:
        what is asked next sees a later state of the register.
        """
        if self._wire.outdated(self._kept):
            return (await self._wire.exchange((ANEW, {}), *statements))[1:]
        return await self._wire.exchange(*statements)

    async def _asked(self, *statements: tuple[str, Values]) -> list[Found]:
        if self._begun:
            return await self._wire.exchange(*statements)
        self._begun = True
        return (await self._wire.exchange((BEGIN, {}), *statements))[1:]

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

    async def take(self, patience: float) -> Wire:
        """Return a wire that nobody else uses until it is given back.

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
        while self._idle:
            wire = self._idle.pop()
            if wire.usable:
                return wire
        try:
            return Wire(await self._connect())
        except BaseException:
            self._free.release()
            raise

    def give_back(self, wire: Wire) -> None:
        """Let others use the wire."""
        if self._closed or not wire.usable:
            wire.close()
        else:
            self._idle.append(wire)
        self._free.release()

    @asynccontextmanager
    async def transaction(self, patience: float) -> AsyncIterator[Reader]:
        """One transaction; nobody waits for its end.

        Raises:
            AllInUseError: as ``take``.
            psycopg.Error: as ``take``, and what a statement raises.
        """
        wire = await self.take(patience)
        reader = Reader(wire)
        try:
            yield reader
        finally:
            if reader.begun:
                # Its end is said when the loop turns: what the asker does next comes first.
                asyncio.get_running_loop().call_soon(self._end, wire)
            else:
                self.give_back(wire)

    def _end(self, wire: Wire) -> None:
        if wire.usable:
            wire.end()
        self.give_back(wire)

    def close(self) -> None:
        """Close every wire; those in use, when they are given back."""
        self._closed = True
        for wire in self._idle:
            wire.close()
        self._idle = []
