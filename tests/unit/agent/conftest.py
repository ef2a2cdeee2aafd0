"""An engine that answers on a socket of its own; a node in simulated time, and the collector that it tells."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.agent.driving import Driver, container, volume
from tests.unit.agent.fake_engine import FakeEngine, serving
from tests.unit.agent.model_collector import ModelCollector


@pytest.fixture
def engine_socket() -> Iterator[Path]:
    """A path short enough for a unix socket (108 bytes), wherever pytest keeps its own."""
    with tempfile.TemporaryDirectory(prefix="mb-", dir="/tmp") as folder:
        yield Path(folder) / "docker.sock"


@pytest.fixture
def fake_engine(engine_socket: Path) -> Iterator[FakeEngine]:
    with serving(FakeEngine(engine_socket)) as engine:
        yield engine


@pytest.fixture
def collector() -> ModelCollector:
    return ModelCollector()


@pytest.fixture
def driver(collector: ModelCollector) -> Driver:
    """A settled node with three containers and a volume."""
    made = Driver(collector.post)
    made.put(*map(container, range(3)), volume(1))
    made.settle()
    return made
