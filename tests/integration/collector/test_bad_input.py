"""Messages that are not as they should be, over HTTP: the answer names the field, and the rest is applied."""

import io
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec
import pytest
import pytest_asyncio

from collector import identity
from collector.config import Config
from collector.store.engine import Database
from collector.store.nodes import NodeIdentity
from protocol.entries import Entry
from protocol.messages import Applied
from protocol.problems import Problem
from protocol.statehash import entry_hash
from tests.integration.collector.node import Node, Rows, container, layer, sum_of
from tests.integration.collector.serving import collector

TEN_MEGABYTES = {"large": "x" * 10 * 1024 * 1024}


@dataclass
class Line:
    """A node's agent that has said hello, and the way to a collector."""

    node: Node
    http: aiohttp.ClientSession
    token: str

    async def post(self, name: str, message: Any) -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {self.token}"}
        body = io.BytesIO(msgspec.json.encode(message))
        async with self.http.post(f"/api/v1/{name}", data=body, headers=headers) as response:
            return response.status, await response.read()

    async def applied(self, name: str, message: Any) -> Applied:
        status, body = await self.post(name, message)
        assert status == 200, body
        return msgspec.json.decode(body, type=Applied)


@pytest_asyncio.fixture
async def line(database: Database, database_url: str) -> AsyncIterator[Line]:
    node = Node(database, NodeIdentity("c", "n1"))
    await node.hello()
    token = await identity.add(database, "agent", cluster="c", node="n1")
    async with collector(Config(database_url=database_url)) as http:
        yield Line(node, http, token)


def plain(message: msgspec.Struct) -> dict[str, Any]:
    """A message as JSON has it, so that a test can spoil it."""
    spoiled: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(message))
    return spoiled


SPOILED: list[tuple[str, dict[str, Any], int, str]] = [
    ("hello", {"protocol": 99}, 422, "$.protocol"),
    ("hello", {"hash_versions": [99]}, 422, "$.hash_versions"),
    ("hello", {"hash_versions": []}, 400, "$.hash_versions"),
    ("hello", {"instance": "not hex"}, 400, "$.instance"),
    ("hello", {"engine": {"version": "x" * 300}}, 400, "$.engine.version"),
    ("snapshot", {"generation": 7}, 400, "$.generation"),
    ("snapshot", {"seq": -1}, 400, "$.seq"),
    ("snapshot", {"seq": "1"}, 400, "$.seq"),
    ("snapshot", {"kinds": {"planet": True}}, 400, "key"),
    ("snapshot", {"entries": {}}, 400, "$.entries"),
    ("snapshot", {"problems": ["x"] * 101}, 400, "$.problems"),
    ("snapshot", {"state_hash": "1" * 64}, 400, "$.state_hash"),
    ("delta", {"removes": [["container"]]}, 400, "$.removes[0]"),
    ("delta", {"base_hash": "x"}, 400, "$.base_hash"),
    ("delta", {"lost_events": None}, 400, "$.lost_events"),
    ("heartbeat", {"clock": "noon"}, 400, "$.clock"),
]


async def test_a_message_that_is_not_of_its_shape_is_refused_with_its_field(line: Line, rows: Rows) -> None:
    node = line.node
    messages: dict[str, msgspec.Struct] = {
        "hello": node.hello_message(),
        "snapshot": node.snapshot_message([container(1)]),
        "delta": node.delta_message([container(1)]),
        "heartbeat": node.heartbeat_message(),
    }
    for name, spoil, status, field in SPOILED:
        found, body = await line.post(name, plain(messages[name]) | spoil)
        problem = msgspec.json.decode(body, type=Problem)
        assert (found, problem.status) == (status, status), (name, spoil, problem)
        assert field in problem.field, (name, spoil, problem)
        assert problem.detail
    assert rows.open() == []


async def test_fields_that_nobody_knows_are_passed_over_everywhere(line: Line, rows: Rows) -> None:
    node = line.node
    snapshot = plain(node.snapshot_message([container(1)]))
    snapshot["entries"][0] |= {"colour": "blue", "nested": {"deep": [1]}}
    assert (await line.applied("snapshot", snapshot | {"later": 1})).refused == []
    node.seq, node.state = 1, {container(1).entry_key: container(1)}
    delta = plain(node.delta_message([container(2)]))
    assert (await line.applied("delta", delta | {"later": [None]})).refused == []
    node.seq, node.state = 2, {one.entry_key: one for one in (container(1), container(2))}
    beat = {**plain(node.heartbeat_message()), "x": 1}
    assert (await line.post("heartbeat", beat))[0] == 200
    hello = plain(node.hello_message()) | {"attempt": 5, "later": {}}
    hello["engine"]["colour"] = "blue"
    assert (await line.post("hello", hello))[0] == 200
    assert {row["hash"] for row in rows.open()} == {entry_hash(container(1)), entry_hash(container(2))}


@pytest.mark.parametrize("name", ["snapshot", "delta"])
async def test_bad_entries_are_refused_by_name_and_leave_both_sums_while_the_rest_is_applied(
    line: Line, rows: Rows, name: str
) -> None:
    good: list[Entry] = [container(1), layer(2)]
    bad: list[tuple[Any, str]] = [
        (plain(container(3)) | {"labels": TEN_MEGABYTES}, "bytes"),
        (plain(container(4)) | {"exit_code": "zero"}, "exit_code"),
        (plain(container(1)) | {"state": "exited"}, "same kind, root and key"),
        (plain(container(5)) | {"name": "nul\x00"}, "NUL"),
        (plain(container(6)) | {"root": "relative"}, "not an absolute path"),
        ({"kind": "planet", "root": "/", "key": "mars"}, "planet"),
        ("not even an entry", "cannot be read"),
    ]
    field = "entries" if name == "snapshot" else "upserts"
    node = line.node
    message = plain(node.snapshot_message(good) if name == "snapshot" else node.delta_message(good))
    message[field] += [entry for entry, _ in bad]
    message["state_hash"] = "f" * 64  # what an agent has that counts the bad ones too
    applied = await line.applied(name, message)
    assert applied.state_hash == sum_of(good)
    assert [item.index for item in applied.refused] == [len(good) + place for place in range(len(bad))]
    for item, (_, why) in zip(applied.refused, bad, strict=True):
        assert why in item.reason, item
    named = [item.key.key if item.key else None for item in applied.refused]
    assert named == [f"{3:064x}", f"{4:064x}", f"{1:064x}", f"{5:064x}", f"{6:064x}", None, None]
    assert {row["hash"] for row in rows.open()} == {entry_hash(entry) for entry in good}
