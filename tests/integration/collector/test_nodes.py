from datetime import timedelta

import pytest
from sqlalchemy import text

from collector.errors import ProblemError
from collector.lookup.nodes import nodes
from collector.lookup.scope import scoped
from collector.store.engine import Database
from protocol.answers import Nodes
from protocol.entries import Kind, ResolvedBy
from tests.integration.collector.cluster import Cluster, container

SILENT_AFTER = 45.0


async def ask(database: Database) -> Nodes:
    async with database.query() as conn:
        return await nodes(conn, SILENT_AFTER)


async def test_every_node_has_its_state(database: Database) -> None:
    cluster = Cluster(database)
    unresolved = container(2, "lost", mount_id=None, resolved_by=ResolvedBy.UNRESOLVED, reason="no layerdb")
    await cluster.node("near", [container(1, "web"), unresolved])
    await cluster.node("quiet", heard=timedelta(minutes=2))
    await cluster.node("new", heard=None)
    answer = await ask(database)
    states = {row.node: row.state for row in answer.nodes}
    assert states == {"near": "observed", "quiet": "silent", "new": "never-seen"}
    near = next(row for row in answer.nodes if row.node == "near")
    assert (near.containers, near.unresolved, near.engine["version"]) == (2, 1, "28.5.2")
    assert near.backends[0]["name"] == "overlay2"
    assert (answer.coverage.nodes_observed, answer.coverage.complete) == (1, False)
    assert {(node.node, node.since is None) for node in answer.coverage.silent} == {("quiet", False), ("new", True)}


async def test_a_node_that_could_not_list_its_containers_is_no_full_coverage(database: Database) -> None:
    cluster = Cluster(database)
    await cluster.node("near")
    await cluster.node("blind", complete=(Kind.VOLUME,))
    answer = await ask(database)
    assert {row.node: row.state for row in answer.nodes} == {"near": "observed", "blind": "incomplete"}
    assert not answer.coverage.complete
    assert [(node.node, node.state) for node in answer.coverage.silent] == [("blind", "incomplete")]


async def test_a_node_that_came_back_under_a_new_id_is_no_gap(database: Database) -> None:
    cluster = Cluster(database)
    await cluster.node("before", heard=timedelta(days=1))
    await cluster.node("after")
    async with database.ingest() as conn:
        await conn.execute(text("UPDATE nodes SET engine_id = 'one-engine'"))
    answer = await ask(database)
    assert {row.node: row.state for row in answer.nodes} == {"before": "superseded", "after": "observed"}
    assert answer.coverage.complete


async def test_no_node_at_all_is_no_full_coverage(database: Database) -> None:
    answer = await ask(database)
    assert (answer.nodes, answer.coverage.nodes_observed, answer.coverage.complete) == ([], 0, False)


async def test_an_id_wins_over_a_hostname_and_a_hostname_over_a_prefix(database: Database) -> None:
    cluster = Cluster(database)
    for name in ("abc", "abcd", "abd"):
        await cluster.node(name)
    async with database.ingest() as conn:
        await conn.execute(text("UPDATE nodes SET hostname = 'ab' WHERE node = 'abd'"))
    async with database.query() as conn:
        named = {
            text: (await scoped(conn, SILENT_AFTER, node=text)).node for text in ("abc", "ab", "abcd", "abc.example")
        }
        assert {text: node.node for text, node in named.items() if node is not None} == {
            "abc": "abc",
            "ab": "abd",
            "abcd": "abcd",
            "abc.example": "abc",
        }
        with pytest.raises(ProblemError, match="3 nodes are called 'a'"):
            await scoped(conn, SILENT_AFTER, node="a")
