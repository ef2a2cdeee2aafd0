"""S5 and S15: real engines with real agents, a real collector and its PostgreSQL.

S5: how long after ``docker run`` has returned does ``where`` say that the container runs, and where its files are?
Every engine is given one container after the other, as fast as it takes them.

S15: one question for the cluster, over a kept HTTP connection, beside the Docker SDK that asks all engines at once
with a filtered list, over kept connections too, and inspects the hit.
"""

import itertools
import statistics
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import docker

from bench.living import PATIENCE, Living
from bench.table import Row, at_most
from mountbook.client import Client
from mountbook.errors import NotFoundError
from tests.swarm.engines import IMAGE, Engine
from tests.swarm.lab import Lab, missing

ENGINES: Final = 5
CONTAINERS: Final = 40
RUNS: Final = 40
"""Containers that S5 runs on every engine."""
PAIRS: Final = 40
GOAL: Final = 1 / 3
GOAL_MEDIAN, GOAL_WORST = 0.150, 1.0
"""Seconds: half of the containers, and 99 of 100."""
_S5: Final = "docker run returns → where says running, with its path"
_S15: Final = f"one question for {ENGINES} engines × {CONTAINERS} containers / the Docker SDK asking all at once"


def measure() -> list[Row]:
    """Start engines, agents and a collector, and measure both; without a lab the lines say why there is none."""
    reason = missing()
    if reason is not None:
        return [Row("S5", _S5, reason, goal=_goal()), Row("S15", _S15, reason, goal=f"≤ {GOAL:.2g} ×")]
    with Lab() as lab, tempfile.TemporaryDirectory(prefix="mb-", dir="/tmp") as folder, Living(Path(folder)) as living:
        engines = [lab.engine() for _ in range(ENGINES)]
        with ThreadPoolExecutor(ENGINES) as threads:
            list(threads.map(_fill, engines))
        living.observe(engines[0])
        one = _answers(living, engines[:1])
        for engine in engines[1:]:
            living.observe(engine)
        pairs = _answers(living, engines)
        return [_run_to_answer(living, engines), _question(one, pairs)]


def _fill(engine: Engine) -> None:
    for number in range(CONTAINERS):
        engine.docker("create", "--name", f"{engine.host.name}-{number}", IMAGE, "sleep", "1")


def _answers(living: Living, engines: Sequence[Engine]) -> list[tuple[float, float]]:
    """Return pairs of times, ours and the SDK's, for names that lie anywhere."""
    names = itertools.cycle(f"{engine.host.name}-{number}" for number in (7, 23) for engine in engines)
    sdk = [docker.APIClient(base_url=engine.url) for engine in engines]
    with living.client() as client, ThreadPoolExecutor(len(sdk)) as threads:
        _ours(client, next(names)), _everywhere(sdk, threads, next(names))
        pairs = [(_ours(client, name), _everywhere(sdk, threads, name)) for name in itertools.islice(names, PAIRS)]
    for connection in sdk:
        connection.close()
    return pairs


def _ours(client: Client, name: str) -> float:
    began = time.perf_counter()
    (found,) = client.where(name).containers
    seconds = time.perf_counter() - began
    if not found.diff_path:
        raise RuntimeError(f"where {name} knows no directory")
    return seconds


def _everywhere(engines: Sequence[docker.APIClient], threads: ThreadPoolExecutor, name: str) -> float:
    def ask(engine: docker.APIClient) -> dict[str, Any] | None:
        listed = engine.containers(all=True, filters={"name": f"^/{name}$"})
        found: dict[str, Any] | None = engine.inspect_container(listed[0]["Id"]) if listed else None
        return found

    began = time.perf_counter()
    (hit,) = [found for found in threads.map(ask, engines) if found is not None]
    seconds = time.perf_counter() - began
    if not hit["GraphDriver"]["Data"]["UpperDir"]:
        raise RuntimeError(f"inspect {name} knows no directory")
    return seconds


def _question(one: Sequence[tuple[float, float]], pairs: Sequence[tuple[float, float]]) -> Row:
    alone = statistics.median(ours for ours, _ in one)
    row = at_most("S15", _S15, "ms", pairs, GOAL)
    return replace(row, ours=f"{row.ours} (one engine: {alone * 1e3:.3g} ms)", goal=f"≤ {GOAL:.2g} ×")


def _run_to_answer(living: Living, engines: Sequence[Engine]) -> Row:
    began = time.perf_counter()
    with ThreadPoolExecutor(len(engines)) as threads:
        waits = sorted(itertools.chain.from_iterable(threads.map(lambda engine: _one_by_one(living, engine), engines)))
    rate = len(waits) / (time.perf_counter() - began)
    median, worst = (waits[int(share * (len(waits) - 1))] for share in (0.5, 0.99))
    return Row(
        "S5",
        f"{_S5}; {len(engines)} engines, {rate:.1f} runs/s",
        f"p50 {median * 1e3:.0f} ms, p99 {worst * 1e3:.0f} ms",
        goal=_goal(),
        holds=median <= GOAL_MEDIAN and worst <= GOAL_WORST,
    )


def _goal() -> str:
    return f"p50 ≤ {GOAL_MEDIAN * 1e3:.0f} ms, p99 ≤ {GOAL_WORST:g} s"


def _one_by_one(living: Living, engine: Engine) -> list[float]:
    with living.client() as client:
        return [
            _wait(client, engine.docker("run", "--detach", "--network", "none", IMAGE, "sleep", "1000"))
            for _ in range(RUNS)
        ]


def _wait(client: Client, container: str) -> float:
    """Return the seconds until the register says that a container runs, and where."""
    began = time.perf_counter()
    while True:
        try:
            (found,) = client.where(container).containers
            if found.state == "running" and found.diff_path:
                return time.perf_counter() - began
        except NotFoundError:
            pass  # not yet
        if time.perf_counter() - began > PATIENCE:
            raise RuntimeError(f"after {PATIENCE:g} s the register does not know {container}")
        time.sleep(0.005)


if __name__ == "__main__":
    for row in measure():
        print(row)
