"""R6: PostgreSQL's disk is full: 503 with Retry-After, nothing corrupt, and all goes on once there is room (root)."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.line import Line
from tests.faults.parts import Collector, Postgres, eventually
from tests.faults.test_database import GOAL, refusals
from tests.faults.test_kills import writing
from tests.faults.world import World
from tests.figures import Figure
from tests.unit.agent.fake_engine import FakeEngine, serving

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")

SIZE = "192m"


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk that is soon full."""
    place = Path(tempfile.mkdtemp(prefix="mb-"))
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=755", "mountbook-test", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)
        place.rmdir()


def test_a_full_disk_is_waited_for(small_disk: Path, tmp_path: Path, figure: Figure) -> None:
    with ExitStack() as stack:
        database = Postgres(small_disk)
        database.start()
        stack.callback(database.stop)
        database.migrate()
        database.token("unused")
        collector = Collector(database.url, tmp_path)
        collector.start()
        stack.callback(collector.end)
        collector.await_ready()
        line = stack.enter_context(Line(collector.port))
        world = World(tmp_path, database, collector, line)
        engine = stack.enter_context(serving(FakeEngine(tmp_path / "n1.sock")))
        stack.callback(world.add("n1", engine).agent.end)
        world.converged()
        with writing(world) as writer:
            ballast = small_disk / "ballast"
            fill(ballast)
            world.nodes[0].churn(20)
            eventually("the writer is turned away", lambda: 503 in writer.refused)
            assert collector.status("/healthz") == 200
            ballast.unlink()
            writer.await_more()
        assert set(writer.refused) <= {409, 503}
        assert not writer.retry_after_missing, "a 503 came without Retry-After"
        world.nodes[0].churn(5)
        world.converged()
        database.run("CREATE EXTENSION amcheck")
        for index in ("entries_pkey", "nodes_pkey"):
            database.run(f"SELECT bt_index_check('{index}', true)")
        figure("R6", "PostgreSQL's disk full", f"{refusals(writer)}, indexes sound", GOAL)


def fill(file: Path) -> None:
    """Write until there is no room left."""
    with file.open("wb", buffering=0) as ballast:
        for piece in (1 << 20, 4096):
            try:
                while True:
                    ballast.write(b"\0" * piece)
            except OSError:
                continue
