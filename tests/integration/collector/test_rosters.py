"""Rosters: taken from managers only, the newest counts, and every node of the Swarm has its state."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from collector import ingest
from collector.errors import ProblemError
from collector.lookup import refs
from collector.lookup.nodes import nodes
from collector.lookup.scope import scoped
from collector.lookup.where import where
from collector.lookup.whose import whose
from collector.store.engine import Database
from collector.store.nodes import NodeIdentity
from protocol.answers import NodeRow, Nodes
from protocol.problems import ProblemType
from protocol.roster import Roster, RosterNode, RosterService
from tests.integration.collector.cluster import CLUSTER, Cluster
from tests.integration.collector.node import Rows

MANAGER = NodeIdentity(CLUSTER, "m1")


async def a_manager(database: Database) -> Cluster:
    cluster = Cluster(database)
    await cluster.node("m1")
    async with database.ingest() as conn:
        await conn.execute(text("""UPDATE nodes SET engine = engine || '{"manager": true}' WHERE node = 'm1'"""))
    return cluster


def member(node: str, *, availability: str = "active", state: str = "ready", os: str = "linux") -> RosterNode:
    return RosterNode(
        node=node, hostname=f"{node}.example", role="worker", availability=availability, state=state, os=os
    )


def roster(version: int, *members: RosterNode, read_ago: float = 0.0) -> Roster:
    return Roster(version=version, nodes=[member("m1"), *members], read_ago=read_ago)


async def ask(database: Database) -> Nodes:
    async with database.query() as conn:
        return await nodes(conn, 45.0)


async def rows_of(database: Database) -> dict[str, NodeRow]:
    return {row.node: row for row in (await ask(database)).nodes}


async def test_every_node_of_the_swarm_has_its_state(database: Database) -> None:
    cluster = await a_manager(database)
    long_ago = timedelta(minutes=5)
    for name in ("drained", "down", "silent", "left"):
        await cluster.node(name, heard=long_ago)
    members = [member("drained", availability="drain"), member("down", state="down"), member("silent"), member("new")]
    windows = member("win", os="windows")
    await ingest.roster(database, MANAGER, roster(1, *members, windows, member("left")))
    await ingest.roster(database, MANAGER, roster(2, *members, windows))
    found = await rows_of(database)
    assert {name: row.state for name, row in found.items()} == {
        "m1": "observed",
        "drained": "drained",
        "down": "down",
        "silent": "silent",
        "new": "never-seen",
        "win": "never-seen",
        "left": "left",
    }
    assert (found["new"].hostname, found["new"].swarm_state, found["new"].role) == ("new.example", "ready", "worker")
    assert "not supported" in found["win"].problems[0]
    assert found["left"].role == "", "who left has no place in the Swarm"


@pytest.mark.parametrize("named", ["new1", "new", "new1.example"])
async def test_a_node_that_never_reported_is_understood_and_named_as_unobserved(database: Database, named: str) -> None:
    await a_manager(database)
    await ingest.roster(database, MANAGER, roster(1, member("new1")))
    async with database.query() as conn:
        scope = await scoped(conn, 45.0, node=named)
        with pytest.raises(ProblemError, match=r"'web' on node new1\.example.*not every node is observed") as caught:
            await where(scope, refs.parse("web"), 10, "")
        answer = await whose(scope, ["/var/lib/docker/x"])
    assert [silent.node for silent in caught.value.coverage.silent] == ["new1"]
    assert (answer.answers[0].owners, answer.coverage.complete) == ([], False)


async def test_the_coverage_names_nodes_that_never_reported_and_none_that_left(database: Database) -> None:
    await a_manager(database)
    await ingest.roster(database, MANAGER, roster(1, member("new"), member("gone")))
    await ingest.roster(database, MANAGER, roster(2, member("new")))
    coverage = (await ask(database)).coverage
    assert not coverage.complete
    assert [(node.node, node.hostname, node.since) for node in coverage.silent] == [("new", "new.example", None)]
    await ingest.roster(database, MANAGER, roster(3))
    assert (await ask(database)).coverage.complete


async def test_what_an_agent_says_counts_for_more_than_what_a_manager_thinks(database: Database) -> None:
    await a_manager(database)
    reply = await ingest.roster(database, MANAGER, Roster(version=1, nodes=[member("m1", state="down")]))
    assert reply.taken
    row = (await rows_of(database))["m1"]
    assert (row.state, row.swarm_state) == ("observed", "down")


async def test_an_older_roster_changes_nothing(database: Database) -> None:
    await a_manager(database)
    await ingest.roster(database, MANAGER, roster(9, member("new")))
    assert not (await ingest.roster(database, MANAGER, roster(8))).taken
    assert not (await ingest.roster(database, MANAGER, roster(9, read_ago=100.0))).taken
    assert "new" in await rows_of(database)


async def test_a_lower_version_counts_when_it_was_read_clearly_later(database: Database, rows: Rows) -> None:
    await a_manager(database)
    await ingest.roster(database, MANAGER, roster(9, member("new")))
    rows.change("UPDATE rosters SET read_at = read_at - interval '16 seconds'")
    assert (await ingest.roster(database, MANAGER, roster(8))).taken
    assert (await rows_of(database))["new"].state == "left"


async def test_a_node_that_came_back_is_no_longer_gone(database: Database) -> None:
    await a_manager(database)
    for version, members in ((1, [member("new")]), (2, []), (3, [member("new")])):
        await ingest.roster(database, MANAGER, roster(version, *members))
    assert (await rows_of(database))["new"].state == "never-seen"


async def test_the_age_and_the_reporter_of_a_roster_are_shown(database: Database) -> None:
    await a_manager(database)
    told = Roster(version=1, nodes=[member("m1")], services=[RosterService(service="s1", name="web")], read_ago=60.0)
    await ingest.roster(database, MANAGER, told)
    answer = await ask(database)
    (read,) = answer.rosters
    assert (read.cluster, read.node, read.hostname, read.nodes, read.services) == (CLUSTER, "m1", "m1.example", 1, 1)
    assert read.read_at < answer.coverage.as_of


async def test_only_a_managers_agent_tells_the_roster(database: Database, rows: Rows) -> None:
    await Cluster(database).node("m1")
    with pytest.raises(ProblemError) as caught:
        await ingest.roster(database, MANAGER, roster(1, member("invented")))
    assert caught.value.kind is ProblemType.FORBIDDEN
    assert rows.ask("SELECT FROM roster_nodes") == []


@pytest.mark.parametrize("names", [["other"], ["m1", "m1"], []])
async def test_a_roster_without_its_own_manager_or_with_one_node_twice_is_refused(
    database: Database, names: list[str]
) -> None:
    await a_manager(database)
    with pytest.raises(ProblemError) as caught:
        await ingest.roster(database, MANAGER, Roster(version=1, nodes=[member(name) for name in names]))
    assert caught.value.kind is ProblemType.BAD_REQUEST


async def test_a_roster_of_one_cluster_says_nothing_of_another(database: Database) -> None:
    cluster = await a_manager(database)
    await cluster.node("n2")
    async with database.ingest() as conn:
        await conn.execute(text("UPDATE nodes SET cluster = 'elsewhere' WHERE node = 'n2'"))
    await ingest.roster(database, MANAGER, roster(1))
    assert (await rows_of(database))["n2"].state == "observed"
