"""S14: measuring writable layers unthrottled, beside ``du -s`` of the same trees; and paced, its share of a core."""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from agent.sizes import Pace
from agent.sizes import measure as measure_tree
from bench.table import Row

TREES = 20
DIRECTORIES = 50
FILES = 40
"""20 trees of 50 directories of 40 files: 41,020 entries."""
PAIRS = 7
GOAL = 0.65
SHARE = 0.02


def measure() -> list[Row]:
    """Make the trees, measure both ways in turn, then once more paced."""
    folder = Path(tempfile.mkdtemp(prefix="mb-sizes-"))
    try:
        trees = [_tree(folder / f"layer{number}") for number in range(TREES)]
        entries = TREES * (1 + DIRECTORIES + DIRECTORIES * FILES)
        _ours(trees, entries), _yardstick(trees)  # both from the kernel's cache
        pairs = [(_ours(trees, entries), _yardstick(trees)) for _ in range(PAIRS)]
        return [_speed(pairs, entries), _paced(trees)]
    finally:
        shutil.rmtree(folder)


def _tree(root: Path) -> str:
    for number in range(DIRECTORIES):
        directory = root / f"directory{number}"
        directory.mkdir(parents=True)
        for name in range(FILES):
            (directory / f"file{name}").write_bytes(b"x" * (name * 97))
    return str(root)


def _ours(trees: list[str], entries: int) -> float:
    start = time.perf_counter()
    found = sum(measure_tree(tree).inodes for tree in trees)
    seconds = time.perf_counter() - start
    if found != entries:
        raise RuntimeError(f"{found} entries were measured, and there are {entries}")
    return seconds


def _yardstick(trees: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(["du", "-s", *trees], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def _speed(pairs: list[tuple[float, float]], entries: int) -> Row:
    """Return the line: entries a second are compared, so ours stands below the line."""
    ratio = sorted(yardstick / ours for ours, yardstick in pairs)[len(pairs) // 2]
    ours, yardstick = (sorted(side)[len(pairs) // 2] for side in zip(*pairs, strict=True))
    what = "measuring writable layers, unthrottled / du -s"
    rates = f"{entries / ours:,.0f}/s", f"{entries / yardstick:,.0f}/s"
    return Row("S14", what, *rates, ratio, f"≥ {GOAL:g} ×", ratio >= GOAL)


def _paced(trees: list[str]) -> Row:
    """Measure for some seconds at the agent's own pace; the line tells the share of a core that it took."""
    pace = Pace(SHARE)
    start, used = time.perf_counter(), time.thread_time()
    number = 0
    while time.perf_counter() - start < 5.0:
        measure_tree(trees[number % len(trees)], pace)
        pace.breathe()
        number += 1
    share = (time.thread_time() - used) / (time.perf_counter() - start)
    what = f"the same, paced to {SHARE:.0%} of a core"
    return Row("S14", what, f"{share:.1%} of a core", goal=f"≤ {SHARE:.0%} + 10 %", holds=share <= SHARE * 1.1)


if __name__ == "__main__":
    for row in measure():
        print(row)
