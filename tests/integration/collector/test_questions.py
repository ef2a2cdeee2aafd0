"""A thousand random questions about the past agree with what the test did, which it wrote down itself.

Agents come and go, services are scaled, a node leaves, one comes back after an outage, and the database is put back to
a backup. What an answer calls certain has to be true, whoever was observed; of a node that was observed nothing may be
missing. The times of the log are the test's own; the answers come from the register alone.
"""

import random
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec
import pytest

from collector.config import Config
from collector.lookup import filters, lists
from collector.lookup.scope import Scope, scoped
from collector.lookup.whose import whose
from collector.store import rosters
from collector.store.engine import Database
from collector.store.nodes import NodeIdentity
from protocol.answers import ContainerRow, Whose
from protocol.entries import Container, Kind
from protocol.messages import Acknowledged, Hello
from tests.integration.collector.node import ROOT, Node, container
from tests.integration.databases import Server

NAMES = ("n1", "n2", "n3", "n4")
STATES = ("running", "exited", "paused")
ASKED_LATER = 0.001
"""Every node is silent by now: a question that is asked long after all happened."""

Here = tuple[str, str]
"""A node and a container's ID."""


@dataclass
class Log:
    """What the test did and when: per node and container, moments with the state from then on (``""``: not there)."""

    moments: dict[Here, list[tuple[datetime, str]]] = field(default_factory=lambda: defaultdict(list))

    def note(self, node: str, key: str, state: str) -> None:
        self.moments[node, key].append((datetime.now(UTC), state))

    def state(self, node: str, key: str, at: datetime) -> str:
        told = self.moments.get((node, key), [])
        place = bisect_right(told, at, key=lambda one: one[0])
        return told[place - 1][1] if place else ""

    def on(self, node: str, at: datetime) -> dict[str, str]:
        """What was on a node, with its state."""
        keys = [key for name, key in self.moments if name == node]
        return {key: state for key in keys if (state := self.state(node, key, at))}

    def owners(self, key: str, at: datetime) -> set[Here]:
        return {(node, key) for node in NAMES if self.state(node, key, at)}


class Agent(Node):
    """An agent whose engine is no other node's."""

    def hello_message(self, acknowledged: Acknowledged | None = None) -> Hello:
        message = super().hello_message(acknowledged)
        engine = msgspec.structs.replace(message.engine, engine_id=f"engine of {self.identity.node}")
        return msgspec.structs.replace(message, engine=engine)


@dataclass
class World:
    """Nodes with containers, and an agent on each that reports now and then."""

    chance: random.Random
    log: Log = field(default_factory=Log)
    agents: dict[str, Agent] = field(default_factory=dict)
    there: dict[str, dict[int, Container]] = field(default_factory=lambda: {name: {} for name in NAMES})
    used: int = 0

    def start(self, node: str, number: int | None = None) -> None:
        if number is None:
            self.used += 1
            number = self.used
        self._set(node, number, "running")

    def scale(self, node: str, replicas: int) -> None:
        """Give a node so many containers: remove some, or start others; often with a number that there was before.

        What lives between two looks of its agent only is in no register, so none such is removed.
        """
        told = {key.key for key in self.agents[node].state} if node in self.agents else set()
        while len(self.there[node]) > replicas:
            numbers = [number for number in self.there[node] if container(number).key in told]
            if not numbers:
                break
            number = self.chance.choice(sorted(numbers))
            del self.there[node][number]
            self.log.note(node, container(number).key, "")
        while len(self.there[node]) < replicas:
            elsewhere = [one for other in NAMES for one in self.there[other] if one not in self.there[node]]
            self.start(node, self.chance.choice(elsewhere) if elsewhere and self.chance.random() < 0.3 else None)

    def change(self, node: str) -> None:
        number = self.chance.choice(sorted(self.there[node]))
        self._set(node, number, self.chance.choice(STATES))

    def _set(self, node: str, number: int, state: str) -> None:
        # An engine never says the same twice: what was started again has another time.
        moment = datetime.now(UTC).isoformat()
        self.there[node][number] = container(number, state=state, started_at=moment)
        self.log.note(node, container(number).key, state)

    async def report(self, node: str) -> None:
        agent, now = self.agents[node], self.there[node]
        upserts = [entry for entry in now.values() if agent.state.get(entry.entry_key) != entry]
        removes = [entry for key, entry in agent.state.items() if key not in {one.entry_key for one in now.values()}]
        await agent.delta(*upserts, removes=removes)

    async def look(self, node: str, database: Database, acknowledged: Acknowledged | None = None) -> None:
        """Start an agent anew: it says hello, and everything that it finds."""
        before = self.agents.get(node)
        self.agents[node] = Agent(database, NodeIdentity("swarm", node), instance=uuid4().hex)
        if before is not None:
            self.agents[node].boot_id = before.boot_id
        await self.agents[node].hello(acknowledged)
        await self.agents[node].snapshot(*self.there[node].values())

    async def live(self, rounds: int, names: tuple[str, ...]) -> None:
        for _ in range(rounds):
            node = self.chance.choice(names)
            if self.chance.random() < 0.4 or not self.there[node]:
                self.scale(node, self.chance.randint(1, 6))
            else:
                self.change(node)
            if self.chance.random() < 0.7:
                await self.report(node)


