"""Changes as they come, from a collector that serves."""

import asyncio

import aiohttp
import msgspec

from collector.config import Config
from collector.store.engine import Database
from collector.store.nodes import NodeIdentity
from protocol.memory import Change
from tests.integration.collector.node import Node, container
from tests.integration.collector.serving import collector

PATIENCE = 60.0


async def line(response: aiohttp.ClientResponse) -> bytes:
    """Return the next line that is not empty."""
    async with asyncio.timeout(PATIENCE):
        while not (read := await response.content.readline()).strip():
            assert read, "the stream has ended"
    return read.strip()


async def test_a_listener_hears_every_change_once(database: Database, database_url: str) -> None:
    node, other = Node(database), Node(database, NodeIdentity("swarm", "n2"))
    for one in (node, other):
        await one.hello()
        await one.snapshot(container(1))
    async with collector(Config(database_url=database_url)) as session:
        wanted = {"Accept": "application/x-ndjson"}
        async with session.get("/api/v1/events?filter=kind=container", headers=wanted) as response:
            assert response.status == 200
            await response.content.readline()  # it stands where the register does now
            await node.delta(container(2))
            await other.delta(container(3, state="exited"))
            await node.delta(removes=[container(1)])
            heard = [msgspec.json.decode(await line(response), type=Change) for _ in range(3)]
            assert {(one.node, one.key) for one in heard} == {
                ("n1", container(2).key),
                ("n2", container(3).key),
                ("n1", container(1).key),
            }
            await other.delta(container(4))
            after = msgspec.json.decode(await line(response), type=Change)
            assert (after.node, after.key) == ("n2", container(4).key), "nothing comes twice"


async def test_a_browser_gets_server_sent_events_and_what_it_missed(database: Database, database_url: str) -> None:
    node = Node(database)
    await node.hello()
    await node.snapshot(container(1))
    async with (
        collector(Config(database_url=database_url)) as session,
        session.get("/api/v1/events", headers={"Last-Event-ID": "1h"}) as response,
    ):
        assert response.content_type == "text/event-stream"
        assert (await line(response)).startswith(b":")
        names = [(await line(response)).partition(b": ")[0] for _ in range(3)]
        assert names == [b"id", b"event", b"data"]


async def test_what_makes_no_sense_is_refused_before_anything_is_sent(database_url: str) -> None:
    async with collector(Config(database_url=database_url)) as session:
        for query in ("since=soon", "since=2999-01-01T00:00:00Z", "filter=colour=red"):
            async with session.get(f"/api/v1/events?{query}") as response:
                assert (response.status, response.content_type) == (400, "application/problem+json")
