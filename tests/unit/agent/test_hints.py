"""Hints are gathered into looks."""

import asyncio

import pytest

from agent.engine import IDS_AT_ONCE, Actor, Event
from agent.hints import Hints, Wanted
from tests.unit.agent.driving import container, volume

FAR = float("inf")


async def wanted(hints: Hints, *, due: float = FAR, full_from: float = 0.0) -> Wanted:
    return await asyncio.wait_for(hints.wanted(due=due, full_from=full_from), 5)


async def test_events_of_one_moment_become_one_look() -> None:
    hints = Hints()
    for action, actor in [("create", "a"), ("start", "a"), ("die", "b")]:
        hints.event(Event("container", action, Actor(actor)))
    assert await wanted(hints) == Wanted(frozenset({"a", "b"}))


async def test_an_event_that_comes_while_waiting_ends_the_wait() -> None:
    hints = Hints()
    waiting = asyncio.create_task(wanted(hints))
    await asyncio.sleep(0)
    hints.container("a")
    assert await waiting == Wanted(frozenset({"a"}))


@pytest.mark.parametrize(
    "event", [Event("image", "pull", Actor("nginx:1")), Event("volume", "create", Actor("d")), Event()]
)
async def test_an_event_of_anything_else_is_a_hint_at_everything(event: Event) -> None:
    hints = Hints()
    hints.event(event)
    assert await wanted(hints) == Wanted(None)


async def test_everything_waits_for_its_pause_and_containers_do_not() -> None:
    hints = Hints()
    hints.everything()
    hints.container("a")
    assert await wanted(hints, full_from=FAR) == Wanted(frozenset({"a"}))
    assert await wanted(hints, full_from=0.0) == Wanted(None)


async def test_a_look_at_everything_answers_every_hint() -> None:
    hints = Hints()
    hints.everything()
    hints.container("a")
    assert await wanted(hints) == Wanted(None)
    assert await wanted(hints, due=0.0) == Wanted(None), "no hint is left, so only the timer ends the wait"


async def test_everything_is_looked_at_when_its_time_comes() -> None:
    assert await wanted(Hints(), due=0.0, full_from=FAR) == Wanted(None)


async def test_more_containers_than_one_list_can_name_are_taken_in_parts() -> None:
    hints = Hints()
    for number in range(IDS_AT_ONCE + 1):
        hints.container(f"{number:04}")
    first, second = await wanted(hints, full_from=FAR), await wanted(hints, full_from=FAR)
    assert first.ids is not None
    assert second.ids is not None
    assert (len(first.ids), len(second.ids)) == (IDS_AT_ONCE, 1)


async def test_the_reporter_names_containers_one_by_one_and_anything_else_as_everything() -> None:
    hints = Hints()
    hints.keys({container(1).entry_key})
    assert await wanted(hints) == Wanted(frozenset({container(1).key}))
    hints.keys({container(1).entry_key, volume(1).entry_key})
    assert await wanted(hints) == Wanted(None)
    hints.keys(None)
    assert await wanted(hints) == Wanted(None)