async def told_roster(database: Database, *nodes: str) -> None:
    async with database.ingest() as conn:
        await rosters.take(
            conn,
            NodeIdentity("swarm", "n1"),
            version=10 - len(nodes),
            read_ago=0.0,
            clearly=0.0,
            nodes=[{"node": name} for name in nodes],
            services=[],
        )


@pytest.fixture
def restored_url(postgres_server: Server) -> Iterator[list[str]]:
    """Addresses of databases that the test made from a backup; they are dropped at its end."""
    made: list[str] = []
    yield made
    for url in made:
        postgres_server.drop(url)


@dataclass
class Asker:
    """Asks the register, and compares with the log."""

    log: Log
    asked: int = 0
    observed: int = 0
    certain: int = 0

    async def containers(self, scope: Scope) -> dict[str, list[ContainerRow]]:
        page = await lists.page(scope, Kind.CONTAINER, filters.parse(Kind.CONTAINER, []), 1000, "")
        assert page.next is None
        found: dict[str, list[ContainerRow]] = defaultdict(list)
        for raw in page.rows:
            row = msgspec.json.decode(raw, type=ContainerRow)
            found[row.node].append(row)
        return found

    def on_node(self, node: str, rows: list[ContainerRow], at: datetime, *, observed: bool) -> None:
        truth = self.log.on(node, at)
        certain = {row.container_id: row.state for row in rows if row.certain}
        assert certain.items() <= truth.items(), f"{node} at {at}: certain, but not so"
        if observed:
            missing = truth.keys() - {row.container_id for row in rows}
            assert not missing, f"{node} at {at}: {missing} were there"
        self._count(observed, len(certain) == len(truth))

    async def whose(self, scope: Scope, keys: list[str], at: datetime, observed: set[str]) -> None:
        answers = (await whose(scope, [f"{ROOT}/overlay2/{key}/diff/etc/passwd" for key in keys])).answers
        for key, answer in zip(keys, answers, strict=True):
            self.owned(key, answer, at, observed)

    def owned(self, key: str, answer: Whose, at: datetime, observed: set[str]) -> None:
        path = answer.path
        truth = self.log.owners(key, at)
        assert {(one.node, one.key) for one in answer.owners if one.certain} <= truth, f"{path} at {at}"
        missing = {(node, owned) for node, owned in truth if node in observed} - {
            (one.node, one.key) for one in answer.owners
        }
        assert not missing, f"{path} at {at}: {missing} owned it"
        assert all(one.inside == "/etc/passwd" for one in answer.owners)
        self._count({node for node, _ in truth} <= observed, all(one.certain for one in answer.owners))

    def _count(self, observed: bool, certain: bool) -> None:
        self.asked += 1
        self.observed += observed
        self.certain += observed and certain


async def test_a_thousand_random_questions(database_url: str, postgres_server: Server, restored_url: list[str]) -> None:
    chance = random.Random(20260131)
    world = World(chance)
    database = Database(Config(database_url=database_url))
    await told_roster(database, *NAMES)
    for name in NAMES:
        world.scale(name, 3)
        await world.look(name, database)
    begin = datetime.now(UTC)
    await world.live(60, NAMES)

    # The agent of n2 is away for a while, and n4 leaves for good with all that it had.
    await world.report("n4")
    world.scale("n4", 0)
    await world.live(20, ("n1", "n3"))
    world.scale("n2", 5)
    await told_roster(database, "n1", "n2", "n3")
    await world.look("n2", database)
    await world.live(30, NAMES[:3])

    # A backup; what follows is lost when it is put back.
    for name in NAMES[:3]:
        await world.report(name)
    await database.close()
    restored_url.append(postgres_server.make(urlsplit(database_url).path[1:]))
    database = Database(Config(database_url=database_url))
    for agent in world.agents.values():
        agent.database = database
    await world.live(40, NAMES[:3])
    for name in NAMES[:3]:
        world.change(name)
        await world.report(name)
    await database.close()
    database = Database(Config(database_url=restored_url[0]))
    lost = datetime.now(UTC)
    for name in NAMES[:3]:
        agent = world.agents[name]
        await world.look(name, database, Acknowledged(agent.generation, agent.seq, lost.timestamp()))
    await world.live(60, NAMES[:3])
    for name in NAMES[:3]:
        await world.report(name)
    end = datetime.now(UTC)

    asker = Asker(world.log)
    keys = sorted({key for _, key in world.log.moments})
    for _ in range(125):
        at = begin + chance.random() * (end - begin)
        async with database.query() as conn:
            scope = await scoped(conn, ASKED_LATER, at=at.isoformat())
            away = {node.node for node in scope.coverage.silent}
            left = {"n4"} if scope.coverage.nodes_observed + len(away) < len(NAMES) else set()
            observed = set(NAMES) - away - left
            found = await asker.containers(scope)
            for node in NAMES:
                asker.on_node(node, found[node], at, observed=node in observed)
            await asker.whose(scope, chance.sample(keys, 4), at, observed)
    await database.close()
    assert asker.asked == 1000
    # The test would say nothing if hardly anything had been observed, or hardly any answer were certain.
    print(f"{asker.asked} asked, {asker.observed} of nodes that were observed, {asker.certain} of these certain")
    assert asker.observed > 500
    assert asker.certain > 200
