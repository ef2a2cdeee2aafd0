from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
import pytest_asyncio

from collector.errors import ProblemError
from collector.lookup import filters, lists
from collector.lookup.scope import scoped
from collector.store.engine import Database
from protocol.answers import ContainerRow, ImageRow, LayerRow
from protocol.entries import Kind, LayerUse
from protocol.problems import ProblemType
from tests.integration.collector.cluster import BASE, IMAGE, NOW, TOP, Cluster, container, image_entries, orphan

SILENT_AFTER = 45.0
WEB = container(1, "web", exit_code=0, labels={"tier": "front", "env": "prod"})
DB = container(2, "db", labels={"env": "prod"})
GONE = container(3, "gone")


@pytest_asyncio.fixture
async def cluster(database: Database) -> AsyncIterator[Cluster]:
    made = Cluster(database)
    await made.node("node1", [WEB, GONE, *image_entries()])
    await made.node("node2", [DB, orphan("leaked1")])
    await made.close("node1", [GONE], at=NOW - timedelta(minutes=10), after=NOW - timedelta(minutes=11))
    yield made


async def ask(
    cluster: Cluster, kind: Kind, *texts: str, at: str = "", limit: int = 100, cursor: str = ""
) -> lists.Page:
    chosen = filters.parse(kind, texts)
    async with cluster.database.query() as conn:
        scope = await scoped(conn, SILENT_AFTER, node=chosen.node, at=at)
        return await lists.page(scope, kind, chosen, limit, cursor)


async def names(cluster: Cluster, *texts: str, at: str = "") -> set[str]:
    page = await ask(cluster, Kind.CONTAINER, *texts, at=at)
    return {msgspec.json.decode(row, type=ContainerRow).name for row in page.rows}


async def test_a_row_is_what_the_agent_reported(cluster: Cluster) -> None:
    (raw,) = (await ask(cluster, Kind.CONTAINER, "name=web")).rows
    row = msgspec.json.decode(raw, type=ContainerRow)
    reported = {
        field: getattr(WEB, field) for field in WEB.__struct_fields__ if field not in {"key", "mounts", "paths"}
    }
    assert {field: getattr(row, field) for field in reported} == reported
    assert row.container_id == WEB.key
    assert (tuple(row.paths), tuple(row.mounts)) == (WEB.paths, WEB.mounts)


async def test_labels_have_to_be_there_all(cluster: Cluster) -> None:
    assert await names(cluster, "label=env") == {"web", "db"}
    assert await names(cluster, "label=env", "label=tier=front") == {"web"}


async def test_an_exit_code_of_nought_is_not_none(cluster: Cluster) -> None:
    assert await names(cluster, "exit-code=0") == {"web"}


async def test_the_past_has_what_is_gone_and_the_present_has_not(cluster: Cluster) -> None:
    assert await names(cluster) == {"web", "db"}
    assert await names(cluster, at=(NOW - timedelta(minutes=20)).isoformat()) == {"web", "db", "gone"}
    assert await names(cluster, "name=gone", at=(NOW - timedelta(minutes=20)).isoformat()) == {"gone"}
    assert await names(cluster, at=(NOW - timedelta(minutes=5)).isoformat()) == {"web", "db"}


async def test_two_versions_of_one_container_are_never_both_there(cluster: Cluster) -> None:
    change = NOW - timedelta(minutes=3)
    renamed = msgspec.structs.replace(WEB, name="renamed")
    await cluster.close("node1", [WEB], at=change, after=change - timedelta(seconds=1), why="changed")
    await cluster.open("node1", [renamed], at=change, after=change - timedelta(seconds=1))
    assert await names(cluster, "node=node1") == {"renamed"}
    assert await names(cluster, "node=node1", at=change.isoformat()) == {"renamed"}
    assert await names(cluster, "node=node1", at=(change - timedelta(seconds=2)).isoformat()) == {"web"}
    between = (change - timedelta(seconds=0.5)).isoformat()
    rows = [
        msgspec.json.decode(raw, type=ContainerRow)
        for raw in (await ask(cluster, Kind.CONTAINER, "node=node1", at=between)).rows
    ]
    assert {(row.name, row.certain) for row in rows} == {("web", False), ("renamed", False)}


async def test_pages_of_the_past_leave_nothing_out(cluster: Cluster) -> None:
    old = [container(0xC00 + number, f"old-{number}") for number in range(7)]
    await cluster.open("node2", old, at=NOW - timedelta(hours=1))
    await cluster.close("node2", old, at=NOW - timedelta(seconds=5), after=NOW - timedelta(seconds=6))
    seen: list[str] = []
    cursors: list[str | None] = [""]
    while cursors[-1] is not None:
        page = await ask(cluster, Kind.CONTAINER, at="30m", limit=3, cursor=cursors[-1])
        seen += [msgspec.json.decode(row, type=ContainerRow).name for row in page.rows]
        cursors.append(page.next)
    assert sorted(seen) == sorted(["web", "db", "gone", *(container.name for container in old)])


async def test_a_cursor_belongs_to_its_question(cluster: Cluster) -> None:
    page = await ask(cluster, Kind.CONTAINER, limit=1)
    assert page.next is not None
    with pytest.raises(ProblemError, match="other parameters"):
        await ask(cluster, Kind.CONTAINER, "label=env", limit=1, cursor=page.next)
    with pytest.raises(ProblemError, match="other parameters"):
        await ask(cluster, Kind.LAYER, limit=1, cursor=page.next)


async def test_layers_and_images_are_rows_too(cluster: Cluster) -> None:
    layers = [msgspec.json.decode(row, type=LayerRow) for row in (await ask(cluster, Kind.LAYER)).rows]
    assert {(row.key, row.use, row.parent) for row in layers} == {
        (BASE, LayerUse.IMAGE, ""),
        (TOP, LayerUse.IMAGE, BASE),
        ("overlay2/leaked1", LayerUse.ORPHAN, ""),
    }
    (image,) = [msgspec.json.decode(row, type=ImageRow) for row in (await ask(cluster, Kind.IMAGE)).rows]
    assert (image.image_id, image.tags, image.layers) == (IMAGE, ["nginx:1.27"], [BASE, TOP])
    assert await ask(cluster, Kind.IMAGE, f"layer={BASE}") == await ask(cluster, Kind.IMAGE)


async def test_a_moment_before_the_first_record_is_refused(cluster: Cluster) -> None:
    with pytest.raises(ProblemError, match="before the register's first record") as caught:
        await ask(cluster, Kind.CONTAINER, at=datetime(2001, 1, 1, tzinfo=UTC).isoformat())
    assert (caught.value.kind, caught.value.field) == (ProblemType.BAD_REQUEST, "at")


async def test_what_the_engine_made_later_was_surely_not_there(cluster: Cluster) -> None:
    when = NOW - timedelta(minutes=50)
    made = (NOW - timedelta(minutes=45)).strftime("%Y-%m-%dT%H:%M:%S.5Z")
    young, old = container(0xC1, "young", created_at=made), container(0xC2, "old", created_at="2020-01-01T00:00:00Z")
    await cluster.open("node2", [young, old], at=NOW - timedelta(minutes=30))
    listed = {
        row.name: row.certain
        for raw in (await ask(cluster, Kind.CONTAINER, "node=node2", at=when.isoformat())).rows
        for row in [msgspec.json.decode(raw, type=ContainerRow)]
    }
    assert "young" not in listed
    assert listed["old"] is False
