"""The programs of an earlier release beside this one's: agents, collectors and the database, in every mix."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from mountbook.local import ledger
from tests.faults.line import Line
from tests.faults.parts import ROOT, Collector, Postgres, eventually
from tests.faults.world import World
from tests.releases.conftest import Release
from tests.unit.agent.fake_engine import FakeEngine, serving


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A directory for a server of our own."""
    made = Path(tempfile.mkdtemp(prefix="mb-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Postgres]:
    """A PostgreSQL for the mixes."""
    started = Postgres(home)
    started.start()
    yield started
    started.stop()


@contextmanager
def mixed(home: Path, database: Postgres, *, collector: Path = ROOT, agent: Path = ROOT, name: str) -> Iterator[World]:
    """A collector and an agent, each of a release, on a database."""
    with ExitStack() as stack:
        database.token("unused")
        serves = Collector(database.url, home, f"{name}-collector", collector)
        serves.start()
        stack.callback(serves.end)
        serves.await_ready()
        line = stack.enter_context(Line(serves.port))
        world = World(home, database, serves, line)
        engine = stack.enter_context(serving(FakeEngine(home / f"{name}.sock")))
        stack.callback(world.add(name, engine, programs=agent).agent.end)
        world.converged()
        world.nodes[0].churn(10)
        world.converged()
        yield world


def test_its_agent_reports_to_this_collector(release: Release, server: Postgres, home: Path) -> None:
    with mixed(home, server.beside("a"), agent=release.programs, name="a") as world:
        world.nodes[0].agent.kill()
        world.nodes[0].churn(10)
        world.converged()


def test_this_agent_reports_to_its_collector(release: Release, server: Postgres, home: Path) -> None:
    database = server.empty("b")
    release.fill(database.url)
    with mixed(home, database, collector=release.programs, name="b"):
        pass


def test_its_collector_works_on_beside_this_one_while_and_after_the_database_is_migrated(
    release: Release, server: Postgres, home: Path
) -> None:
    database = server.empty("c")
    release.fill(database.url)
    with mixed(home, database, collector=release.programs, name="c") as world:
        node = world.nodes[0]
        node.churn(5)
        database.migrate()
        node.churn(5)
        world.converged()
        ours = Collector(database.url, home, "c-next")
        ours.start()
        try:
            ours.await_ready()
            world.line.lead_to(ours.port)
            node.churn(5)
            world.converged()
            counted = eventually(
                "ours counts what shapes there are",
                lambda: database.value("SELECT max(counted_at) FROM shapes WHERE present IS NOT NULL"),
            )
            world.line.lead_to(world.collector.port)
            node.churn(5)
            node.put("ab" * 32, "running")
            world.converged()
            trusted = f"SELECT count(*) FROM shapes WHERE present IS NOT NULL AND counted_at = '{counted}'"
            assert database.value(trusted) == 0, "what an older one wrote makes the register forget shapes"
            world.line.lead_to(ours.port)
            node.churn(5)
            world.converged()
        finally:
            ours.end()
        verdict = ledger.read(database.url, ledger.Witnesses(None, []), lambda _: None)
        assert verdict.whole, verdict.what
        noted = database.value("SELECT count(*) FROM audit_log WHERE kind = 'state' AND body LIKE '%noted_by%'")
        assert noted, "what the older collector accepted meanwhile is in the log"
        assert any("noted by the database" in remark for remark in verdict.remarks)
        assert database.value("SELECT count(*) FROM audit_log WHERE kind = 'watched'") == database.value(
            "SELECT count(*) FROM nodes"
        )
