"""df, top, orphans and ghosts over HTTP, against a real database."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import msgspec
import pytest_asyncio

from collector.config import Config
from collector.store import keys, usage
from collector.store.engine import Database
from collector.store.nodes import NodeIdentity
from collector.store.usage import RoomNow, Sample
from protocol import times
from protocol.answers import Containers, Images
from protocol.entries import Entry, LayerUse, Mount
from protocol.sizes import DiskUse, Ghosts, MountCommands, OrphanRow, Orphans, Size, Top
from protocol.usage import Part
from tests.integration.collector.cluster import (
    BASE,
    CLUSTER,
    NOW,
    TOP,
    Cluster,
    container,
    image_entries,
    orphan,
    volume,
)
from tests.integration.collector.node import Rows
from tests.integration.collector.serving import collector

MIB = 1 << 20


@pytest_asyncio.fixture
async def session(database_url: str) -> AsyncIterator[aiohttp.ClientSession]:
    async with collector(Config(database_url=database_url)) as opened:
        yield opened


@pytest_asyncio.fixture
async def cluster(database: Database) -> Cluster:
    return Cluster(database)


async def measure(
    database: Database,
    node: str,
    *sizes: tuple[Entry, Part, int],
    ago: timedelta = timedelta(),
    rooms: tuple[RoomNow, ...] = (),
) -> None:
    """Store what a node measured so long ago; every part has ten inodes."""
    samples = [
        Sample(
            entry.KIND.value,
            keys.entry_id(entry.root, entry.key),
            part.value,
            size,
            10,
            partial=False,
            ago=ago.total_seconds(),
        )
        for entry, part, size in sizes
    ]
    async with database.ingest() as connection:
        known = await usage.node_of(connection, NodeIdentity(CLUSTER, node), "")
        assert known is not None
        assert await usage.store(connection, known[0], known[1], samples) == len(samples)
        if rooms:
            await usage.store_rooms(connection, *known, rooms)


async def get(session: aiohttp.ClientSession, path: str, shape: type[Any], **query: str) -> Any:
    async with session.get(f"/api/v1/{path}", params=query) as response:
        content = await response.read()
        assert response.status == 200, content
    return msgspec.json.decode(content, type=shape)


async def refused(session: aiohttp.ClientSession, path: str, **query: str) -> dict[str, Any]:
    async with session.get(f"/api/v1/{path}", params=query) as response:
        assert response.content_type == "application/problem+json"
        problem: dict[str, Any] = msgspec.json.decode(await response.read())
    return problem


def room(path: str, free: int, device: int = 1) -> RoomNow:
    return RoomNow(path, device, 100 * MIB, free, 1000, 900)


async def test_df_adds_up_every_share_once_per_node_and_per_cluster(
    session: aiohttp.ClientSession, cluster: Cluster, database: Database
) -> None:
    web, ghost, data, lost = container(1, "web"), container(2, "old", ghost=True), volume("data"), orphan("lost")
    image, base, top = image_entries()
    await cluster.node("n1", [web, ghost, data, lost, image, base, top])
    await cluster.node("n2", [web])
    await measure(
        database,
        "n1",
        (web, Part.WRITABLE, 3 * MIB),
        (web, Part.INIT, MIB),
        (web, Part.CONTAINER_DIR, 2 * MIB),
        (ghost, Part.WRITABLE, 5 * MIB),
        (ghost, Part.CONTAINER_DIR, MIB),
        (base, Part.LAYER, 7 * MIB),
        (lost, Part.LAYER, 11 * MIB),
        rooms=(room("/var/lib/docker", 40 * MIB), room("/var/lib/docker/1000.1000", 40 * MIB)),
    )
    answer: DiskUse = await get(session, "df", DiskUse)
    one, two = answer.nodes
    assert one.shares == {
        "writable": Size(entries=1, measured=1, bytes=4 * MIB, inodes=20),
        "logs": Size(entries=1, measured=1, bytes=2 * MIB, inodes=10),
        "ghosts": Size(entries=1, measured=1, bytes=6 * MIB, inodes=20),
        "images": Size(entries=2, measured=1, bytes=7 * MIB, inodes=10),
        "orphans": Size(entries=1, measured=1, bytes=11 * MIB, inodes=10),
        "volumes": Size(entries=1),
    }
    assert two.shares == {"writable": Size(entries=1), "logs": Size(entries=1)}, "known, and not measured yet"
    (disk,) = one.rooms
    assert disk.paths == ["/var/lib/docker", "/var/lib/docker/1000.1000"], "one file system under two names"
    (whole,) = answer.clusters
    assert (whole.cluster, whole.nodes) == (CLUSTER, 2)
    assert whole.shares["writable"] == Size(entries=2, measured=1, bytes=4 * MIB, inodes=20)
    assert whole.total.bytes == 30 * MIB
    assert (whole.room.file_systems, whole.room.total_bytes, whole.room.free_bytes) == (1, 100 * MIB, 40 * MIB)
    assert answer.coverage.nodes_observed == 2
    only: DiskUse = await get(session, "df", DiskUse, node="n2.example")
    assert [node.node for node in only.nodes] == ["n2"]


async def test_top_orders_containers_by_all_that_they_wrote(
    session: aiohttp.ClientSession, cluster: Cluster, database: Database
) -> None:
    small, large, unknown = container(1, "small"), container(2, "large"), container(3, "unknown")
    await cluster.node("n1", [small, large, unknown])
    await measure(
        database,
        "n1",
        (small, Part.WRITABLE, 5 * MIB),
        (large, Part.WRITABLE, 4 * MIB),
        (large, Part.CONTAINER_DIR, 4 * MIB),
    )
    answer: Top = await get(session, "top", Top)
    assert [(row.name, row.node, row.size.bytes) for row in answer.rows] == [
        ("large", "n1", 8 * MIB),
        ("small", "n1", 5 * MIB),
    ]
    assert answer.rows[0].key == large.key
    assert answer.rows[0].grown is None, "nobody asked since when"
    assert answer.total == Size(entries=3, measured=2, bytes=13 * MIB, inodes=30)


async def test_top_adds_up_services_stacks_and_images_over_nodes(
    session: aiohttp.ClientSession, cluster: Cluster, database: Database
) -> None:
    one, two = (container(n, f"web.{n}", service="web", stack="shop") for n in (1, 2))
    alone = container(3, "alone", image="redis:7")
    await cluster.node("n1", [one, alone])
    await cluster.node("n2", [two])
    await measure(database, "n1", (one, Part.WRITABLE, MIB), (alone, Part.WRITABLE, 9 * MIB))
    await measure(database, "n2", (two, Part.WRITABLE, 2 * MIB))
    for by, expected in {
        "service": [("web", 3 * MIB, 2, 2)],
        "stack": [("shop", 3 * MIB, 2, 2)],
        "image": [("redis:7", 9 * MIB, 1, 1), ("nginx:1.27", 3 * MIB, 2, 2)],
        "node": [("n1", 10 * MIB, 1, 2), ("n2", 2 * MIB, 1, 1)],
    }.items():
        answer: Top = await get(session, "top", Top, by=by)
        found = [(row.key, row.size.bytes, row.nodes, row.size.entries) for row in answer.rows]
        assert found == expected, by
    limited: Top = await get(session, "top", Top, by="service", node="n2")
    assert [(row.key, row.size.bytes) for row in limited.rows] == [("web", 2 * MIB)]


async def test_top_shows_volumes(session: aiohttp.ClientSession, cluster: Cluster, database: Database) -> None:
    await cluster.node("n1", [volume("data"), volume("cache")])
    await measure(database, "n1", (volume("data"), Part.VOLUME, 9 * MIB), (volume("cache"), Part.VOLUME, MIB))
    answer: Top = await get(session, "top", Top, by="volume")
    assert [(row.name, row.size.bytes) for row in answer.rows] == [("data", 9 * MIB), ("cache", MIB)]


async def test_growth_counts_from_what_was_measured_at_the_moment_asked_about(
    session: aiohttp.ClientSession, cluster: Cluster, database: Database
) -> None:
    steady, growing, shrinking = (container(n, name) for n, name in ((1, "steady"), (2, "growing"), (3, "shrinking")))
    await cluster.node("n1", [steady, growing, shrinking], at=NOW - timedelta(days=3))
    for hours, sizes in {30: (50, 1, 9), 20: (50, 1, 9), 10: (50, 3, 8), 0: (50, 7, 2)}.items():
        entries = (steady, growing, shrinking)
        given = [(entry, Part.WRITABLE, size * MIB) for entry, size in zip(entries, sizes, strict=True)]
        await measure(database, "n1", *given, ago=timedelta(hours=hours))
    answer: Top = await get(session, "top", Top, order="growth", since="24h")
    assert [(row.name, row.grown) for row in answer.rows] == [
        ("growing", 6 * MIB),
        ("steady", 0),
        ("shrinking", -7 * MIB),
    ]
    lately: Top = await get(session, "top", Top, order="growth", since="5h")
    assert [(row.name, row.grown) for row in lately.rows] == [("steady", 0), ("growing", 0), ("shrinking", 0)]
    middle: Top = await get(session, "top", Top, order="growth", since="15h")
    assert middle.rows[0].grown == 4 * MIB


async def test_all_of_a_container_that_did_not_exist_then_has_grown_since(
    session: aiohttp.ClientSession, cluster: Cluster, database: Database
) -> None:
    fresh, renamed, late = container(1, "fresh"), container(2, "before"), container(3, "late")
    hour = timedelta(hours=1)
    await cluster.node("n1", [renamed, late], at=NOW - 48 * hour)
    await cluster.open("n1", [fresh], at=NOW - 2 * hour, after=NOW - 2 * hour - timedelta(seconds=1))
    await cluster.close("n1", [renamed], at=NOW - 3 * hour, after=NOW - 3 * hour, why="changed")
    await cluster.open("n1", [container(2, "after")], at=NOW - 3 * hour, after=NOW - 3 * hour)
    both = [(fresh, Part.WRITABLE, 6 * MIB), (late, Part.WRITABLE, 4 * MIB)]
    await measure(database, "n1", *both, (renamed, Part.WRITABLE, 5 * MIB), ago=hour)
    answer: Top = await get(session, "top", Top, order="growth")
    assert [(row.name, row.grown) for row in answer.rows] == [("fresh", 6 * MIB), ("after", 0), ("late", 0)]
    fresh_row, _, late_row = answer.rows
    assert fresh_row.grown_from is None
    assert late_row.grown_from is not None
    first = times.parse_time(late_row.grown_from, datetime.now(UTC))
    assert abs(datetime.now(UTC) - hour - first) < timedelta(minutes=5), "it was first measured an hour ago"


async def test_top_can_be_read_page_by_page_and_as_a_stream(
    session: aiohttp.ClientSession, cluster: Cluster, database: Database
) -> None:
    some = [container(n, f"c{n}") for n in range(1, 8)]
    await cluster.node("n1", some)
    await measure(database, "n1", *((one, Part.WRITABLE, (n // 2) * MIB) for n, one in enumerate(some)))
    names: list[str] = []
    query = {"limit": "2", "order": "growth"}
    while True:
        answer: Top = await get(session, "top", Top, **query)
        names += [row.name for row in answer.rows]
        if answer.next is None:
            break
        query["cursor"] = answer.next
    assert len(names) == 7
    assert set(names) == {one.name for one in some}
    async with session.get("/api/v1/top", headers={"Accept": "application/x-ndjson"}) as response:
        lines = (await response.read()).splitlines()
    assert len(lines) == 8
    assert msgspec.json.decode(lines[-1])["rows"] == 7
    assert msgspec.json.decode(lines[0])["name"] == "c7"


async def test_questions_about_sizes_that_make_no_sense_are_refused(
    session: aiohttp.ClientSession, cluster: Cluster
) -> None:
    await cluster.node("n1")
    for query, word in (
        ({"since": "9999h"}, "8 days"),
        ({"since": "soon"}, "not a time"),
        ({"since": "2999-01-01T00:00:00Z"}, "yet to come"),
        ({"by": "colour"}, "by"),
        ({"cursor": "nonsense"}, "cursor"),
    ):
        problem = await refused(session, "top", **query)
        assert (problem["status"], word in problem["detail"]) == (400, True), problem
    empty: Top = await get(session, "top", Top)
    assert (empty.rows, empty.total) == ([], Size())


async def test_orphans_name_evidence_first_seen_size_and_totals(
    session: aiohttp.ClientSession, cluster: Cluster, database: Database
) -> None:
    young = msgspec.structs.replace(orphan("lost"), use=LayerUse.UNCLAIMED)
    lost = msgspec.structs.replace(orphan("lost"), evidence="nothing names it")
    hour = timedelta(hours=1)
    await cluster.node("n1", [young], at=NOW - 5 * hour)
    await cluster.close("n1", [young], at=NOW - 4 * hour, after=NOW - 4 * hour, why="changed")
    await cluster.open("n1", [lost], at=NOW - 4 * hour, after=NOW - 4 * hour)
    fresh = msgspec.structs.replace(orphan("fresh"), use=LayerUse.UNCLAIMED)
    await cluster.node("n2", [orphan("other"), fresh])
    await measure(database, "n1", (lost, Part.LAYER, 7 * MIB))
    answer: Orphans = await get(session, "orphans", Orphans)
    first, second = answer.orphans
    assert (first.hostname, first.key, first.evidence) == ("n1.example", "overlay2/lost", "nothing names it")
    assert first.first_seen.before == times.to_text(NOW - 5 * hour), "already when it was only unclaimed"
    assert first.age >= (5 * hour).total_seconds()
    assert (first.bytes, first.inodes, second.bytes) == (7 * MIB, 10, None)
    assert [(one.hostname, one.size.entries) for one in answer.nodes] == [("n1.example", 1), ("n2.example", 1)]
    assert answer.total == Size(entries=2, measured=1, bytes=7 * MIB, inodes=10)
    unclaimed: Orphans = await get(session, "orphans", Orphans, filter="use=unclaimed")
    assert [one.key for one in unclaimed.orphans] == ["overlay2/fresh"]


async def test_orphans_come_in_pages_and_as_a_stream(session: aiohttp.ClientSession, cluster: Cluster) -> None:
    await cluster.node("n1", [orphan(f"lost{n}") for n in range(5)])
    found: list[str] = []
    query = {"limit": "2"}
    while True:
        answer: Orphans = await get(session, "orphans", Orphans, **query)
        found += [row.key for row in answer.orphans]
        assert answer.total.entries == 5
        if answer.next is None:
            break
        query["cursor"] = answer.next
    assert sorted(found) == [f"overlay2/lost{n}" for n in range(5)]
    async with session.get("/api/v1/orphans", headers={"Accept": "application/x-ndjson"}) as response:
        *lines, end = (await response.read()).splitlines()
    assert len([msgspec.json.decode(line, type=OrphanRow) for line in lines]) == 5
    assert msgspec.json.decode(end)["rows"] == 5


async def test_ghosts_are_containers_that_the_engine_forgot(
    session: aiohttp.ClientSession, cluster: Cluster, database: Database
) -> None:
    ghost = container(1, "old.1", service="old", stack="shop", ghost=True, state="exited")
    await cluster.node("n1", [ghost, container(2, "web")])
    await measure(database, "n1", (ghost, Part.WRITABLE, 2 * MIB), (ghost, Part.CONTAINER_DIR, MIB))
    answer: Ghosts = await get(session, "ghosts", Ghosts)
    (row,) = answer.ghosts
    assert (row.container_id, row.service, row.stack, row.state) == (ghost.key, "old", "shop", "exited")
    assert (row.bytes, row.inodes) == (3 * MIB, 20)
    assert "engine" in row.evidence
    assert answer.total == Size(entries=1, measured=1, bytes=3 * MIB, inodes=20)


async def test_a_silent_node_stands_in_the_coverage(
    session: aiohttp.ClientSession, cluster: Cluster, rows: Rows
) -> None:
    await cluster.node("n1", [orphan("lost")], heard=timedelta(hours=1))
    for path, shape in (("df", DiskUse), ("top", Top), ("orphans", Orphans), ("ghosts", Ghosts)):
        answer = await get(session, path, shape)
        assert [node.node for node in answer.coverage.silent] == ["n1"], path
    assert rows.ask("SELECT count(*) AS n FROM usage_current") == [{"n": 0}]


async def test_containers_can_be_limited_to_a_volumes_driver(session: aiohttp.ClientSession, cluster: Cluster) -> None:
    local, nfs = (
        container(number, name, mounts=(Mount("volume", "/data", name="data", driver=name),))
        for number, name in ((1, "local"), (2, "nfs"))
    )
    await cluster.node("n1", [local, nfs, container(3, "none")])
    for wanted, expected in ({"driver=nfs"}, ["nfs"]), ({"driver=nfs", "driver=local"}, ["local", "nfs"]):
        query = [("filter", text) for text in sorted(wanted)]
        async with session.get("/api/v1/containers", params=query) as response:
            answer = msgspec.json.decode(await response.read(), type=Containers)
        assert sorted(row.name for row in answer.containers) == expected


async def test_an_image_layer_leads_to_all_containers_and_images_that_stand_on_it(
    session: aiohttp.ClientSession, cluster: Cluster
) -> None:
    image, base, top = image_entries()
    middle = msgspec.structs.replace(base, key="sha256:other", parent=BASE)
    await cluster.node("n1", [image, base, top, container(1, "on top")])
    await cluster.node("n2", [base, middle, container(2, "on other", parent_chain_id="sha256:other")])
    await cluster.node("n3", [container(3, "elsewhere", parent_chain_id="sha256:foreign")])
    for layer, expected in {BASE: [("n1", "on top"), ("n2", "on other")], TOP: [("n1", "on top")]}.items():
        answer: Containers = await get(session, "containers", Containers, filter=f"layer={layer}")
        assert sorted((row.node, row.name) for row in answer.containers) == expected
        images: Images = await get(session, "images", Images, filter=f"layer={layer}")
        assert [(row.node, row.image_id) for row in images.images] == [("n1", image.key)]
    one = {"filter": f"layer={BASE}", "limit": "1"}
    first: Containers = await get(session, "containers", Containers, **one)
    assert first.next is not None
    second: Containers = await get(session, "containers", Containers, **one, cursor=first.next)
    assert {row.name for row in (*first.containers, *second.containers)} == {"on top", "on other"}


async def test_mount_command_follows_the_chain_in_the_register(
    session: aiohttp.ClientSession, cluster: Cluster
) -> None:
    await cluster.node("n1", [*image_entries(), container(1, "whole"), container(2, "gap", parent_chain_id="sha256:x")])
    answer: MountCommands = await get(session, "mount-command", MountCommands, ref="whole")
    (command,) = answer.commands
    assert command.command is not None
    assert [path.rpartition("/overlay2/")[2] for path in command.layers] == [
        f"0001{'e' * 60}/diff",
        f"0001{'e' * 60}-init/diff",
        "top1/diff",
        "base1/diff",
    ]
    assert (command.hostname, command.target, command.reason) == ("n1.example", "/mnt", "")
    (gap,) = (await get(session, "mount-command", MountCommands, ref="gap")).commands
    assert (gap.command, "sha256:x" in gap.reason) == (None, True)
    assert (await refused(session, "mount-command", ref="nobody"))["status"] == 404
