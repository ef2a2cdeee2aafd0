"""Two collectors on one database: any of them serves any agent, also when the other is killed."""

from contextlib import ExitStack
from pathlib import Path

from tests.faults.parts import Collector
from tests.faults.world import World
from tests.unit.agent.fake_engine import FakeEngine, serving


def test_an_agent_goes_on_with_the_other_collector(world: World, home: Path, times: int) -> None:
    with ExitStack() as stack:
        pair = [Collector(world.database.url, home, f"replica{number}") for number in (1, 2)]
        for collector in pair:
            collector.start()
            stack.callback(collector.end)
        for collector in pair:
            collector.await_ready()
        engine = stack.enter_context(serving(FakeEngine(home / "n4.sock")))
        ours = World(home, world.database, pair[0], world.line)
        node = ours.add("n4", engine, ",".join(collector.url for collector in pair))
        stack.callback(node.agent.end)
        ours.converged()
        for number in range(times):
            node.churn(5)
            victim = pair[number % 2]
            victim.kill()
            node.churn(5)
            ours.converged()
            victim.await_ready()
