"""R3: a line that is cut, loses, is slow, or stands half open; afterwards all is in step (P1)."""

import time

import pytest

from tests.faults.parts import eventually
from tests.faults.world import World
from tests.figures import Figure

GOAL = "in step afterwards (P1)"


def _churn(world: World, rounds: int = 6) -> None:
    for _ in range(rounds):
        for node in world.nodes:
            node.churn(3)
        time.sleep(0.2)


def test_a_cut_line(world: World, figure: Figure) -> None:
    world.line.cut = True
    _churn(world)
    world.line.heal()
    world.converged()
    figure("R3", "partition", "in step", GOAL)


def test_a_line_that_loses_a_third_of_what_it_carries(world: World, figure: Figure) -> None:
    world.line.loss = 0.3
    _churn(world, 10)
    world.line.heal()
    world.converged()
    figure("R3", "30 % loss", "in step", GOAL)


def test_a_slow_line_delivers_although_it_takes_two_seconds(world: World, figure: Figure) -> None:
    world.line.delay = 1.0  # each way
    _churn(world)
    world.converged()
    world.line.heal()
    world.converged()
    figure("R3", "2 s delay", "in step, also during it", GOAL)


def test_a_half_open_line_is_given_up(world: World, figure: Figure) -> None:
    world.line.deaf = True
    _churn(world, 20)  # longer than an agent waits for an answer
    carried = world.line.carried
    world.line.heal()
    world.converged()
    assert world.line.carried > carried
    figure("R3", "half-open TCP", "given up, in step", GOAL)


@pytest.mark.parametrize("first", ["cut", "deaf"])
def test_the_collector_dies_while_the_line_is_away(world: World, first: str) -> None:
    setattr(world.line, first, True)
    _churn(world, 3)
    world.collector.kill()
    world.line.heal()
    eventually("the collector is back", world.collector.ready)
    _churn(world, 2)
    world.converged()
