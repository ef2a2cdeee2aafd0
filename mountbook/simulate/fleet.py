"""All simulated agents: what happens to their nodes, and where they stand."""

import asyncio
import gc
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Final

from agent.client import CollectorClient
from mountbook.simulate.agent import SimulatedAgent, Told
from mountbook.simulate.line import Traffic, Weather
from mountbook.simulate.node import Change, SimulatedNode, World
from mountbook.simulate.options import Faults, Options, Phase

_TICK: Final = 0.01
_TIMEOUT: Final = 30.0
_TRIES: Final = 20
"""So many nodes are asked for a container that may change, before a change is put off."""
_SELDOM: Final = (100_000, 20, 100)
"""Thresholds of ``gc``: few of thousands of requests under way are garbage."""


@dataclass(frozen=True, slots=True)
class Happened:
    """A change of one node, and when it happened (monotonic)."""

    node: str
    change: Change
    at: float


@dataclass(slots=True)
class Fleet:
    """The agents of one simulation."""

    options: Options
    agents: list[SimulatedAgent]
    traffic: Traffic
    weather: Weather
    told: Told
    changes: int = 0
    """How many changes happened so far."""
    _random: Random = field(default_factory=Random)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @classmethod
    def made(cls, options: Options, world: World, tokens: Sequence[str], url: str) -> "Fleet":
        """Make the agents; ``tokens`` are those of their nodes, in order."""
        traffic, told = Traffic(), Told()
        weather = Weather(Faults(), Random(f"{options.seed}/faults"), traffic)
        random = Random(f"{options.seed}/agents")
        agents = [
            SimulatedAgent(
                node, CollectorClient((url,), token, timeout=_TIMEOUT), weather, told, random, options.relist
            )
            for node, token in zip(nodes(options, world), tokens, strict=True)
        ]
        return cls(options, agents, traffic, weather, told, _random=Random(f"{options.seed}/changes"))

    def start(self) -> None:
        """Start every agent, spread over one heartbeat."""
        self._tasks = [asyncio.create_task(agent.run(self.options.heartbeat)) for agent in self.agents]

    async def stop(self) -> None:
        """End every agent.

        Raises:
            Exception: what an agent ended with before.
        """
        for task in self._tasks:
            task.cancel()
        for outcome in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome

    def check(self) -> None:
        """Look whether every agent still runs.

        Raises:
            Exception: what one ended with.
        """
        for task in self._tasks:
            if task.done():
                task.result()

    @property
    def in_step(self) -> int:
        """How many agents have told everything."""
        return sum(agent.in_step for agent in self.agents)

    @property
    def lost(self) -> int:
        """Versions that a look found, and that no collector took before the next version did."""
        return sum(agent.lost + agent.reporter.holdings.lost for agent in self.agents)

    async def all_in_step(self, limit: float) -> bool:
        """Wait until every agent has told everything; false: that took longer than ``limit`` seconds."""
        until = time.monotonic() + limit
        while time.monotonic() < until:
            self.check()
            if self.in_step == len(self.agents):
                return True
            await asyncio.sleep(0.1)
        return False

    async def churn(self, phase: Phase, sampled: "asyncio.Queue[Happened]", followed: Collection[str]) -> None:
        """Let changes happen at the phase's rate, evenly; those that ``sampled`` has room for are put there.

        A container whose last change is not acknowledged, or is ``followed``, is spared: every change is to arrive, and
        one that a later one overtakes cannot.
        """
        began, done = time.monotonic(), 0
        while (elapsed := time.monotonic() - began) < phase.seconds:
            while done < elapsed * phase.rate:
                done += 1
                self._change(sampled, followed)
            self.check()
            await asyncio.sleep(_TICK)

    def _change(self, sampled: "asyncio.Queue[Happened]", followed: Collection[str]) -> None:
        dropped = self.options.faults.amount("drop-events")
        for _ in range(_TRIES):
            agent = self.agents[self._random.randrange(len(self.agents))]
            change = agent.node.change(self._random, agent.waiting.union(followed))
            if change is None:
                continue
            heard = self._random.random() >= dropped
            self.traffic.faults["drop-events"] += not heard
            agent.happened(change, heard=heard)
            self.changes += 1
            if heard and not sampled.full():
                sampled.put_nowait(Happened(agent.node.id, change, time.monotonic()))
            return

    def cut(self, share: float) -> None:
        """Put this share of the nodes behind a partition, 0 for none."""
        most = round(share * len(self.agents))
        for number, agent in enumerate(self.agents):
            agent.cut = number < most

    def restart(self, share: float) -> None:
        """End this share of the agents, and start them anew."""
        most = max(1, round(share * len(self.agents)))
        for agent in self._random.sample(self.agents, most):
            self.traffic.faults["kill-agents"] += 1
            agent.restart()

    def relist(self) -> None:
        """Have every agent look at everything."""
        for agent in self.agents:
            agent.relist()


def nodes(options: Options, world: World) -> Iterator[SimulatedNode]:
    """Yield the nodes of a simulation, always the same for one seed."""
    for number in range(options.nodes):
        yield SimulatedNode(world, number, options.containers)


@contextmanager
def frozen_garbage() -> Iterator[Callable[[], None]]:
    """Make what is there permanent: walking through five thousand agents for garbage would hold up every answer.

    What is given does it again, when the agents hold more than they did at first. What comes later is searched seldom.
    """

    def freeze() -> None:
        gc.collect()
        gc.freeze()

    before = gc.get_threshold()
    gc.set_threshold(*_SELDOM)
    freeze()
    try:
        yield freeze
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
