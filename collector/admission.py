"""Who may bring a large message now, and who has to come again later: before anything of it is read.

A collector under pressure that takes everything in grows until it is killed, and then everybody starts anew. So only
so many messages are taken in, only so many of them are worked on at once, and only so many bytes of them are held;
who finds no place is told so before its body is read, with a time to come again that differs for everybody.
Heartbeats and questions never pass here: they have connections of their own, and cost next to nothing.
"""

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from collector.errors import ProblemError
from protocol.problems import ProblemType

SOONEST: Final = 1.0
"""Least seconds after which who was turned away is to come again."""
SPREAD: Final = 8.0
"""Those who were turned away come again over so many seconds more: half of them in the first half."""
PATIENCE: Final = 10.0
"""Longest time, in seconds, that a message waits for its turn."""


class Place:
    """A message's place inside: the bytes it holds, and its turn. Made by ``Admission.enter``."""

    def __init__(self, admission: "Admission") -> None:
        self.bytes = 0
        self._admission = admission

    def take(self, size: int) -> None:
        """Hold so many bytes more, until the place is left. May be called from another thread.

        Raises:
            ProblemError: ``busy``: there is no room beside what other messages hold.
        """
        self._admission.take(self, size)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until it is this message's turn to be worked on.

        Raises:
            ProblemError: ``busy``: it took too long.
        """
        async with self._admission.turn():
            yield


class Admission:
    """Counts what is inside. ``at_once`` messages are worked on, ``waiting`` more are read and wait.

    ``room`` is how many bytes they hold together, as sent and inflated; a message that is alone may hold more, so
    that the largest one passes. ``draw`` gives random numbers from [0, 1).
    """

    def __init__(
        self,
        *,
        at_once: int,
        waiting: int,
        room: int,
        patience: float = PATIENCE,
        draw: Callable[[], float] | None = None,
    ) -> None:
        self.inside = 0
        self.working = 0
        self.bytes = 0
        self.turned_away: dict[str, int] = dict.fromkeys(("places", "bytes", "patience"), 0)
        """How many messages found no place, no room, or no turn in time."""
        self._places, self._room, self._patience = at_once + waiting, room, patience
        self._draw = draw or random.SystemRandom().random
        self._turns = asyncio.Semaphore(at_once)
        self._lock = threading.Lock()

    @asynccontextmanager
    async def enter(self) -> AsyncIterator[Place]:
        """Take a place, and leave it at the end with all that it holds.

        Raises:
            ProblemError: ``busy``: there is none.
        """
        if self.inside >= self._places:
            raise self._busy("places", "so many messages are waiting already")
        self.inside += 1
        place = Place(self)
        try:
            yield place
        finally:
            self.inside -= 1
            with self._lock:
                self.bytes -= place.bytes

    def take(self, place: Place, size: int) -> None:
        """See ``Place.take``."""
        with self._lock:
            others = self.bytes - place.bytes
            if others and self.bytes + size > self._room:
                raise self._busy("bytes", "so large messages are being read already")
            self.bytes += size
            place.bytes += size

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """See ``Place.turn``."""
        try:
            async with asyncio.timeout(self._patience):
                await self._turns.acquire()
        except TimeoutError:
            raise self._busy("patience", f"it has waited for its turn for {self._patience:g} s") from None
        self.working += 1
        try:
            yield
        finally:
            self.working -= 1
            self._turns.release()

    def _busy(self, reason: str, detail: str) -> ProblemError:
        self.turned_away[reason] += 1
        retry_after = SOONEST + self._draw() * SPREAD
        return ProblemError(
            ProblemType.BUSY,
            f"the collector has too much to do: {detail}; send it again later",
            retry_after=retry_after,
        )
