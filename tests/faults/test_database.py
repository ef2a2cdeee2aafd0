"""R6: a PostgreSQL that is read-only or restarts: 503 with Retry-After, then all goes on by itself."""

from tests.faults.parts import eventually
from tests.faults.test_kills import writing
from tests.faults.world import World, Writer
from tests.figures import Figure

GOAL = "503 + Retry-After, recovers by itself"


def test_a_read_only_database_is_waited_for(world: World, figure: Figure) -> None:
    with writing(world) as writer:
        world.database.run("ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
        try:
            for node in world.nodes:
                node.churn(5)
            eventually("the writer is turned away", lambda: 503 in writer.refused)
            assert world.collector.status("/healthz") == 200
        finally:
            world.database.run("ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()")
        writer.await_more()
    world.converged()
    assert set(writer.refused) <= {409, 503}
    assert not writer.retry_after_missing, "a 503 came without Retry-After"
    figure("R6", "PostgreSQL read-only", refusals(writer), GOAL)


def test_a_restart_is_waited_for(world: World, times: int, figure: Figure) -> None:
    with writing(world) as writer:
        for _ in range(times):
            for node in world.nodes:
                node.churn(5)
            world.database.restart()
            writer.await_more()
    world.converged()
    assert set(writer.refused) <= {409, 503}
    assert not writer.retry_after_missing, "a 503 came without Retry-After"
    figure("R6", f"PostgreSQL restarted {times} times", refusals(writer), GOAL)


def refusals(writer: Writer) -> str:
    """Say what the collector turned away, and what it took."""
    return f"{writer.refused.count(503)} answers 503, {len(writer.acknowledged)} writes kept, in step again"
