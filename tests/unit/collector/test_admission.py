"""Who may bring a large message now."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.admission import SOONEST, SPREAD, Admission
from collector.errors import ProblemError
from protocol.problems import ProblemType


def admission(at_once: int = 1, waiting: int = 1, room: int = 100, patience: float = 60.0) -> Admission:
    return Admission(at_once=at_once, waiting=waiting, room=room, patience=patience, draw=lambda: 0.5)


async def test_who_finds_no_place_is_told_when_to_come_again() -> None:
    door = admission()
    async with AsyncExitStack() as inside:
        for _ in range(2):
            await inside.enter_async_context(door.enter())
        with pytest.raises(ProblemError) as caught:
            await inside.enter_async_context(door.enter())
        assert caught.value.kind is ProblemType.BUSY
        assert caught.value.retry_after == SOONEST + SPREAD / 2
        assert door.turned_away["places"] == 1
    async with door.enter():
        assert door.inside == 1
    assert door.inside == 0


async def test_one_is_worked_on_while_the_next_waits() -> None:
    door = admission()
    order: list[str] = []
    first_is_in, go_on = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        async with door.enter() as place, place.turn():
            order.append("first")
            first_is_in.set()
            await go_on.wait()

    async def second() -> None:
        async with door.enter() as place, place.turn():
            order.append("second")

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(first())
        await first_is_in.wait()
        tasks.create_task(second())
        await asyncio.sleep(0)
        assert (order, door.working) == (["first"], 1)
        go_on.set()
    assert order == ["first", "second"]


async def test_who_waits_too_long_for_a_turn_is_turned_away() -> None:
    door = admission(patience=0.01)
    async with door.enter() as first, first.turn(), door.enter() as second:
        with pytest.raises(ProblemError, match="waited"):
            async with second.turn():
                pass
    async with door.enter() as again, again.turn():
        assert door.turned_away == {"places": 0, "bytes": 0, "patience": 1}


async def test_bytes_are_held_by_several_up_to_the_room_and_by_one_alone_beyond_it() -> None:
    door = admission(waiting=3)
    async with door.enter() as small:
        small.take(60)
        async with door.enter() as other:
            other.take(40)
            with pytest.raises(ProblemError):
                other.take(1)
            with pytest.raises(ProblemError):
                small.take(1)
        small.take(1_000)
        assert door.bytes == 1_060
    assert door.bytes == 0


@given(sizes=st.lists(st.integers(0, 60), max_size=30))
def test_no_sizes_make_several_hold_more_than_the_room(sizes: list[int]) -> None:
    async def run() -> None:
        door = admission(at_once=2, waiting=6)
        async with AsyncExitStack() as inside:
            places = [await inside.enter_async_context(door.enter()) for _ in range(8)]
            for index, size in enumerate(sizes):
                place = places[index % 8]
                try:
                    place.take(size)
                except ProblemError:
                    continue
                assert door.bytes <= 100 or door.bytes == place.bytes
        assert door.bytes == 0

    asyncio.run(run())
