"""R2: ``kill -9`` of each part, again and again; nothing acknowledged is lost, and all comes into step (P1, P9)."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from tests.faults.parts import eventually
from tests.faults.world import World, Writer, numbers_of
from tests.figures import Figure

PAUSE = 0.4
GOAL = "0 acknowledged writes lost, in step"


@contextmanager
def writing(world: World) -> Iterator[Writer]:
    """A writer beside the agents, which must not lose a word."""
    name = f"writer-{time.monotonic_ns()}"
    writer = Writer(world.collector.url, world.database.token(name))
    writer.start()
    try:
        eventually("the writer writes", lambda: writer.acknowledged)
        yield writer
    finally:
        writer.stop()
    with psycopg.connect(world.database.url) as connection:
        rows = connection.execute(
            "SELECT e.key FROM entries AS e JOIN nodes AS n ON n.id = e.node_id WHERE n.node = %s", (name,)
        ).fetchall()
    lost = numbers_of(writer.acknowledged) - {key for (key,) in rows}
    assert not lost, f"{len(lost)} of {len(writer.acknowledged)} acknowledged entries are lost"


def test_postgresql_keeps_what_it_acknowledges(world: World) -> None:
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        assert world.database.value(f"SELECT current_setting('{setting}')") == "on"


def test_killed_agents_come_into_step(world: World, times: int, figure: Figure) -> None:
    for _ in range(times):
        for node in world.nodes:
            node.churn(5)
            node.agent.kill()
            node.churn(5)
            time.sleep(PAUSE)
    world.converged()
    figure("R2", f"{times * len(world.nodes)} × kill -9 of an agent", "in step", GOAL)


def test_killed_collectors_lose_nothing(world: World, times: int, figure: Figure) -> None:
    with writing(world) as writer:
        for _ in range(times):
            for node in world.nodes:
                node.churn(5)
            time.sleep(PAUSE)
            world.collector.kill()
            world.collector.await_ready()
            writer.await_more()
    world.converged()
    assert set(writer.refused) <= {409, 503}
    figure("R2", f"{times} × kill -9 of the collector", f"0 of {len(writer.acknowledged):,} lost, in step", GOAL)


def test_a_killed_database_loses_nothing(world: World, times: int, figure: Figure) -> None:
    with writing(world) as writer:
        for _ in range(times):
            for node in world.nodes:
                node.churn(5)
            time.sleep(PAUSE)
            world.database.kill()
            writer.await_more()
    world.converged()
    assert set(writer.refused) <= {409, 503}
    assert not writer.retry_after_missing, "a 503 came without Retry-After"
    found = f"0 of {len(writer.acknowledged):,} lost, in step"
    figure("R2", f"{times} × kill -9 of PostgreSQL, fsync on", found, GOAL)
