"""Sizes of this node: which entries are measured next, and what was measured, told once a minute.

Paths come with every full look; those of the next few thousand entries are held, of all others only when they are due.
What does not reach the register is measured again; while a collector is away a few thousand sizes wait for it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, NoReturn

import structlog

from agent.observation import Observation
from agent.outcome import Outcome
from agent.schedule import Schedule
from agent.survey import KEPT, Measured, Surveyor, target
from protocol.entries import Kind
from protocol.messages import Generation
from protocol.usage import Usage, UsageReply

_log = structlog.stdlib.get_logger("agent.measuring")

_KINDS: Final = frozenset({Kind.CONTAINER, Kind.LAYER, Kind.VOLUME})
_MAX_ROOMS: Final = 256


class Measuring:
    """Measures what looks find, and tells it. Use ``start`` and ``stop`` around it; not safe for threads.

    ``share`` is the share of one core that measuring may take, ``host_root`` where the agent sees the host's /.
    """

    def __init__(
        self,
        share: float,
        host_root: str = "",
        *,
        every: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._surveyor = Surveyor(share, host_root, clock=clock)
        self._schedule = Schedule()
        self._every, self._clock, self._wall = every, clock, wall
        self._roots: list[str] = []
        self._untold: list[Measured] = []

    def start(self) -> None:
        """Begin to measure."""
        self._surveyor.start()

    def stop(self) -> None:
        """Stop at the next breath."""
        self._surveyor.stop()

    def observe(self, observation: Observation, host_root: str | None = None) -> None:
        """Take in what a look found: a full one says what there is, another what changed.

        ``host_root`` is where the agent sees the host's / now, None: as before.
        """
        now = self._clock()
        if host_root is not None:
            self._surveyor.host_root = host_root
        if observation.asked is not None:
            self._schedule.changed(observation.asked, now)
            return
        self._collect()
        entries = observation.entries
        self._roots = list(dict.fromkeys(key.root for key in entries))[:_MAX_ROOMS]
        targets = []
        for key in self._schedule.pick((key for key in entries if key.kind in _KINDS), now):
            one = target(entries[key])
            if one is not None and one.parts:
                targets.append(one)
            else:
                self._schedule.done(key, now, still=True)
        self._surveyor.give(targets)

    async def run(
        self, generation: Callable[[], Generation | None], send: Callable[[Usage], Awaitable[Outcome]]
    ) -> NoReturn:
        """Tell what was measured, once a minute, while ``generation`` says that the register is in step."""
        while True:
            await asyncio.sleep(self._every)
            current = generation()
            if current is None:
                continue
            message, told = await self._message(current)
            outcome = await send(message)
            if not isinstance(outcome, UsageReply):
                _log.info("sizes did not reach the register", sizes=len(message.measurements))
                self._schedule.lost([one.target.key for one in told], self._clock())

    def _collect(self) -> None:
        """Take what was measured, as far as it can be kept until it is told, and note when it is due again."""
        for one in self._surveyor.take(KEPT - len(self._untold)):
            self._schedule.done(one.target.key, one.at, inodes=one.inodes, cpu=one.cpu, still=one.target.still)
            if one.sizes:
                self._untold.append(one)

    async def _message(self, generation: Generation) -> tuple[Usage, list[Measured]]:
        self._collect()
        told, self._untold = self._untold, []
        rooms = await asyncio.to_thread(self._surveyor.rooms, self._roots)
        now = self._clock()
        self._schedule.count_round(now)
        measurements = [measurement for one in told for measurement in one.measurements(now)]
        message = Usage(
            generation=generation,
            clock=round(self._wall(), 3),
            measurements=measurements,
            rooms=rooms,
            sweep=self._schedule.sweep,
        )
        return message, told
