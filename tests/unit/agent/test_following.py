"""Following: events when there is an engine, files until there is one."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from agent.engine import Engine, EventStream
from agent.errors import EngineForbiddenError
from agent.following import Follower, Source
from agent.hints import Hints, Wanted
from tests.unit.agent.fake_engine import FakeEngine


class NoEngine:
    """A data root, and an engine that this user may not ask."""

    def __init__(self, root: Path) -> None:
        self.local_root = str(root)
        self.connected = False
        self.asked = 0

    def subscribe(self) -> EventStream:
        self.asked += 1
        raise EngineForbiddenError("not you")


class QuietEngine:
    """An engine whose first two streams are given up at once, because no event comes."""

    connected, local_root = True, "/nowhere"

    def __init__(self, address: str) -> None:
        self.engine = Engine(address)
        self.asked = 0
        self.settled = threading.Event()

    def subscribe(self) -> EventStream:
        stream = self.engine.events(quiet=0.01 if self.asked < 2 else 300.0)
        self.asked += 1
        if self.asked > 2:
            self.settled.set()
        return stream


@asynccontextmanager
async def following(source: Source, *, files_only: bool) -> AsyncIterator[Hints]:
    hints = Hints()
    task = asyncio.create_task(Follower(source, hints, files_only=files_only, poll=0.01).run())
    try:
        yield hints
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def next_hint(hints: Hints) -> Wanted:
    return await asyncio.wait_for(hints.wanted(due=float("inf"), full_from=0.0), 10)


async def test_a_change_of_a_containers_file_is_a_hint_at_it(tmp_path: Path) -> None:
    async with following(NoEngine(tmp_path), files_only=True) as hints:
        assert await next_hint(hints) == Wanted(None), "the first thing is a look at everything"
        folder = tmp_path / "containers" / "one"
        folder.mkdir(parents=True)
        (folder / "config.v2.json").write_text("{}")
        assert await next_hint(hints) == Wanted(frozenset({"one"}))
        (folder / "config.v2.json").write_text('{"State": 1}')
        assert await next_hint(hints) == Wanted(frozenset({"one"}))


async def test_files_only_never_asks_for_an_engine(tmp_path: Path) -> None:
    source = NoEngine(tmp_path)
    async with following(source, files_only=True) as hints:
        await next_hint(hints)
    assert source.asked == 0


async def test_a_data_root_that_is_not_there_is_looked_at_once(tmp_path: Path) -> None:
    async with following(NoEngine(tmp_path / "absent"), files_only=True) as hints:
        assert await next_hint(hints) == Wanted(None)


async def test_an_engine_that_refuses_is_asked_again_and_files_are_followed_meanwhile(tmp_path: Path) -> None:
    source = NoEngine(tmp_path)
    async with following(source, files_only=False) as hints:
        assert await next_hint(hints) == Wanted(None)
        (tmp_path / "volumes").mkdir()
        assert await next_hint(hints) == Wanted(None)
    assert source.asked >= 1


async def test_a_stream_that_was_only_quiet_is_renewed_and_nothing_is_listed(fake_engine: FakeEngine) -> None:
    source = QuietEngine(fake_engine.address)
    async with following(source, files_only=False) as hints:
        assert await next_hint(hints) == Wanted(None), "the first subscription asks for a list"
        assert await asyncio.to_thread(source.settled.wait, 60)
        fake_engine.emit("container", "start", "one")
        assert await next_hint(hints) == Wanted(frozenset({"one"}))
    source.engine.close()
