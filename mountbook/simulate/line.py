"""The way between an agent and its collector, with the faults that a network has."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Final, Protocol

from agent.outcome import Outcome, Rejected, Reply, Unreachable
from agent.wire import Body
from mountbook.simulate.options import Faults

_LATE: Final = 2.0
"""A duplicate arrives up to so many seconds after the first."""
_CUT_OFF: Final = 1.0
"""Seconds until a message into a partition is given up; a real agent waits longer, and so tries less often."""


class Way(Protocol):
    """Where messages go: ``agent.client.CollectorClient``."""

    async def post(self, name: str, body: Body, answer: type[Reply]) -> Outcome:
        """Send a message and return what became of it."""


@dataclass(slots=True)
class Traffic:
    """What was sent and what became of it, counted over all agents.

    ``requests`` by message, ``rejections`` by status, ``refusals`` by why no answer came, ``faults`` by name.
    """

    requests: Counter[str] = field(default_factory=Counter)
    rejections: Counter[str] = field(default_factory=Counter)
    unreachable: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)


class Weather:
    """The faults that lie between all agents and the collector; ``clear`` ends them."""

    def __init__(self, faults: Faults, random: Random, traffic: Traffic) -> None:
        self.traffic = traffic
        self._faults, self._random = faults, random
        self._late: set[asyncio.Task[None]] = set()

    def clear(self) -> None:
        """Let every message through from now on."""
        self._faults = Faults()

    async def settled(self) -> None:
        """Return when the last duplicate has arrived."""
        while self._late:
            await asyncio.gather(*self._late)

    def begin(self, faults: Faults) -> None:
        """Let these faults happen from now on."""
        self._faults = faults

    async def post(self, way: Way, cut: bool, name: str, body: Body, answer: type[Reply]) -> Outcome:
        """Send a message through the weather; ``cut``: its node lies behind a partition."""
        if cut:
            self.traffic.faults["partition"] += 1
            await asyncio.sleep(_CUT_OFF)
            return Unreachable("the network is partitioned")
        if not self._faults:
            return self._counted(name, await way.post(name, body, answer))
        return await self._through(way, name, body, answer)

    async def _through(self, way: Way, name: str, body: Body, answer: type[Reply]) -> Outcome:
        if longest := self._faults.amount("delay"):
            self.traffic.faults["delay"] += 1
            await asyncio.sleep(longest * self._random.random())
        lost = self._random.random() < self._faults.amount("lose")
        self.traffic.faults["lose"] += lost
        if lost and self._random.random() < 0.5:
            return Unreachable("the message was lost")
        if self._random.random() < self._faults.amount("duplicate"):
            self.traffic.faults["duplicate"] += 1
            task = asyncio.create_task(self._again(way, name, body, answer))
            self._late.add(task)
            task.add_done_callback(self._late.discard)
        outcome = self._counted(name, await way.post(name, body, answer))
        return Unreachable("the answer was lost") if lost else outcome

    async def _again(self, way: Way, name: str, body: Body, answer: type[Reply]) -> None:
        """Send a duplicate; nobody hears its answer."""
        await asyncio.sleep(_LATE * self._random.random())
        await way.post(name, body, answer)

    def _counted(self, name: str, outcome: Outcome) -> Outcome:
        self.traffic.requests[name] += 1
        if isinstance(outcome, Rejected):
            kind = outcome.type.value if outcome.type is not None else "unknown"
            self.traffic.rejections[f"{outcome.status} {kind}"] += 1
        elif isinstance(outcome, Unreachable):
            self.traffic.unreachable["connection" if "cannot be reached" in outcome.detail else "time"] += 1
        return outcome
