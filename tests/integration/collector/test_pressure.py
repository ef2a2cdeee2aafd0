"""A collector under pressure, as a process of its own: it answers early, and its memory does not grow with the load."""

import asyncio
import gzip
import io
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest_asyncio
import zstandard

from collector import identity
from collector.store.engine import Database
from collector.store.nodes import NodeIdentity
from protocol.entries import Container
from protocol.messages import MAX_BODY, Applied
from protocol.problems import Problem
from tests.integration.collector.node import Node, container, sum_of
from tests.integration.living import eventually

NODES = 30
POSTS = 500
MIB = 1024 * 1024
LARGE: list[Container] = [container(number, labels={"padding": "x" * 20_000}) for number in range(50)]
"""About 1 MiB once inflated; 500 of them are more than the collector may hold."""


@dataclass
class Served:
    """A collector's process, and a session whose paths are its own."""

    pid: int
    http: aiohttp.ClientSession

    def most_memory(self) -> int:
        """The most bytes of memory that it ever had."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024

    async def post(self, name: str, body: bytes, token: str, **headers: str) -> tuple[int, Any, bytes]:
        headers = {"Authorization": f"Bearer {token}", **headers}
        async with self.http.post(
            f"/api/v1/{name}", data=io.BytesIO(body), headers=headers, skip_auto_headers=["Content-Encoding"]
        ) as response:
            return response.status, response.headers, await response.read()


@pytest_asyncio.fixture
async def served(database_url: str) -> AsyncIterator[Served]:
    async with serving(database_url) as served:
        yield served


@asynccontextmanager
async def serving(database_url: str, **limits: str) -> AsyncIterator[Served]:
    environment = {"MOUNTBOOK_DATABASE": database_url, "MOUNTBOOK_PORT": "0", **limits}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "collector", env=environment, stderr=PIPE)
    assert process.stderr is not None
    try:
        address = ""
        while not address:
            address = json.loads(await process.stderr.readline()).get("address", "")
        drain = asyncio.create_task(process.stderr.read())
        async with aiohttp.ClientSession(address, connector=aiohttp.TCPConnector(limit=0)) as http:
            yield Served(process.pid, http)
    finally:
        process.terminate()
        await process.wait()
    assert b"Traceback" not in await drain


async def greeted(database: Database, number: int) -> tuple[Node, str]:
    """A node that has said hello, and its token."""
    node = Node(database, NodeIdentity("c", f"n{number}"))
    await node.hello()
    return node, await identity.add(database, "agent", cluster="c", node=f"n{number}")


async def test_memory_stays_flat_under_500_snapshots_at_once_and_the_rest_is_answered(
    database: Database, served: Served
) -> None:
    nodes = [await greeted(database, number) for number in range(NODES)]
    quiet, quiet_token = await greeted(database, NODES)
    operator = {"Authorization": f"Bearer {await identity.add(database, 'operator')}"}
    bodies = [zstandard.compress(msgspec.json.encode(node.snapshot_message(LARGE))) for node, _ in nodes]
    first = await served.post("snapshot", bodies[0], nodes[0][1], **{"Content-Encoding": "zstd"})
    assert first[0] == 200
    before = served.most_memory()

    async def one(number: int) -> int:
        status, headers, body = await served.post(
            "snapshot", bodies[number % NODES], nodes[number % NODES][1], **{"Content-Encoding": "zstd"}
        )
        if status == 503:
            assert int(headers["Retry-After"]) >= 1
            assert msgspec.json.decode(body, type=Problem).type == "/problems/busy"
        else:
            assert (status, msgspec.json.decode(body, type=Applied).state_hash) == (200, sum_of(LARGE))
        return status

    storm = [asyncio.create_task(one(number)) for number in range(POSTS)]
    others = 0
    while not all(task.done() for task in storm):
        status, _, body = await served.post("heartbeat", msgspec.json.encode(quiet.heartbeat_message()), quiet_token)
        assert status == 200, body
        async with served.http.get("/api/v1/where?ref=web-1", headers=operator) as response:
            assert response.status == 200, await response.text()
        others += 1
    statuses = await asyncio.gather(*storm)
    assert others > 0
    assert 200 in statuses
    assert set(statuses) <= {200, 503}, "who finds no place is told so"
    assert served.most_memory() - before < 250 * MIB

    async def everybody() -> bool:
        return all([await one(number) == 200 for number in range(NODES)])

    await eventually("every node's snapshot is taken", everybody)
    async with served.http.get("/metrics") as response:
        measured = await response.text()
    assert "mountbook_ingest_inside 0.0" in measured
    assert "mountbook_ingest_bytes 0.0" in measured


async def test_who_finds_no_place_is_told_so_before_his_body_is_read_and_heartbeats_go_on(
    database: Database, database_url: str
) -> None:
    node, token = await greeted(database, 1)
    other, other_token = await greeted(database, 2)
    body = msgspec.json.encode(node.snapshot_message(LARGE))
    released = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield body[:1000]
        await released.wait()
        yield body[1000:]

    async with serving(database_url, MOUNTBOOK_INGEST_POOL="1", MOUNTBOOK_INGEST_WAITING="0") as served:

        async def inside() -> bool:
            async with served.http.get("/metrics") as response:
                return "mountbook_ingest_inside 1.0" in await response.text()

        headers = {"Authorization": f"Bearer {token}"}
        first = asyncio.create_task(served.http.post("/api/v1/snapshot", data=slowly(), headers=headers).__aenter__())
        await eventually("the only place is taken", inside)
        snapshot = msgspec.json.encode(other.snapshot_message(LARGE))
        for _ in range(3):
            status, answered, problem = await served.post("snapshot", snapshot, other_token)
            assert (status, msgspec.json.decode(problem, type=Problem).type) == (503, "/problems/busy")
            assert int(answered["Retry-After"]) >= 1
        beat = msgspec.json.encode(other.heartbeat_message())
        assert (await served.post("heartbeat", beat, other_token))[0] == 200
        released.set()
        async with await first as response:
            assert response.status == 200, await response.text()
        assert (await served.post("snapshot", snapshot, other_token))[0] == 200


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


HOSTILE: dict[str, tuple[bytes, str, int]] = {
    "oversized": (b" " * (MAX_BODY + 1), "", 413),
    "gzip bomb": (gzip.compress(bytes(8 * MAX_BODY), 1), "gzip", 413),
    "zstd bomb": (zstandard.compress(bytes(8 * MAX_BODY)), "zstd", 413),
    "bomb of many frames": (zstandard.compress(bytes(MIB)) * 40, "zstd", 413),
    "bomb in a bomb": (gzip.compress(gzip.compress(bytes(MAX_BODY), 1), 1), "gzip", 400),
    "window that takes all memory": (zstandard.ZstdCompressor(level=22).compress(b""), "zstd", 400),
    "nested": (nested(1_000_000), "", 400),
    "nested entries": (b'{"generation":"1-0123456789abcdef","entries":' + nested(500_000) + b"}", "", 400),
    "not UTF-8": (b'{"instance": "\xff\xfe"}', "", 400),
    "cut off": (gzip.compress(b"{}" * 1000)[:-8], "gzip", 400),
    "another encoding": (b"{}", "br", 400),
    "two encodings": (b"{}", "gzip, gzip", 400),
}


async def test_hostile_bodies_are_refused_with_memory_flat(database: Database, served: Served) -> None:
    _, token = await greeted(database, 1)
    await served.post("snapshot", b"{}", token)
    before = served.most_memory()
    for name in ("snapshot", "delta", "hello", "usage", "roster"):
        for what, (body, encoding, status) in HOSTILE.items():
            headers = {"Content-Encoding": encoding} if encoding else {}
            found, _, answer = await served.post(name, body, token, **headers)
            assert found == status, (name, what, answer)
            assert msgspec.json.decode(answer, type=Problem).detail
    assert served.most_memory() - before < 200 * MIB
