"""What should be looked at, and when: events, timers and questions of the reporter, gathered into single looks.

Events are hints: they say where to look, never what is there.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from agent.engine import IDS_AT_ONCE, Event
from protocol.entries import EntryKey, Kind

GATHER: Final = 0.05
"""Seconds from the first hint to the look: ``docker run`` alone makes three events."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look at: some containers, or everything when ``ids`` is None."""

    ids: frozenset[str] | None


class Hints:
    """Gathers hints. Its methods belong to the event loop's thread."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._everything = False
        self._changed = asyncio.Event()

    def container(self, container_id: str) -> None:
        """Something happened to this container."""
        self._ids.add(container_id)
        self._changed.set()

    def everything(self) -> None:
        """Something happened, and it is not known to what."""
        self._everything = True
        self._changed.set()

    def event(self, event: Event) -> None:
        """Take in an event of the engine: one of a container is about that container, any other about everything."""
        if event.type == "container" and event.actor.id:
            self.container(event.actor.id)
        else:
            self.everything()

    def keys(self, keys: Iterable[EntryKey] | None) -> None:
        """The reporter needs these entries, or everything when None."""
        if keys is None or any(key.kind is not Kind.CONTAINER for key in keys):
            self.everything()
        else:
            for key in keys:
                self.container(key.key)

    async def wanted(self, *, due: float, full_from: float) -> Wanted:
        """Wait for what to look at next.

        Everything is wanted when ``due`` comes, and after a hint at everything, but then not before ``full_from``;
        both are times of the event loop's clock.
        """
        clock = asyncio.get_running_loop().time
        while True:
            full_at = min(due, full_from) if self._everything or len(self._ids) > IDS_AT_ONCE else due
            if self._ids or clock() >= full_at:
                await asyncio.sleep(GATHER)
                return self._taken(full=clock() >= full_at)
            self._changed.clear()
            try:
                async with asyncio.timeout_at(full_at):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def _taken(self, *, full: bool) -> Wanted:
        if full:
            self._everything, self._ids = False, set()
            return Wanted(None)
        some = set(sorted(self._ids)[:IDS_AT_ONCE])
        self._ids -= some
        return Wanted(frozenset(some))
