"""A real PostgreSQL: one server per session, one fresh and migrated database per test."""

import os
import shutil
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest
import pytest_asyncio
from psycopg import sql

from collector.config import Config
from collector.store.engine import Database
from migrations.run import upgrade
from mountbook.local import postgres


@dataclass(frozen=True, slots=True)
class Server:
    """A server on which databases can be made."""

    url: str

    def named(self, database: str) -> str:
        """Return the address of one of its databases."""
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{database}"))

    def make(self, template: str = "template0") -> str:
        """Make a database and return its address."""
        name = f"test_{uuid4().hex}"
        self._run("CREATE DATABASE {} TEMPLATE {}", name, template)
        return self.named(name)

    def drop(self, url: str) -> None:
        """Drop a database, whoever is connected to it."""
        self._run("DROP DATABASE {} WITH (FORCE)", urlsplit(url).path[1:])

    def _run(self, statement: str, *names: str) -> None:
        with psycopg.connect(self.named("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


class Copies:
    """Copies of one database, made ahead and dropped while tests run: short tests wait for neither."""

    def __init__(self, server: Server, template: str) -> None:
        self._server, self._template = server, template
        self._work = ThreadPoolExecutor(1, "databases")
        self._drops: list[Future[None]] = []
        self._ready = deque([self._made(), self._made()])

    def take(self) -> str:
        """Return the address of a fresh copy."""
        self._ready.append(self._made())
        return self._ready.popleft().result()

    def give_back(self, url: str) -> None:
        """Drop a copy, whoever is connected to it."""
        self._drops.append(self._work.submit(self._server.drop, url))

    def close(self) -> None:
        """Drop what nobody took; raises what went wrong with the others."""
        for ready in self._ready:
            self.give_back(ready.result())
        self._work.shutdown()
        for drop in self._drops:
            drop.result()

    def _made(self) -> Future[str]:
        return self._work.submit(self._server.make, self._template)


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
def migrated(postgres_server: Server) -> Iterator[Copies]:
    """Migrated databases."""
    url = postgres_server.make()
    upgrade(url)
    copies = Copies(postgres_server, urlsplit(url).path[1:])
    yield copies
    copies.close()
    postgres_server.drop(url)


@pytest.fixture
def empty_database_url(postgres_server: Server) -> Iterator[str]:
    """Address of a database with nothing in it."""
    url = postgres_server.make()
    yield url
    postgres_server.drop(url)


@pytest.fixture
def database_url(migrated: Copies) -> Iterator[str]:
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
