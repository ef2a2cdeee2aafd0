"""When a collector does not start, or is not ready, and who comes when it has started."""

import asyncio
import contextlib
import socket

import aiohttp
import pytest
from sqlalchemy import text

from collector.app import serve
from collector.config import Config
from collector.errors import StartError
from collector.store.engine import Database
from tests.integration.collector.answering import problem


async def test_it_does_not_start_on_a_database_that_is_not_migrated(empty_database_url: str) -> None:
    with pytest.raises(StartError, match="mountbook migrate"):
        await serve(Config(database_url=empty_database_url, port=0, patience=0))


async def test_it_does_not_start_for_everybody_without_credentials(database_url: str) -> None:
    with pytest.raises(StartError, match="token create"):
        await serve(Config(database_url=database_url, port=0, host="0.0.0.0"))


async def test_it_does_not_start_on_a_port_that_is_taken(database_url: str) -> None:
    taken = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    async with taken:
        port = taken.sockets[0].getsockname()[1]
        with pytest.raises(StartError, match=f"port {port}"):
            await serve(Config(database_url=database_url, port=port))


async def test_a_database_that_loses_its_tables_is_not_ready(database: Database, http: aiohttp.ClientSession) -> None:
    async with database.ingest() as conn:
        await conn.execute(text("DROP TABLE alembic_version"))
    found = await problem(http, "GET", "/readyz", 503)
    assert found.type == "/problems/not-migrated"
    assert "mountbook migrate" in found.detail


async def test_agents_that_all_come_while_it_is_busy_are_kept_by_the_kernel(http: aiohttp.ClientSession) -> None:
    async with http.get("/healthz") as response:
        host, port = response.url.host, response.url.port
    with contextlib.ExitStack() as agents:
        # The collector, in the same loop, gets no turn meanwhile. Who is not kept tries again after a second.
        for _ in range(300):
            agents.enter_context(socket.create_connection((host, port), timeout=0.9))
