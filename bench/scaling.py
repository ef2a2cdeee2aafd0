"""S11: what one heartbeat and one change cost with more and more nodes in the register; the picture of it in docs/.

Cost is CPU time of the collector and of PostgreSQL together. Nodes are added to one register and never taken away;
every size is measured in rounds of the same numbers of messages, spread over all nodes, and the median counts.
"""

import asyncio
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random

import psycopg

from bench import load, talkers
from bench.load import Fixed
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
_ROUNDS = 5
_AT_ONCE = 8


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
    random = Random(1)
    everyone = talkers.nodes(world, max(sizes), _CONTAINERS)
    beats, changes = [], []
    async with staged(Options(), [node.id for node in everyone]) as stage:
        agents: list[Talker] = []
        for size in sizes:
            fresh = [Talker(node, stage.tokens[node.id], random) for node in everyone[len(agents) : size]]
            told = (agent.say("hello", "snapshot") for agent in fresh)
            await load.run(stage.url, talkers.lanes(told, _AT_ONCE))
            agents += fresh
            await _warm(stage, agents, messages)
            rounds = [await _round(stage, agents, messages, random) for _ in range(_ROUNDS)]
            beat, change = (statistics.median(side) * 1e3 for side in zip(*rounds, strict=True))
            print(f"  {size:,} nodes: heartbeat {beat:.3f} ms, change {change:.3f} ms", file=sys.stderr, flush=True)
            beats.append(beat)
            changes.append(change)
    return beats, changes


async def _warm(stage: Stage, agents: list[Talker], messages: int) -> None:
    """Say a round of everything before anything is measured, and let the database be at rest.

    What it owes to the thousands of nodes that were just added would otherwise fall into the measured rounds.
    """
    await _round(stage, agents, messages, Random(2))
    await asyncio.to_thread(_tidied, stage.database)
    await asyncio.sleep(2.0)


def _tidied(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        for statement in ("VACUUM (ANALYZE)", "CHECKPOINT"):
            connection.execute(statement)


async def _round(stage: Stage, agents: list[Talker], messages: int, random: Random) -> tuple[float, float]:
    """Return the CPU seconds of one heartbeat and of one change, each on average over one round."""
    chosen = list(talkers.some(agents, messages, random))
    beats = [iter([Fixed(agent.heartbeat())]) for agent in chosen]
    before = _cpu(stage)
    await load.run(stage.url, beats)
    beat = (_cpu(stage) - before) / len(chosen)
    jobs = [agent.changes(1) for agent in chosen]
    before = _cpu(stage)
    await load.run(stage.url, talkers.lanes(jobs, _AT_ONCE))
    return beat, (_cpu(stage) - before) / len(chosen)


def _cpu(stage: Stage) -> float:
    return proc.cpu_seconds(stage.collector or 0) + proc.family_cpu_seconds(stage.postmaster or 0)


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
