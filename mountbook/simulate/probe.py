"""From a change to its answer: what just happened on a node is asked for through ``where`` until it is there."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

import aiohttp
import msgspec

from mountbook.simulate.agent import Delay
from mountbook.simulate.fleet import Happened
from protocol.answers import Where
from protocol.messages import API

AT_ONCE: Final = 16
"""So many changes are followed at a time."""
_PAUSE: Final = 0.05
"""Seconds between two questions about one change at the least; of one that takes long, a tenth of its age."""


@dataclass(slots=True)
class Prober:
    """Asks for changes that it finds in ``changes``. ``delays`` has each that was answered.

    ``rate`` bounds how many changes a second are taken up; ``unanswered`` counts those given up after ``patience``
    seconds. ``followed`` are the containers that are asked for: what happened to one last the answer must show.
    """

    url: str
    token: str
    rate: float
    patience: float
    changes: "asyncio.Queue[Happened]" = field(default_factory=lambda: asyncio.Queue(1))
    delays: list[Delay] = field(default_factory=list)
    unanswered: int = 0
    followed: set[str] = field(default_factory=set)
    _following: set[asyncio.Task[None]] = field(default_factory=set)
    _decoder: msgspec.json.Decoder[Where] = field(default_factory=lambda: msgspec.json.Decoder(Where))

    async def run(self) -> None:
        """Ask until cancelled."""
        headers = {"Authorization": f"Bearer {self.token}"}
        async with aiohttp.ClientSession(self.url, headers=headers) as session:
            try:
                while True:
                    happened = await self.changes.get()
                    if time.monotonic() - happened.at > _PAUSE or len(self._following) >= AT_ONCE:
                        continue  # it lay here: the next one is fresh
                    self.followed.add(happened.change.container_id)
                    task = asyncio.create_task(self._follow(session, happened))
                    self._following.add(task)
                    task.add_done_callback(self._following.discard)
                    await asyncio.sleep(1.0 / self.rate)
            finally:
                for task in self._following:
                    task.cancel()

    async def settled(self) -> None:
        """Return when every change that is followed has its answer."""
        while self._following:
            await asyncio.wait(self._following)

    async def _follow(self, session: aiohttp.ClientSession, happened: Happened) -> None:
        where = f"{API}/where?{urlencode({'ref': f'id:{happened.change.container_id}'})}"
        try:
            while (age := time.monotonic() - happened.at) < self.patience:
                if await self._shows(session, where, happened):
                    self.delays.append(Delay(happened.at, time.monotonic() - happened.at))
                    return
                await asyncio.sleep(max(_PAUSE, age / 10))
            self.unanswered += 1
        finally:
            self.followed.discard(happened.change.container_id)

    async def _shows(self, session: aiohttp.ClientSession, where: str, happened: Happened) -> bool:
        """Whether the answer is the one after the change."""
        try:
            async with session.get(where) as response:
                if response.status == 404:
                    return not happened.change.state
                if response.status != 200:
                    return False
                answer = self._decoder.decode(await response.read())
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False  # the collector is away for a moment
        return any(row.state == happened.change.state for row in answer.containers)
