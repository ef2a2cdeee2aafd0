"""R7: an engine that drops its events, restarts, or hangs; one full look later all is in step."""

import time

from tests.faults.world import World
from tests.figures import Figure

GOAL = "converged within one relist"


def test_an_engine_that_drops_every_event(world: World, figure: Figure) -> None:
    for node in world.nodes:
        node.silent_engine = True
        node.churn(10)
    try:
        world.converged()
    finally:
        for node in world.nodes:
            node.silent_engine = False
    figure("R7", "engine drops every event", "in step after a list", GOAL)


def test_an_engine_that_restarts(world: World, figure: Figure) -> None:
    for node in world.nodes:
        node.engine.fail |= dict.fromkeys(("containers/json", "events", "info"), 503)
        node.engine.end_streams()
        node.churn(10)
    time.sleep(1)
    for node in world.nodes:
        node.engine.fail.clear()
    world.converged()
    figure("R7", "engine restarts", "in step after a list", GOAL)


def test_an_engine_that_hangs_up_in_the_middle(world: World, figure: Figure) -> None:
    for node in world.nodes:
        node.engine.hangs_up = True
        node.churn(10)
    time.sleep(1)
    for node in world.nodes:
        node.engine.hangs_up = False
        node.churn(2)
    world.converged()
    figure("R7", "engine hangs up in mid-answer", "in step after a list", GOAL)


def test_an_event_stream_that_is_garbage(world: World, figure: Figure) -> None:
    for node in world.nodes:
        node.engine.emit_raw(b"\x00\xff{not json\n")
        node.silent_engine = True
        node.churn(5)
        node.silent_engine = False
    world.converged()
    figure("R7", "event stream is garbage, then silent", "in step after a list", GOAL)
