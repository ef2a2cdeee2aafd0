"""S2: the inventory of a real engine, its lists included, beside ``docker inspect`` of all its containers."""

import time
from contextlib import closing

from agent.config import Config
from agent.lookout import Lookout
from bench.table import Row, at_most
from tests.swarm.engines import IMAGE, Engine
from tests.swarm.lab import Lab, missing

CONTAINERS = 200
PAIRS = 7
GOAL = 1 / 10


def measure() -> list[Row]:
    """Start an engine, make its containers, and take both in turn; without a lab the line says why there is none."""
    what = f"inventory of a real engine with {CONTAINERS} containers / docker inspect of all"
    reason = missing()
    if reason is not None:
        return [Row("S2", what, reason, goal=f"≤ {GOAL:g} ×")]
    with Lab() as lab:
        engine = lab.engine()
        ids = [engine.docker("create", IMAGE, "sleep", "1") for _ in range(CONTAINERS)]
        config = Config(collectors=("http://127.0.0.1:1",), docker_host=engine.url, host_root=str(engine.host.path("")))
        with Lookout(config) as lookout, closing(lookout.subscribe()):
            _ours(lookout), _yardstick(engine, ids)
            pairs = [(_ours(lookout), _yardstick(engine, ids)) for _ in range(PAIRS)]
    per_container = [(ours / CONTAINERS, yardstick / CONTAINERS) for ours, yardstick in pairs]
    return [at_most("S2", what, "µs", per_container, GOAL)]


def _ours(lookout: Lookout) -> float:
    start = time.perf_counter()
    found = lookout.look(None, 1)
    seconds = time.perf_counter() - start
    if sum(key.kind == "container" for key in found.entries) != CONTAINERS:
        raise RuntimeError("the inventory did not find every container")
    return seconds


def _yardstick(engine: Engine, ids: list[str]) -> float:
    start = time.perf_counter()
    engine.docker("inspect", *ids)
    return time.perf_counter() - start


if __name__ == "__main__":
    for row in measure():
        print(row)
