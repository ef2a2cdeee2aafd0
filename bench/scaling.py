"""S11: what one heartbeat and one change cost with more and more nodes in the register; the picture of it in docs/.

Cost is CPU time of the collector and of PostgreSQL together. Every size is a register of its own with a collector of
its own. They are measured in turns, so that what else the machine does meets all of them: rounds of the same numbers of
messages, spread over all nodes of the register, of which the median counts.

What is compared is the same message in registers that differ in nothing but their size:

- Nodes have lived before they are seen, or the changes of a small register, where each node has many, would be others
  than those of a large one: at first nothing can be removed.
- Every node says a heartbeat and a change between the checkpoint and the rounds. What is said first after a checkpoint
  writes whole pages into the log; heartbeats come twenty times between two. Of 500 messages, most would be a node's
  first ones in a large register, and none in a small one.
- No node is ever silent: heartbeats are due every hour. The nodes of a large register would not be chosen for minutes,
  and each of their messages would record a gap besides; nodes that work leave none.
- What the simulated nodes do at a change is done before and after the rounds: their memory, which grows with their
  number, would push what is measured out of the processor's caches.
"""

import asyncio
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import psycopg

from bench import load, talkers
from bench.load import Fixed, Job, Settled
from bench.picture import picture
from bench.table import Row
from bench.talkers import Talker
from mountbook.simulate import proc
from mountbook.simulate.node import World
from mountbook.simulate.options import Options
from mountbook.simulate.run import allow_files
from mountbook.simulate.stage import Stage, staged

SIZES = (500, 1000, 2500, 5000, 10_000)
GOAL = 1.25
PICTURE = Path(__file__).resolve().parent.parent / "docs" / "cost-by-nodes.svg"
_CONTAINERS = 10
_LIVED = 50
"""So many changes a node has behind it: what is running, what has exited and what is missing is about what it stays."""
_HEARTBEAT = 3600.0
_ROUNDS = 9
_AT_ONCE = 8
_CHAINED = 1.5
"""Seconds after which the audit log has taken in what was said: that is of a change's cost."""


@dataclass
class _Register:
    """A register, and what a heartbeat and a change cost there: seconds of collector and PostgreSQL, by round."""

    stage: Stage
    agents: list[Talker]
    beats: list[tuple[float, float]] = field(default_factory=list)
    changes: list[tuple[float, float]] = field(default_factory=list)


def measure(sizes: Sequence[int] = SIZES, messages: int = 500, drawn: Path | None = PICTURE) -> list[Row]:
    """Measure every size, and draw the picture; ``messages`` heartbeats and as many changes are one round."""
    allow_files(messages + 200)
    with tempfile.TemporaryDirectory() as empty:
        beats, changes = asyncio.run(_measure(World(1, empty), sizes, messages))
    if drawn is not None:
        costs = {"one change": changes, "one heartbeat": beats}
        title = "What one message costs, by nodes in the register"
        drawn.write_text(picture(title, "nodes", "ms of CPU, collector and PostgreSQL", sizes, costs))
    return [_row("heartbeat", sizes, beats), _row("change", sizes, changes)]


async def _measure(world: World, sizes: Sequence[int], messages: int) -> tuple[list[float], list[float]]:
    """Return what a heartbeat and a change cost at each size, in milliseconds."""
    async with AsyncExitStack() as stages:
        registers = [await _filled(stages, world, size) for size in sizes]
        for register in registers:
            await _rest(register, messages)
        random = Random(1)
        for _ in range(_ROUNDS):
            for register in registers:
                await _round(register, messages, random)
    for size, register in zip(sizes, registers, strict=True):
        said = f"heartbeat {_said(register.beats)}, change {_said(register.changes)}"
        print(f"  {size:,} nodes: {said} (collector + PostgreSQL)", file=sys.stderr, flush=True)
    return [_median(each.beats) for each in registers], [_median(each.changes) for each in registers]


