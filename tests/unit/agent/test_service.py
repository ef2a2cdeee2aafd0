"""The agent's tasks together: a node whose changes are hinted at, and a collector in memory."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from agent.config import Config
from agent.engine import Actor, Event, EventStream
from agent.errors import EngineUnavailableError
from agent.observation import Observation
from agent.outcome import Outcome, Rejected, Reply, Unreachable
from agent.position import PositionFile
from agent.reporter import Reporter
from agent.service import Service
from agent.wire import Body
from protocol.entries import Entry, EntryKey, Kind
from protocol.messages import Engine, Intervals
from protocol.roster import Roster, RosterNode, RosterReply
from tests.unit.agent.driving import ROOT, container
from tests.unit.agent.model_collector import ModelCollector


class Stream(EventStream):
    """Events that the test sends."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._changed = threading.Condition()
        self._ended = self._broken = False

    def send(self, event: Event) -> None:
        with self._changed:
            self._events.append(event)
            self._changed.notify_all()

    def __iter__(self) -> Iterator[Event]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._events or self._ended)
                if self._broken:
                    raise EngineUnavailableError("the stream broke")
                if self._ended:
                    return
                event = self._events.pop(0)
            yield event

    def close(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def break_off(self) -> None:
        self._broken = True
        self.close()


@dataclass
class FakeNode:
    """What the eyes see, and whether they can."""

    node: dict[EntryKey, Entry] = field(default_factory=dict)
    away: bool = False
    connected: bool = False
    engine: Engine = field(default_factory=Engine)
    local_root: str = "/nonexistent"
    host_root: str = ""
    streams: list[Stream] = field(default_factory=list)
    looks: list[frozenset[str] | None] = field(default_factory=list)

    def put(self, *entries: Entry) -> None:
        self.node |= {entry.entry_key: entry for entry in entries}

    def subscribe(self) -> EventStream:
        if self.away:
            raise EngineUnavailableError("no engine")
        self.connected = True
        self.streams.append(Stream())
        return self.streams[-1]

    def look(self, ids: frozenset[str] | None, hash_version: int) -> Observation:
        if self.away and self.connected:
            raise EngineUnavailableError("no engine")
        self.looks.append(ids)
        if ids is None:
            return Observation.of(
                self.node.values(), at=0.0, hash_version=hash_version, complete=dict.fromkeys(Kind, True)
            )
        keys = {EntryKey(Kind.CONTAINER, ROOT, one) for one in ids}
        return Observation.of(
            [self.node[key] for key in keys & self.node.keys()], at=0.0, hash_version=hash_version, asked=keys
        )


@dataclass
class FakeNetwork:
    collector: ModelCollector
    down: bool = False
    rosters: int = 0

    async def post(self, name: str, body: Body, answer: type[Reply]) -> Outcome:
        if name == "roster":
            self.rosters += 1
            return RosterReply(taken=True, server_time=0.0)
        outcome = Unreachable("down") if self.down else self.collector.post(name, body)
        assert isinstance(outcome, answer | Rejected | Unreachable), f"{name} expects another answer"
        return outcome


@dataclass
class World:
    node: FakeNode
    collector: ModelCollector
    network: FakeNetwork
    config: Config
    roster: Roster | None = None
    rolls: int = 0

    def call_the_roll(self) -> Roster | None:
        self.rolls += 1
        return self.roster

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Service]:
        reporter = Reporter(instance="0" * 32, boot_id="", wall=lambda: 0.0, draw=lambda: 0.01)
        positions = PositionFile(self.config.state_dir)
        service = Service(self.config, reporter, self.node, self.network, positions, roster=self.call_the_roll)
        task = asyncio.create_task(service.run())
        try:
            yield service
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def until(self, said: Callable[[], bool], what: str) -> None:
        for _ in range(1000):
            if said():
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"not in ten seconds: {what}")

    async def until_told(self) -> None:
        await self.until(lambda: self.collector.entries == self.node.node, "the collector knows what the node has")


@pytest.fixture
def world(tmp_path: Path) -> World:
    collector = ModelCollector()
    config = Config(collectors=("http://c",), token="t", state_dir=str(tmp_path), start_spread=0.0, poll=0.05)
    made = World(FakeNode(), collector, FakeNetwork(collector), config)
    made.node.put(container(1), container(2))
    return made


