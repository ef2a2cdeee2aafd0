"""Every look-up about a moment in the past."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest_asyncio
from sqlalchemy import text

from collector.lookup import leftovers, refs
from collector.lookup.mounts import mount_commands
from collector.lookup.scope import scoped
from collector.store.engine import Database, statement
from collector.store.read import nodes
from collector.store.read.versions import Versions
from protocol import times
from protocol.entries import LayerUse
from protocol.sizes import Ghosts, MountCommands, Orphans
from tests.integration.collector.cluster import NOW, Cluster, container, image_entries, orphan

SILENT_AFTER = 45.0
HOUR = timedelta(hours=1)


@pytest_asyncio.fixture
async def cluster(database: Database) -> Cluster:
    """A node that had, four hours ago, an orphan, a ghost, and a container on an image that is gone since."""
    made = Cluster(database)
    ghost, web = container(1, "ghost", ghost=True), container(2, "web")
    young = msgspec.structs.replace(orphan("young"), use=LayerUse.UNCLAIMED)
    before = [orphan("lost"), young, ghost, web, *image_entries()]
    await made.node("n1", before, at=NOW - 5 * HOUR)
    await made.close("n1", before, at=NOW - HOUR, after=NOW - HOUR)
    return made


async def orphans(cluster: Cluster, at: str, *, limit: int = 100, cursor: str = "") -> Orphans:
    async with cluster.database.query() as conn:
        asked = leftovers.orphans_asked([], "")
        return await leftovers.orphans(await scoped(conn, SILENT_AFTER, at=at), asked, limit, cursor)


async def ghosts(cluster: Cluster, at: str) -> Ghosts:
    async with cluster.database.query() as conn:
        asked = leftovers.ghosts_asked([], "")
        return await leftovers.ghosts(await scoped(conn, SILENT_AFTER, at=at), asked, 100, "")


async def commands(cluster: Cluster, at: str) -> MountCommands:
    async with cluster.database.query() as conn:
        return await mount_commands(await scoped(conn, SILENT_AFTER, at=at), refs.parse("name:web"), 100, "")


async def test_orphans_of_then_are_those_of_then_without_sizes(cluster: Cluster) -> None:
    assert (await orphans(cluster, "")).orphans == []
    answer = await orphans(cluster, "4h")
    (row,) = answer.orphans
    assert (row.key, row.bytes) == ("overlay2/lost", None)
    assert answer.coverage.at is not None
    old = times.parse_time(answer.coverage.at, NOW) - (NOW - 5 * HOUR)
    assert abs(row.age - old.total_seconds()) < 1
    assert (answer.total.entries, answer.total.measured) == (1, 0)


async def test_pages_of_orphans_of_then_keep_the_moment(cluster: Cluster) -> None:
    more = [orphan(f"more{number}") for number in range(3)]
    await cluster.open("n1", more, at=NOW - 5 * HOUR)
    first = await orphans(cluster, "4h", limit=2)
    assert first.next is not None
    second = await orphans(cluster, "4h", limit=2, cursor=first.next)
    assert len({row.key for row in (*first.orphans, *second.orphans)}) == 4
    assert second.next is None


async def test_ghosts_of_then_are_those_of_then(cluster: Cluster) -> None:
    assert (await ghosts(cluster, "")).ghosts == []
    assert [row.name for row in (await ghosts(cluster, "4h")).ghosts] == ["ghost"]


async def test_the_mount_command_of_then_has_the_layers_of_then(cluster: Cluster) -> None:
    (one,) = (await commands(cluster, "4h")).commands
    assert one.command is not None
    assert [path.rsplit("/", 2)[1] for path in one.layers][-2:] == ["top1", "base1"]


async def test_the_register_remembers_from_the_oldest_month_that_it_kept(cluster: Cluster) -> None:
    async def remembered(since: datetime) -> datetime | None:
        async with cluster.database.ingest() as conn:
            await conn.execute(text("UPDATE nodes SET observed_since = :since"), {"since": since})
        async with cluster.database.query() as conn:
            return await nodes.first_record(conn)

    assert await remembered(NOW) == NOW
    first = await remembered(NOW - timedelta(days=400))
    assert first is not None
    assert (first.day, first.hour, first > NOW - timedelta(days=100)) == (1, 0, True), "older months are not there"


async def test_a_group_of_then_is_found_by_its_name_and_not_by_walking_through_all_that_ended(
    database: Database,
) -> None:
    async with database.ingest() as conn:
        # The planner thinks that the group is spread among all keys; it lies behind all others.
        await conn.execute(
            statement(
                "INSERT INTO history (node_id, kind, entry_id, root, key, hash, began_after, began_before, "
                "ended_after, ended_before, ended_why, doc, path_keys, ref_keys) SELECT 1, 'container', "
                "CAST(lpad(to_hex(i), 32, '0') AS uuid), '/d', i::text, '', now() - interval '3 h', "
                "now() - interval '2 h', now(), now(), 'removed', '{}', '{}', "
                "CASE WHEN i > 19800 THEN ARRAY[7, i + 1000000] ELSE ARRAY[i + 1000000] END "
                "FROM generate_series(1, 20000) AS i"
            )
        )
        await conn.execute(statement("ANALYZE history"))
        await conn.commit()
    then = Versions(at=datetime.now(UTC) - HOUR)
    page = then.page("kind = 'container' AND ref_keys && CAST(:tokens AS bigint[])", None, rare=True)
    async with database.query() as conn:
        found = await conn.execute(
            statement(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {page}"),
            {**then.parameters, "tokens": [7], "limit": 2},
        )
        plan = found.scalar_one()
    assert plan[0]["Plan"]["Shared Hit Blocks"] + plan[0]["Plan"]["Shared Read Blocks"] < 100
