"""One PostgreSQL, one collector and two nodes for all faults; every test leaves them in step.

``MOUNTBOOK_SOAK`` makes every fault come so many times as often (`make soak`).
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.line import Line
from tests.faults.parts import Collector, Postgres
from tests.faults.world import World
from tests.integration.conftest import database_url, migrated, postgres_server
from tests.unit.agent.fake_engine import FakeEngine, serving

__all__ = ["database_url", "migrated", "postgres_server"]


@pytest.fixture(scope="session")
def home() -> Iterator[Path]:
    """A directory that PostgreSQL's own account may enter too, with a name short enough for sockets."""
    made = Path(tempfile.mkdtemp(prefix="mb-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="session")
def running(home: Path) -> Iterator[World]:
    """The parts, started."""
    with ExitStack() as stack:
        database = Postgres(home)
        database.start()
        stack.callback(database.stop)
        database.migrate()
        database.token("unused")  # without any credential a collector serves its own machine's agents only
        collector = Collector(database.url, home)
        collector.start()
        stack.callback(collector.end)
        collector.await_ready()
        line = stack.enter_context(Line(collector.port))
        world = World(home, database, collector, line)
        for name in ("n1", "n2"):
            engine = stack.enter_context(serving(FakeEngine(home / f"{name}.sock")))
            stack.callback(world.add(name, engine).agent.end)
        world.converged()
        yield world


@pytest.fixture
def world(running: World) -> World:
    """The parts, in step before the test's fault."""
    running.converged()
    return running


@pytest.fixture(scope="session")
def times() -> int:
    """How often a fault comes: three times, or as often as a soak says."""
    return int(os.environ.get("MOUNTBOOK_SOAK", "3"))
