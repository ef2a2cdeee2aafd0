"""What agents send over HTTP."""

import gzip
from collections.abc import Callable
from typing import Any

import aiohttp
import msgspec
import pytest
import zstandard

from collector import identity
from collector.store.engine import Database
from protocol import answers
from protocol.entries import Container
from protocol.messages import MAX_BODY
from protocol.statehash import entry_hash, to_text, total
from tests.integration.collector.answering import get, problem
from tests.integration.collector.cluster import ROOT, container

PACK: dict[str, Callable[[bytes], bytes]] = {
    "identity": bytes,
    "gzip": gzip.compress,
    "zstd": zstandard.compress,
}
HELLO: dict[str, Any] = {
    "protocol": 1,
    "instance": "ab" * 16,
    "attempt": 1,
    "boot_id": "boot",
    "agent": "0.1.0",
    "hash_versions": [1],
    "clock": 1.0,
    "engine": {"engine_id": "e9", "hostname": "node9.example", "data_root": ROOT},
}


def snapshot(generation: str, *entries: Container) -> bytes:
    message = {
        "generation": generation,
        "seq": 1,
        "kinds": {"container": True},
        "entries": [msgspec.to_builtins(entry) for entry in entries],
        "state_hash": to_text(total(entry_hash(entry) for entry in entries)),
        "clock": 1.0,
    }
    return msgspec.json.encode(message)


@pytest.mark.parametrize("encoding", ["identity", "gzip", "zstd"])
async def test_what_an_agent_reports_can_be_asked(
    database: Database, http: aiohttp.ClientSession, encoding: str
) -> None:
    agent = {"Authorization": f"Bearer {await identity.add(database, 'agent', cluster='cl1', node='node9')}"}
    async with http.post("/api/v1/hello", json=HELLO, headers=agent) as response:
        assert response.status == 200, await response.text()
        generation = (await response.json())["generation"]
    body = snapshot(generation, container(0x99, "fresh"))
    packed = PACK[encoding](body)
    headers = agent | {"Content-Encoding": encoding}
    async with http.post(
        "/api/v1/snapshot", data=packed, headers=headers, skip_auto_headers=["Content-Encoding"]
    ) as response:
        assert response.status == 200, await response.text()
        applied = await response.json()
    beat = {"generation": generation, "seq": 1, "state_hash": applied["state_hash"], "clock": 2.0, "listed_ago": 0.5}
    async with http.post("/api/v1/heartbeat", json=beat, headers=agent) as response:
        assert (await response.json())["action"] == "ok"
    _, body = await get(http, "/api/v1/where?ref=fresh")
    (row,) = msgspec.json.decode(body, type=answers.Where).containers
    assert (row.node, row.hostname) == ("node9", "node9.example")


@pytest.mark.parametrize(
    ("name", "body", "status", "field"),
    [
        ("hello", b"{", 400, "$"),
        ("hello", msgspec.json.encode(HELLO | {"attempt": "one"}), 400, "$.attempt"),
        ("heartbeat", b"x" * 301, 413, ""),
        ("snapshot", b"\xff", 400, "$"),
    ],
)
async def test_a_bad_message_is_refused_with_its_field(
    database: Database, http: aiohttp.ClientSession, name: str, body: bytes, status: int, field: str
) -> None:
    agent = {"Authorization": f"Bearer {await identity.add(database, 'agent', cluster='cl1', node='node9')}"}
    assert (await problem(http, "POST", f"/api/v1/{name}", status, data=body, headers=agent)).field == field


async def test_a_bomb_is_refused(database: Database, http: aiohttp.ClientSession) -> None:
    agent = {"Authorization": f"Bearer {await identity.add(database, 'agent', cluster='cl1', node='node9')}"}
    bomb = zstandard.compress(bytes(4 * MAX_BODY))
    headers = agent | {"Content-Encoding": "zstd"}
    found = await problem(http, "POST", "/api/v1/snapshot", 413, data=bomb, headers=headers)
    assert str(MAX_BODY) in found.detail
