from dataclasses import replace
from datetime import datetime, timedelta

import msgspec
import pytest
from sqlalchemy import text

from collector.errors import ProblemError
from collector.lookup import changes, observed, top
from collector.lookup.following import Follower
from collector.lookup.history import history
from collector.lookup.moments import Window
from collector.lookup.nodes import nodes
from collector.lookup.refs import parse
from collector.lookup.scope import scoped, window_scope
from collector.lookup.sizes import disk_use
from collector.lookup.where import where
from collector.store.engine import Database
from collector.store.read import coverage as facts
from collector.store.read import lives
from collector.store.read import nodes as read
from collector.store.read.lists import Conditions
from collector.store.read.versions import Span
from protocol import times
from protocol.answers import Nodes
from protocol.entries import Kind, ResolvedBy
from protocol.memory import Change
from tests.integration.collector.cluster import CLUSTER, NOW, Cluster, container, volume

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
    await came_back(database)
    answer = await ask(database)
    assert {row.node: row.state for row in answer.nodes} == {"before": "superseded", "after": "observed"}
    assert answer.coverage.complete


async def came_back(database: Database) -> Cluster:
    """Let a node that was heard until a day ago have come back under a new ID an hour ago, with one container less."""
    cluster = Cluster(database)
    long_ago = NOW - timedelta(days=30)
    await cluster.node("before", [container(1, "web"), container(2, "gone")], heard=timedelta(days=1), at=long_ago)
    await cluster.node("after", [container(1, "web")], since=NOW - timedelta(hours=1))
    async with database.ingest() as conn:
        await conn.execute(text("UPDATE nodes SET engine_id = 'one-engine', hostname = 'n1'"))
        await conn.execute(
            text(
                "INSERT INTO roster_nodes (cluster, node, hostname, state, first_at) "
                "VALUES (:cluster, :node, 'n1', :state, :at)"
            ),
            [
                {"cluster": CLUSTER, "node": "before", "state": "down", "at": long_ago},
                {"cluster": CLUSTER, "node": "after", "state": "ready", "at": NOW - timedelta(hours=1)},
            ],
        )
    return cluster


async def test_what_a_superseded_id_had_is_not_current_and_ended_with_it(database: Database) -> None:
    await came_back(database)
    assert await nodes_with(database, "web") == ["after"]
    assert await nodes_with(database, "gone") == []
    for at, certain in ((timedelta(days=2), True), (timedelta(hours=2), False)):
        assert await nodes_with(database, "gone", NOW - at) == ["before"]
        async with database.query() as conn:
            scope = await scoped(conn, SILENT_AFTER, at=(NOW - at).isoformat())
            (row,) = (await where(scope, parse("name:gone"), 10, "")).containers
            assert row.certain is certain
    assert await nodes_with(database, "gone", NOW - timedelta(minutes=30)) == []
    async with database.query() as conn:
        scope = await scoped(conn, SILENT_AFTER)
        (past,) = (await history(scope, parse("name:gone"), 10, "")).versions
        use = await disk_use(scope)
        best = await top.page(scope, top.question(scope, "container", "size", ""), 10, "")
    assert (past.node, past.why) == ("before", "superseded")
    assert [one.event for one in past.events] == ["first-seen", "superseded"]
    assert past.ended is not None
    assert past.ended.after is not None
    assert times.parse_time(past.ended.after, NOW) < NOW - timedelta(hours=23)
    assert times.parse_time(past.ended.before, NOW) == NOW - timedelta(hours=1)
    assert [node.node for node in use.nodes] == ["after"]
    assert best.total.entries == 1


async def test_a_report_of_a_window_has_what_a_superseded_id_had_in_it(database: Database) -> None:
    await came_back(database)
    found = []
    async with database.query() as conn:
        scope = await scoped(conn, SILENT_AFTER)
        for since in (timedelta(days=2), timedelta(minutes=30)):
            versions = replace(scope.versions, span=Span(NOW - since, NOW))
            stream = lives.everything(conn, versions, Kind.CONTAINER, Conditions())
            found.append([(life.node.node, life.entry.key[:4], life.ended is None) async for life in stream])
    assert found == [
        [("before", "0001", False), ("before", "0002", False), ("after", "0001", True)],
        [("after", "0001", True)],
    ]


async def changed(
    database: Database,
    *filters: str,
    since: timedelta = timedelta(days=2),
    until: timedelta = timedelta(),
    limit: int = 0,
) -> list[Change]:
    """Return what changed in a window, as a stream, or in pages of ``limit``."""
    asked = changes.asked(filters)
    found: list[Change] = []
    async with database.query() as conn:
        scope, _ = await window_scope(conn, SILENT_AFTER, node=asked.node)
        window = Window(NOW - since, NOW - until)
        if not limit:
            return [one async for one in changes.everything(scope, window, asked)]
        cursor: str | None = ""
        while cursor is not None:
            page = await changes.page(scope, SILENT_AFTER, window, asked, limit, cursor)
            found += page.changes
            cursor = page.next
    return found