async def _filled(stages: AsyncExitStack, world: World, size: int) -> _Register:
    """Start a register and tell it of so many nodes."""
    random = Random(1)
    nodes = talkers.nodes(world, size, _CONTAINERS)
    for node in nodes:
        for _ in range(_LIVED):
            node.change(random)
    stage = await stages.enter_async_context(staged(Options(heartbeat=_HEARTBEAT), [node.id for node in nodes]))
    agents = [Talker(node, stage.tokens[node.id], random) for node in nodes]
    told = (agent.say("hello", "snapshot") for agent in agents)
    await load.run(stage.url, talkers.lanes(told, _AT_ONCE))
    return _Register(stage, agents)


async def _rest(register: _Register, messages: int) -> None:
    """Let the database do what it owes to so many new nodes, and come to where it is between two checkpoints."""
    await asyncio.to_thread(_tidied, register.stage.database)
    for first in range(0, len(register.agents), messages):
        some = register.agents[first : first + messages]
        await load.run(register.stage.url, _beats(some))
        await _tell(register, _changes(some))
    await asyncio.sleep(2.0)


def _tidied(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        for statement in ("VACUUM (ANALYZE)", "CHECKPOINT"):
            connection.execute(statement)


async def _round(register: _Register, messages: int, random: Random) -> None:
    """Note the CPU seconds of one heartbeat and of one change, each on average over one round."""
    chosen = list(talkers.some(register.agents, messages, random))
    beats = _beats(chosen)
    before = _cpu(register.stage)
    await load.run(register.stage.url, beats)
    register.beats.append(_each(before, _cpu(register.stage), len(chosen)))
    told = _changes(chosen)
    before = _cpu(register.stage)
    await _tell(register, told)
    await asyncio.sleep(_CHAINED)
    register.changes.append(_each(before, _cpu(register.stage), len(told)))


def _beats(agents: Sequence[Talker]) -> list[Iterator[Job]]:
    return [iter([Fixed(agent.heartbeat())]) for agent in agents]


def _changes(agents: Sequence[Talker]) -> list[Settled]:
    """Let something happen on each of these nodes, and return what is to be said of it."""
    return [Settled(job) for agent in agents for job in _first(agent.changes(1))]


async def _tell(register: _Register, told: Sequence[Settled]) -> None:
    await load.run(register.stage.url, talkers.lanes((iter([each]) for each in told), _AT_ONCE))
    for each in told:
        each.settle()


def _first(jobs: Iterator[Job]) -> list[Job]:
    job = next(jobs, None)
    return [] if job is None else [job]


def _cpu(stage: Stage) -> tuple[float, float]:
    return proc.cpu_seconds(stage.collector or 0), proc.family_cpu_seconds(stage.postmaster or 0)


def _each(before: tuple[float, float], after: tuple[float, float], count: int) -> tuple[float, float]:
    collector, postgres = ((then - first) / count for first, then in zip(before, after, strict=True))
    return collector, postgres


def _median(rounds: Sequence[tuple[float, float]]) -> float:
    """Return the cost of the median round, in milliseconds."""
    return statistics.median(map(sum, rounds)) * 1e3


def _said(rounds: Sequence[tuple[float, float]]) -> str:
    collector, postgres = (statistics.median(side) * 1e3 for side in zip(*rounds, strict=True))
    return f"{_median(rounds):.3f} ms ({collector:.3f} + {postgres:.3f})"


def _row(what: str, sizes: Sequence[int], costs: Sequence[float]) -> Row:
    """Return the line: the worst of all sizes against the smallest one."""
    worst = max(range(len(sizes)), key=lambda at: costs[at])
    ratio = costs[worst] / costs[0]
    said = ", ".join(f"{cost:.2f}" for cost in costs)
    return Row(
        "S11",
        f"CPU of one {what} at {', '.join(f'{size:,}' for size in sizes)} nodes / at {sizes[0]:,}",
        f"{said} ms",
        f"{costs[0]:.2f} ms",
        ratio,
        f"≤ {GOAL:g} ×",
        ratio <= GOAL,
    )


if __name__ == "__main__":
    for row in measure():
        print(row)
