"""R7: an engine that drops its events, restarts, or hangs; one full look later all is in step."""

import time

from tests.faults.world import World


def test_an_engine_that_drops_every_event(world: World) -> None:
    for node in world.nodes:
        node.silent_engine = True
        node.churn(10)
    try:
        world.converged()
    finally:
        for node in world.nodes:
            node.silent_engine = False


def test_an_engine_that_restarts(world: World) -> None:
    for node in world.nodes:
        node.engine.fail |= dict.fromkeys(("containers/json", "events", "info"), 503)
        node.engine.end_streams()
        node.churn(10)
    time.sleep(1)
    for node in world.nodes:
        node.engine.fail.clear()
    world.converged()


def test_an_engine_that_hangs_up_in_the_middle(world: World) -> None:
    for node in world.nodes:
        node.engine.hangs_up = True
        node.churn(10)
    time.sleep(1)
    for node in world.nodes:
        node.engine.hangs_up = False
        node.churn(2)
    world.converged()


def test_an_event_stream_that_is_garbage(world: World) -> None:
    for node in world.nodes:
        node.engine.emit_raw(b"\x00\xff{not json\n")
        node.silent_engine = True
        node.churn(5)
        node.silent_engine = False
    world.converged()
