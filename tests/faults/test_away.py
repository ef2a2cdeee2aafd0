"""R4: a collector that is away for as many changes as a busy node has in a day costs an agent nothing lasting."""

import time
from pathlib import Path

from tests.faults.world import World
from tests.figures import Figure

MIB = 1024 * 1024
MOST_MEMORY = 128 * MIB
MOST_ON_DISK = 16 * MIB
CHANGES_A_DAY = 10_000


def test_a_day_without_a_collector(world: World, times: int, figure: Figure) -> None:
    world.line.cut = True
    rounds = CHANGES_A_DAY * times // 3 // 20
    for _ in range(rounds):
        for node in world.nodes:
            node.churn(20)
        time.sleep(0.005)
    memory = max(node.agent.rss() for node in world.nodes)
    on_disk = max(_size(world.home / f"state-{node.name}") for node in world.nodes)
    assert memory <= MOST_MEMORY
    assert on_disk <= MOST_ON_DISK
    world.line.heal()
    healed = time.monotonic()
    world.converged()
    took = time.monotonic() - healed
    found = f"{memory / MIB:.0f} MiB, spool {on_disk / 1024:.0f} KiB, converged in {took:.1f} s"
    figure("R4", f"collector away for {rounds * 20:,} changes of each node", found, "≤ 128 MiB, ≤ 16 MiB, ≤ 300 s")


def _size(directory: Path) -> int:
    return sum(file.stat().st_size for file in directory.iterdir())
