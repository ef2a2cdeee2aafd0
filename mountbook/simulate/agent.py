"""One simulated agent: the real reporter and client, driven by one task; its looks are at a node in memory.

``agent.service`` gives a real agent threads for everything that blocks. Nothing blocks here, and five thousand agents
share one event loop.
"""

import asyncio
import secrets
import time
from dataclasses import dataclass, field
from random import Random
from typing import Final, NamedTuple, NoReturn

from agent.client import CollectorClient
from agent.hints import GATHER
from agent.outcome import Outcome, Rejected, Unreachable
from agent.reporter import Look, Reporter, Send, Wait
from agent.wire import Body, encode
from mountbook.simulate.line import Weather
from mountbook.simulate.node import Change, SimulatedNode
from protocol.messages import Applied, Delta, Snapshot

_LONGEST: Final = 3600.0


class Delay(NamedTuple):
    """When something happened (monotonic), and how many seconds later it had come to its end."""

    at: float
    seconds: float


@dataclass(slots=True)
class Told:
    """What the collector acknowledged: digests of versions, and how long changes took from the engine on."""

    versions: set[bytes] = field(default_factory=set)
    delays: list["Delay"] = field(default_factory=list)


class SimulatedAgent:
    """The agent of one node. ``run`` it; tell it of ``happened`` changes; ``relist`` when events were dropped.

    ``least`` is the least time between two full looks.
    """

    def __init__(
        self, node: SimulatedNode, client: CollectorClient, weather: Weather, told: Told, random: Random, least: float
    ) -> None:
        self.node = node
        self.cut = False
        """Whether it lies behind a partition."""
        self.lost = 0
        """Versions that earlier lives of the agent found, and that no collector took before the next one did."""
        self.answered_at = 0.0
        """When a collector last took a message (monotonic)."""
        self._client, self._weather, self._told, self._random = client, weather, told, random
        self._least = least
        self._wake = asyncio.Event()
        self._boot_id = secrets.token_hex(16)
        self._due = 0.0
        self._look_at = float("inf")
        self._settled = False
        self._hints: set[str] = set()
        self._happened: dict[str, float] = {}
        self._under_way: dict[str, float] = {}
        self._posted: tuple[Send, Body, tuple[bytes, ...]] | None = None
        self.reporter = self._new_reporter(None)

    def _new_reporter(self, before: Reporter | None) -> Reporter:
        reporter = Reporter(
            instance=secrets.token_hex(16),
            boot_id=self._boot_id,
            wall=time.time,
            draw=self._random.random,
            position=before.position if before is not None else None,
        )
        reporter.engine = self.node.engine
        return reporter

    def happened(self, change: Change, *, heard: bool) -> None:
        """Note a change; unless it is ``heard``, the engine dropped its event."""
        self._happened.setdefault(change.container_id, time.monotonic())
        if heard:
            if not self._hints:
                self._look_at = time.monotonic() + GATHER
            self._hints.add(change.container_id)
            self._wake.set()

    @property
    def waiting(self) -> frozenset[str]:
        """Containers whose last change is not acknowledged."""
        return frozenset(self._happened) | frozenset(self._under_way)

    def relist(self) -> None:
        """Look at everything now."""
        self._due = 0.0
        self._wake.set()

    def restart(self) -> None:
        """End the agent and start it anew: what it had not told yet it has to find out again."""
        self.lost += self.reporter.holdings.lost
        self.reporter = self._new_reporter(self.reporter)
        self._posted = None
        self._happened = self._under_way | self._happened
        self._under_way = {}
        self.relist()

    @property
    def in_step(self) -> bool:
        """Whether the collector has acknowledged everything, and everything was looked at.

        A heartbeat that is under way changes nothing about it.
        """
        return self._settled and not self._hints and self._due > 0.0

    async def run(self, spread: float) -> NoReturn:
        """Report until cancelled; the first message leaves within ``spread`` seconds."""
        async with self._client:
            await asyncio.sleep(spread * self._random.random())
            while True:
                await self._step()

    async def _step(self) -> None:
        self._wake.clear()
        reporter, now = self.reporter, time.monotonic()
        if now >= self._due:
            self._look(None, now)
        elif now >= self._look_at:
            self._look(frozenset(self._hints), now)
        step = reporter.next(now)
        match step:
            case Send():
                outcome = await self._post(step)
                if reporter is self.reporter:  # it may have been restarted meanwhile
                    self._answered(step, outcome)
            case Look(keys=keys):
                self._look(None if keys is None else frozenset(key.key for key in keys), now)
            case Wait(until=until):
                self._settled = reporter.in_step
                await self._sleep(min(until, self._due, self._look_at))

    def _look(self, ids: frozenset[str] | None, now: float) -> None:
        self.reporter.observe(self.node.look(ids, now, self.reporter.hash_version), now)
        self._settled = False
        self._hints.clear()
        self._look_at = float("inf")
        if ids is None:
            self._due = now + max(self._least, self.reporter.relist)

    async def _post(self, step: Send) -> Outcome:
        if self._posted is None or self._posted[0] is not step:
            seen = self.reporter.holdings.seen
            digests = tuple(seen[key] for key in step.keys if key in seen)
            self._posted = step, encode(step.message), digests
            self._take_along(step)
        return await self._weather.post(self._client, self.cut, step.name, self._posted[1], step.answer)

    def _take_along(self, step: Send) -> None:
        """Note which changes are told by this message; those of one that was given up are to be told again."""
        for container_id, since in self._under_way.items():
            self._happened[container_id] = min(since, self._happened.get(container_id, since))
        told: set[str] = set()
        if isinstance(step.message, Snapshot):
            told = set(self._happened)
        elif isinstance(step.message, Delta):
            told = {key.key for key in (*step.keys, *step.message.removes)} & self._happened.keys()
        self._under_way = {container_id: self._happened.pop(container_id) for container_id in told}

    def _answered(self, step: Send, outcome: Outcome) -> None:
        now = time.monotonic()
        self.reporter.answered(outcome, now)
        if not isinstance(outcome, Rejected | Unreachable):
            self.answered_at = now
        if isinstance(outcome, Applied) and self._posted is not None:
            if step.name == "delta":
                refused = {item.index for item in outcome.refused}
                self._told.versions.update(one for at, one in enumerate(self._posted[2]) if at not in refused)
            self._told.delays.extend(Delay(since, now - since) for since in self._under_way.values())
            self._under_way, self._posted = {}, None

    async def _sleep(self, until: float) -> None:
        try:
            async with asyncio.timeout(max(0.0, min(until - time.monotonic(), _LONGEST))):
                await self._wake.wait()
        except TimeoutError:
            return