async def test_the_node_is_told_after_events_were_subscribed_to(world: World) -> None:
    async with world.running():
        await world.until_told()
    assert world.node.looks[0] is None
    assert len(world.node.streams) == 1


async def test_a_managers_roster_comes_as_often_as_its_heartbeats(world: World) -> None:
    world.collector.intervals = Intervals(heartbeat=0.05)
    world.roster = Roster(version=1, nodes=[RosterNode(node="n1")])
    world.node.engine = Engine(manager=True)
    async with world.running():
        await world.until(lambda: world.network.rosters >= 3, "the roster has come three times")


async def test_a_node_calls_the_roll_only_while_it_is_a_manager(world: World) -> None:
    world.collector.intervals = Intervals(heartbeat=0.02, relist=0.02)
    world.config = replace(world.config, relist=0.02)
    world.roster = Roster(version=1, nodes=[RosterNode(node="n1")])

    async def beats() -> None:
        enough = world.collector.received.count("heartbeat") + 10
        await world.until(lambda: world.collector.received.count("heartbeat") >= enough, "ten heartbeats have come")

    async with world.running():
        await world.until_told()
        await beats()
        assert world.rolls == 0
        world.node.engine = Engine(manager=True)
        await world.until(lambda: world.network.rosters >= 1, "the roster has come")
        world.node.engine, looks = Engine(), len(world.node.looks)
        await world.until(lambda: len(world.node.looks) >= looks + 2, "it has been looked at again")
        await beats()
        before = world.rolls
        await beats()
        assert world.rolls == before


async def test_an_event_leads_to_a_look_at_just_its_container(world: World) -> None:
    async with world.running():
        await world.until_told()
        world.node.put(container(3))
        world.node.streams[0].send(Event("container", "start", Actor(container(3).key)))
        await world.until_told()
    assert world.node.looks[-1] == frozenset({container(3).key})
    assert world.collector.received == ["hello", "snapshot", "delta"]


async def test_a_stream_that_breaks_is_followed_by_another_and_by_a_full_look(world: World) -> None:
    async with world.running():
        await world.until_told()
        world.node.put(container(3))
        world.node.streams[0].break_off()
        await world.until_told()
        assert len(world.node.streams) == 2


async def test_an_engine_that_is_away_is_waited_for_and_nothing_is_removed(world: World) -> None:
    async with world.running():
        await world.until_told()
        world.node.away = True
        world.node.streams[0].break_off()
        await asyncio.sleep(0)
        assert world.collector.entries == world.node.node
        world.node.put(container(3))
        world.node.away = False
        await world.until_told()


async def test_a_node_without_an_engine_is_looked_at_anyway(world: World) -> None:
    world.node.away = True
    async with world.running():
        await world.until_told()
    assert world.node.streams == []


async def test_a_collector_that_comes_back_is_told_the_latest(world: World) -> None:
    world.network.down = True
    async with world.running():
        await world.until(lambda: bool(world.node.looks), "the node is looked at")
        world.node.put(container(1, "exited"))
        world.node.streams[0].send(Event("container", "die", Actor(container(1).key)))
        world.network.down = False
        await world.until_told()


async def test_the_position_and_signs_of_life_are_kept(world: World, tmp_path: Path) -> None:
    def kept() -> bool:
        position = PositionFile(str(tmp_path)).load()
        acknowledged = position.acknowledged if position is not None else None
        return acknowledged is not None and (acknowledged.generation, acknowledged.seq) == (
            world.collector.generation,
            1,
        )

    async with world.running():
        await world.until_told()
        await world.until(kept, "the position is that of the snapshot")
        await world.until((tmp_path / "health.json").exists, "there is a sign of life")


async def test_a_fault_of_a_task_ends_the_service(world: World) -> None:
    def broken(ids: frozenset[str] | None, hash_version: int) -> Observation:
        raise ZeroDivisionError("a fault of our own")

    world.node.look = broken  # type: ignore[method-assign]
    reporter = Reporter(instance="0" * 32, boot_id="", wall=lambda: 0.0, draw=lambda: 0.0)
    service = Service(world.config, reporter, world.node, world.network, PositionFile(""))
    with pytest.raises(ExceptionGroup) as caught:
        await asyncio.wait_for(service.run(), 10)
    assert caught.group_contains(ZeroDivisionError)
