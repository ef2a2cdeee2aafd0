"""An engine that answers on a socket of its own."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.agent.fake_engine import FakeEngine, serving


@pytest.fixture
def engine_socket() -> Iterator[Path]:
    """A path short enough for a unix socket (108 bytes), wherever pytest keeps its own."""
    with tempfile.TemporaryDirectory(prefix="mb-", dir="/tmp") as folder:
        yield Path(folder) / "docker.sock"


@pytest.fixture
def fake_engine(engine_socket: Path) -> Iterator[FakeEngine]:
    with serving(FakeEngine(engine_socket)) as engine:
        yield engine
