"""R5: clocks a day ahead, a day behind and running backwards, PostgreSQL's included, change no order (P10)."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests import clock
from tests.faults.parts import Collector, eventually
from tests.faults.world import OURS, World, Writer
from tests.figures import Figure
from tests.unit.agent.fake_engine import FakeEngine, serving

DAY = 86_400


@pytest.fixture
def wrong(running: World, home: Path) -> Iterator[World]:
    """A register of its own whose PostgreSQL has a clock that can be set, with one node."""
    with ExitStack() as stack:
        database = running.database.beside("clocks")
        database.run(*clock.SETTABLE)
        database.token("unused")
        collector = Collector(database.url, home, "clocks")
        collector.start()
        stack.callback(collector.end)
        collector.await_ready()
        world = World(home, database, collector, running.line)
        engine = stack.enter_context(serving(FakeEngine(home / "n3.sock")))
        stack.callback(world.add("n3", engine, collector.url).agent.end)
        world.converged()
        yield world


def test_the_databases_clock_jumps_to_and_fro(wrong: World, figure: Figure) -> None:
    [node] = wrong.nodes
    told = []
    for ahead, state in ((0, "created"), (DAY, "running"), (-DAY, "paused"), (0, "exited"), (-DAY, "running")):
        wrong.database.run(clock.set_ahead(ahead))
        now = wrong.database.value("SELECT extract(epoch FROM clock_timestamp())::float8")
        assert isinstance(now, float)
        assert abs(now - time.time() - ahead) < DAY / 2, "the clock is not the one that was set"
        node.put(OURS, state)
        told.append(state)
        node.churn(3)
        wrong.converged()
    assert wrong.states(OURS) == told
    figure("R5", f"PostgreSQL's clock jumps by a day {len(told) - 1} times", "0 changes of order", "0 changes of order")


@pytest.mark.parametrize("ahead", [DAY, -DAY])
def test_an_agents_wrong_clock_is_shown_and_orders_nothing(world: World, ahead: int, figure: Figure) -> None:
    name = f"clock{ahead}"
    writer = Writer(world.collector.url, world.database.token(name), ahead)
    writer.start()
    try:
        eventually("the writer writes", lambda: len(writer.acknowledged) > 10)
    finally:
        writer.stop()
    skew = world.database.value(
        f"SELECT h.skew FROM node_heartbeats AS h JOIN nodes AS n ON n.id = h.node_id WHERE n.node = '{name}'"
    )
    assert isinstance(skew, float)
    assert abs(skew - ahead) < DAY / 10
    late = world.database.value(
        f"SELECT count(*) FROM entries AS e JOIN nodes AS n ON n.id = e.node_id WHERE n.node = '{name}' "
        "AND e.began_before NOT BETWEEN now() - interval '1 hour' AND now() + interval '1 hour'"
    )
    assert late == 0, "the agent's clock has dated entries"
    figure(
        "R5",
        f"an agent's clock {ahead / 3600:+.0f} h",
        f"skew shown: {skew / 3600:+.2f} h",
        "0 changes of order, shown",
    )