async def test_changes_tell_once_that_what_a_superseded_id_had_ended_with_it(database: Database) -> None:
    cluster = await came_back(database)
    await cluster.open("before", [volume("data")], at=NOW - timedelta(days=1, hours=1))
    async with database.query() as conn:
        scope = await scoped(conn, SILENT_AFTER)
        (past,) = (await history(scope, parse("name:gone"), 10, "")).versions
    whole = await changed(database)
    ends = [one for one in whole if one.after is None]
    assert [(one.node, one.kind, one.name) for one in ends] == [
        ("before", "container", "web"),
        ("before", "container", "gone"),
        ("before", "volume", "data"),
    ]
    assert {(one.at, one.ended, *(event.event for event in one.events)) for one in ends} == {
        (past.ended, "superseded", "superseded")
    }
    assert all(one.before for one in ends)
    assert len(whole) == 5, "of the volume and of the new ID also the beginning"
    for limit in (1, 2, 3):
        assert await changed(database, limit=limit) == whole


async def test_what_a_superseded_id_had_ends_in_its_window_and_for_its_filters_only(database: Database) -> None:
    await came_back(database)
    moment = timedelta(hours=1)
    soon = timedelta(microseconds=1)
    for since, until, ends in ((moment + soon, moment, 2), (moment * 2, moment + soon, 0), (moment, timedelta(), 0)):
        found = await changed(database, since=since, until=until)
        assert sum(one.ended == "superseded" for one in found) == ends, (since, until)
    for texts, names in (
        (("name=gone",), ["gone"]),
        (("kind=volume",), []),
        (("node=before",), ["web", "gone"]),
        (("node=after",), []),
    ):
        assert [one.name for one in await changed(database, *texts) if one.ended == "superseded"] == names, texts


async def test_a_stream_tells_the_end_of_a_superseded_id_among_what_was_and_not_as_it_comes(database: Database) -> None:
    cluster = await came_back(database)
    async with database.query() as conn:
        follower = Follower(changes.asked(()), await scoped(conn, SILENT_AFTER))
        told = [one async for one in follower.begin(NOW - timedelta(days=2))]
    assert [one.name for one in told if one.ended == "superseded"] == ["web", "gone"]
    await cluster.open("after", [container(3, "new")], at=NOW + timedelta(seconds=1))
    async with database.ingest() as conn:
        await conn.execute(
            text("UPDATE nodes SET changed_at = :at WHERE node = 'after'"), {"at": NOW + timedelta(hours=1)}
        )
    async with database.query() as conn:
        assert [one.name for one in await follower.more(conn)] == ["new"]


async def nodes_with(database: Database, name: str, at: datetime | None = None) -> list[str]:
    async with database.query() as conn:
        scope = await scoped(conn, SILENT_AFTER, at=at.isoformat() if at is not None else "")
        try:
            return sorted(row.node for row in (await where(scope, parse(f"name:{name}"), 10, "")).containers)
        except ProblemError:
            return []


async def test_copies_of_one_disk_that_were_heard_at_the_same_time_supersede_nobody(database: Database) -> None:
    cluster = Cluster(database)
    await cluster.node("copy", [container(1, "web")], heard=timedelta(hours=1))
    await cluster.node("original", [container(2, "app")])
    async with database.ingest() as conn:
        await conn.execute(text("UPDATE nodes SET engine_id = 'one-engine'"))
    answer = await ask(database)
    assert {row.node: row.state for row in answer.nodes} == {"copy": "silent", "original": "observed"}
    assert await nodes_with(database, "web") == ["copy"]


async def test_a_hostname_means_the_node_that_is_present(database: Database) -> None:
    cluster = await came_back(database)
    for at, meant in (("", "after"), ((NOW - timedelta(days=2)).isoformat(), "before")):
        async with database.query() as conn:
            scope = await scoped(conn, SILENT_AFTER, node="n1", at=at)
        assert scope.node is not None
        assert scope.node.node == meant
    await cluster.node("third")
    async with database.ingest() as conn:
        await conn.execute(text("UPDATE nodes SET hostname = 'n1'"))
    async with database.query() as conn:
        with pytest.raises(ProblemError, match="2 nodes are called 'n1'") as refused:
            await scoped(conn, SILENT_AFTER, node="n1")
    assert set(refused.value.candidates) == {"after", "third"}


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


@pytest.mark.parametrize("ago", [0.0, 30.0, 90.0, 3 * 3600.0])
async def test_the_coverage_of_a_moment_is_the_same_without_the_plainly_observed_nodes(
    database: Database, ago: float
) -> None:
    cluster = Cluster(database)
    for number in range(4):
        await cluster.node(f"near{number}")
    await cluster.node("quiet", heard=timedelta(minutes=2))
    await cluster.node("new", heard=None)
    await cluster.node("blind", complete=(Kind.VOLUME,))
    await came_back(database)
    async with database.ingest() as conn:
        await conn.execute(
            text(
                "INSERT INTO gaps (node_id, reason, after, before) SELECT id, 'silent', clock_timestamp() - "
                "interval '4 hours', clock_timestamp() - interval '1 hour' FROM nodes WHERE node IN ('near1', 'blind')"
            )
        )
    async with database.query() as conn:
        when = await read.now(conn) - timedelta(seconds=ago)
        whole = await facts.known(conn, SILENT_AFTER, when, when)
        some = await facts.known_at(conn, SILENT_AFTER, when)
    assert some.plain >= 3
    assert some.plain + len(some.nodes) == len(whole.nodes)
    told = msgspec.structs.replace(observed.at(some, when), as_of="")
    assert told == msgspec.structs.replace(observed.at(whole, when), as_of="")
    assert some.former == whole.former
