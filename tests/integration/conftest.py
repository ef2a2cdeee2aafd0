"""A real PostgreSQL: one server per session, one migrated database without rows per test."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio

from collector.config import Config
from collector.store.engine import Database
from migrations.run import upgrade
from mountbook.local import postgres
from tests.integration.databases import Migrated, Server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """The server that MOUNTBOOK_TEST_DATABASE_URL names, or an embedded one."""
    given = os.environ.get("MOUNTBOOK_TEST_DATABASE_URL")
    if given:
        yield Server(given)
        return
    data = Path(tempfile.mkdtemp(prefix="mb-"))
    data.chmod(0o755)
    server = postgres.start(data)
    try:
        # What a power cut would take is no matter here; what must survive one is tested with servers of its own.
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
        yield Server(server.url)
    finally:
        server.stop()
        shutil.rmtree(data)


@pytest.fixture(scope="session")
def migrated(postgres_server: Server) -> Iterator[Migrated]:
    """Migrated databases."""
    url = postgres_server.make()
    upgrade(url)
    databases = Migrated(postgres_server, url)
    yield databases
    databases.close()


@pytest.fixture
def empty_database_url(postgres_server: Server) -> Iterator[str]:
    """Address of a database with nothing in it."""
    url = postgres_server.make()
    yield url
    postgres_server.drop(url)


@pytest.fixture
def database_url(migrated: Migrated) -> Iterator[str]:
    """Address of a migrated database of the test's own."""
    url = migrated.take()
    yield url
    migrated.give_back(url)


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The collector's way to a migrated database of the test's own."""
    opened = Database(Config(database_url=database_url))
    yield opened
    await opened.close()
