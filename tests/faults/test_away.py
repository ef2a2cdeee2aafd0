"""R4: a collector that is away for as many changes as a busy node has in a day costs an agent nothing lasting."""

import time
from pathlib import Path

from tests.faults.world import World

MIB = 1024 * 1024
MOST_MEMORY = 128 * MIB
MOST_ON_DISK = 16 * MIB
CHANGES_A_DAY = 10_000


def test_a_day_without_a_collector(world: World, times: int) -> None:
    world.line.cut = True
    for _ in range(CHANGES_A_DAY * times // 3 // 20):
        for node in world.nodes:
            node.churn(20)
        time.sleep(0.005)
    for node in world.nodes:
        assert node.agent.rss() <= MOST_MEMORY
        assert _size(world.home / f"state-{node.name}") <= MOST_ON_DISK
    world.line.heal()
    world.converged()


def _size(directory: Path) -> int:
    return sum(file.stat().st_size for file in directory.iterdir())
