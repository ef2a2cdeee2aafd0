"""Nodes that report to a database of the test's own."""

import pytest

from collector.store.engine import Database
from tests.integration.collector.node import Node, Rows


@pytest.fixture
def rows(database_url: str) -> Rows:
    """What the database holds."""
    return Rows(database_url)


@pytest.fixture
def node(database: Database) -> Node:
    """A node's agent that has said nothing yet."""
    return Node(database)
