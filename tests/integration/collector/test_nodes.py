from datetime import timedelta

import pytest
from sqlalchemy import text

from collector.errors import ProblemError
from collector.lookup.nodes import nodes
from collector.lookup.scope import scoped
from collector.store.engine import Database
from protocol.answers import Nodes
from protocol.entries import Kind, ResolvedBy
from tests.integration.collector.cluster import NOW, Cluster, container

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


async def test_the_nodes_of_a_moment_are_those_that_there_were_and_say_whether_they_were_observed(
    database: Database,
) -> None:
    cluster = Cluster(database)
    hour = timedelta(hours=1)
    await cluster.node("near", [container(1, "web"), container(2, "old")], at=NOW - 5 * hour)
    await cluster.close("near", [container(2, "old")], at=NOW - hour, after=NOW - hour)
    await cluster.node("quiet", [container(3, "db")], heard=2 * hour, at=NOW - 5 * hour)
    await cluster.node("late", since=NOW - hour)

    async def then(ago: timedelta) -> dict[str, tuple[str, int]]:
        async with database.query() as conn:
            answer = await nodes(conn, SILENT_AFTER, (NOW - ago).isoformat())
        assert answer.coverage.at is not None
        return {row.node: (row.state, row.containers) for row in answer.nodes}

    assert await then(3 * hour) == {"near": ("observed", 2), "quiet": ("observed", 1), "late": ("never-seen", 0)}
    assert await then(hour / 2) == {"near": ("observed", 1), "quiet": ("silent", 1), "late": ("observed", 0)}
    async with database.query() as conn:
        with pytest.raises(ProblemError, match="yet to come"):
            await nodes(conn, SILENT_AFTER, "2999-01-01T00:00:00Z")
