"""Nodes that report to a database of the test's own, and a collector that serves what they told."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from collector.config import Config
from collector.store.engine import Database
from tests.integration.collector.answering import two_nodes
from tests.integration.collector.cluster import Cluster
from tests.integration.collector.node import Node, Rows
from tests.integration.collector.serving import collector


@pytest.fixture
def rows(database_url: str) -> Rows:
    """What the database holds."""
    return Rows(database_url)


@pytest.fixture
def node(database: Database) -> Node:
    """A node's agent that has said nothing yet."""
    return Node(database)


@pytest_asyncio.fixture
async def cluster(database: Database) -> Cluster:
    """Two nodes; the second one is silent."""
    return await two_nodes(database)


@pytest_asyncio.fixture
async def http(cluster: Cluster, database_url: str) -> AsyncIterator[aiohttp.ClientSession]:
    """A session with a collector that knows these nodes."""
    async with collector(Config(database_url=database_url)) as session:
        yield session
