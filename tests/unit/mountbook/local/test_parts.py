"""Parts start in order, end in reverse, and a failure of one is everybody's end."""

import asyncio
import os
import signal

import pytest

from mountbook.errors import UserError
from mountbook.local.parts import Parts


async def forever(name: str, ended: list[str]) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        ended.append(name)


async def stubborn() -> None:
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            continue


async def test_a_signal_ends_the_parts_in_reverse_order_and_quietly() -> None:
    ended: list[str] = []

    async def closed() -> None:
        ended.append("database")

    async def run() -> None:
        async with Parts() as parts:
            parts.at_end(closed)
            parts.service("collector", forever("collector", ended))
            parts.service("agent", forever("agent", ended))
            await asyncio.sleep(0)
            os.kill(os.getpid(), signal.SIGTERM)
            await parts.while_all_run(asyncio.Event().wait())

    await asyncio.create_task(run())
    assert ended == ["agent", "collector", "database"]


async def test_a_second_signal_waits_for_no_service_but_still_does_what_must_be_done() -> None:
    ended: list[str] = []
    services: list[asyncio.Task[object]] = []

    async def closed() -> None:
        ended.append("database")

    async def again() -> None:
        os.kill(os.getpid(), signal.SIGINT)

    async def run() -> None:
        async with Parts() as parts:
            parts.at_end(closed)
            services.append(parts.service("collector", stubborn()))
            parts.at_end(again)
            await asyncio.sleep(0)
            os.kill(os.getpid(), signal.SIGINT)
            await parts.while_all_run(asyncio.Event().wait())

    await asyncio.create_task(run())
    assert ended == ["database"]
    assert not services[0].done(), "it was not waited for"
    services[0].get_coro().close()


async def test_the_error_of_a_service_is_raised_while_another_is_awaited() -> None:
    ended: list[str] = []

    async def fails() -> None:
        raise LookupError("no more")

    async def run() -> None:
        async with Parts() as parts:
            parts.service("collector", forever("collector", ended))
            parts.service("agent", fails())
            await parts.while_all_run(asyncio.Event().wait())

    with pytest.raises(LookupError, match="no more"):
        await run()
    assert ended == ["collector"]


async def test_a_service_that_just_ends_is_named() -> None:
    async def ends() -> None:
        return

    async def run() -> None:
        async with Parts() as parts:
            parts.service("The agent", ends())
            await parts.while_all_run(asyncio.Event().wait())

    with pytest.raises(UserError, match="The agent ended by itself"):
        await run()


async def test_waiting_gives_the_value_or_gives_up_in_time() -> None:
    async with Parts() as parts:
        parts.service("collector", forever("collector", []))
        assert await parts.while_all_run(asyncio.sleep(0, "value")) == "value"
        with pytest.raises(TimeoutError):
            await parts.while_all_run(asyncio.Event().wait(), 0.01)
