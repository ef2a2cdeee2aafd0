from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from collector.errors import ProblemError
from collector.lookup import refs
from collector.lookup.scope import scoped
from collector.lookup.where import where
from collector.store.engine import Database
from protocol.answers import Where
from protocol.problems import ProblemType
from tests.integration.collector.cluster import IMAGE, NOW, ROOT, TOP, Cluster, container, mounts

SILENT_AFTER = 45.0
WEB1 = container(1, "shop_web.1.aaaa", service="shop_web", stack="shop", mounts=mounts(volumes={"data": "/data"}))
WEB2 = container(2, "shop_web.2.bbbb", service="shop_web", stack="shop", labels={"tier": "front"})
DB = container(0x1F, "db", image="postgres:18", image_id="sha256:" + "d" * 64, state="exited", exit_code=137)
DB2 = container(0x1E, "db-backup")


@pytest_asyncio.fixture
async def cluster(database: Database) -> AsyncIterator[Cluster]:
    made = Cluster(database)
    await made.node("node1", [WEB1, DB])
    await made.node("node2", [WEB2, DB2])
    yield made


async def ask(cluster: Cluster, ref: str, *, node: str = "", at: str = "", limit: int = 100, cursor: str = "") -> Where:
    async with cluster.database.questions() as conn:
        scope = await scoped(conn, SILENT_AFTER, node=node, at=at)
        return await where(scope, refs.parse(ref), limit, cursor)


@pytest.mark.parametrize(
    ("ref", "matched", "names"),
    [
        (WEB1.key, "id", {"shop_web.1.aaaa"}),
        ("db", "name", {"db"}),
        ("shop_web.1.aaaa", "name", {"shop_web.1.aaaa"}),
        ("shop_web.1", "task", {"shop_web.1.aaaa"}),
        ("shop_web", "service", {"shop_web.1.aaaa", "shop_web.2.bbbb"}),
        ("stack:shop", "stack", {"shop_web.1.aaaa", "shop_web.2.bbbb"}),
        (f"mount-id:{WEB1.mount_id}", "mount-id", {"shop_web.1.aaaa"}),
        (f"{WEB1.mount_id}", "mount-id", {"shop_web.1.aaaa"}),
        (f"{WEB1.init_id}", "init-id", {"shop_web.1.aaaa"}),
        ("nginx:1.27", "image", {"shop_web.1.aaaa", "shop_web.2.bbbb", "db-backup"}),
        ("docker.io/library/nginx:1.27", "image", {"shop_web.1.aaaa", "shop_web.2.bbbb", "db-backup"}),
        (IMAGE.removeprefix("sha256:"), "image-id", {"shop_web.1.aaaa", "shop_web.2.bbbb", "db-backup"}),
        (IMAGE, "image-id", {"shop_web.1.aaaa", "shop_web.2.bbbb", "db-backup"}),
        ("tier=front", "label", {"shop_web.2.bbbb"}),
        ("label:tier", "label", {"shop_web.2.bbbb"}),
        ("volume:data", "volume", {"shop_web.1.aaaa"}),
        (f"chain:{TOP}", "chain", {"shop_web.1.aaaa", "shop_web.2.bbbb", "db", "db-backup"}),
    ],
)
async def test_a_whole_name_finds_its_containers(cluster: Cluster, ref: str, matched: str, names: set[str]) -> None:
    answer = await ask(cluster, ref)
    assert (answer.matched, answer.exact) == (matched, True)
    assert {row.name for row in answer.containers} == names


async def test_the_answer_says_where_and_since_when(cluster: Cluster) -> None:
    (row,) = (await ask(cluster, "shop_web.1")).containers
    assert (row.cluster, row.node, row.hostname) == ("cl1", "node1", "node1.example")
    assert row.diff_path == f"{ROOT}/overlay2/{WEB1.mount_id}/diff"
    assert (row.service, row.stack, row.task) == ("shop_web", "shop", "shop_web.1.aaaa")
    assert row.mounts == list(WEB1.mounts)
    assert row.paths == list(WEB1.paths)
    assert row.ended is None
    assert row.certain is True
    assert row.seen is not None


@pytest.mark.parametrize(
    ("ref", "matched"),
    [
        ("0001", "id"),
        ("id:0001c", "id"),
        ("0001e", "mount-id"),
        ("mount-id:0001", "mount-id"),
        ("shop_web.1.a", "name"),
    ],
)
async def test_a_prefix_that_fits_one_container_is_enough(cluster: Cluster, ref: str, matched: str) -> None:
    answer = await ask(cluster, ref)
    assert (answer.matched, answer.exact) == (matched, False)
    assert [row.name for row in answer.containers] == ["shop_web.1.aaaa"]


async def test_a_prefix_of_several_names_lists_them(cluster: Cluster) -> None:
    with pytest.raises(ProblemError) as caught:
        await ask(cluster, "shop_web.")
    assert caught.value.kind is ProblemType.AMBIGUOUS
    assert set(caught.value.candidates) == {"name:shop_web.1.aaaa", "name:shop_web.2.bbbb"}


async def test_of_many_candidates_twenty_are_listed_and_the_rest_counted(cluster: Cluster) -> None:
    await cluster.node("node3", [container(0xA00 + number, f"job-{number}") for number in range(30)])
    with pytest.raises(ProblemError, match=r"20 are listed; there are 10 more") as caught:
        await ask(cluster, "job-")
    assert len(caught.value.candidates) == 20
    assert all([(await ask(cluster, candidate)).exact for candidate in caught.value.candidates])


async def test_a_name_wins_over_a_prefix(cluster: Cluster) -> None:
    assert [row.name for row in (await ask(cluster, "db")).containers] == ["db"]


async def test_the_init_layer_of_a_snapshotter_has_a_number(cluster: Cluster) -> None:
    await cluster.node("node3", [container(6, "snap", mount_id="39", init_id="38", backend="overlayfs")])
    answer = await ask(cluster, "38")
    assert (answer.matched, answer.exact, [row.name for row in answer.containers]) == ("init-id", True, ["snap"])
    assert (await ask(cluster, "39")).matched == "mount-id"


async def test_one_name_on_many_nodes_comes_in_pages(cluster: Cluster) -> None:
    for number in range(3, 8):
        await cluster.node(f"node{number}", [container(number, "proxy"), container(0x20 + number, "proxy-old")])
    first = await ask(cluster, "proxy", limit=3)
    rest = await ask(cluster, "proxy", limit=3, cursor=first.next or "")
    assert [row.node for row in (*first.containers, *rest.containers)] == [f"node{number}" for number in range(3, 8)]
    assert {row.name for row in (await ask(cluster, "proxy")).containers} == {"proxy"}


async def test_kinds_that_name_different_containers_are_ambiguous(cluster: Cluster) -> None:
    await cluster.node("node3", [container(5, "shop_web")])
    with pytest.raises(
        ProblemError, match=r"name:shop_web \(1 container\), service:shop_web \(2 containers\)"
    ) as caught:
        await ask(cluster, "shop_web")
    assert caught.value.candidates == ("name:shop_web", "service:shop_web")
    assert len((await ask(cluster, "service:shop_web")).containers) == 2


async def test_kinds_of_large_groups_are_compared_by_counting(cluster: Cluster) -> None:
    await cluster.node("node3", [container(5, "shop_web")])
    with pytest.raises(ProblemError, match=r"name:shop_web \(1 container\), service:shop_web \(2 containers\)"):
        await ask(cluster, "shop_web", limit=1)


async def test_a_group_comes_in_pages(cluster: Cluster) -> None:
    await cluster.node("node3", [container(0xA00 + n, f"big.{n}.t{n}", service="big") for n in range(25)])
    names: list[str] = []
    cursors: list[str | None] = []
    for _ in range(3):
        answer = await ask(cluster, "big", limit=10, cursor=cursors[-1] or "" if cursors else "")
        names += [row.name for row in answer.containers]
        cursors.append(answer.next)
    assert cursors[-1] is None
    assert sorted(names) == sorted(f"big.{n}.t{n}" for n in range(25))


async def test_nothing_found_says_whether_every_node_was_asked(cluster: Cluster) -> None:
    with pytest.raises(ProblemError, match=r"nothing here is called 'nosuch'$") as complete:
        await ask(cluster, "nosuch")
    assert complete.value.coverage.complete
    await cluster.node("node3", heard=timedelta(minutes=5))
    with pytest.raises(ProblemError, match=r"not every node is observed \(node3\.example\)") as partial:
        await ask(cluster, "nosuch")
    assert [node.node for node in partial.value.coverage.silent] == ["node3"]
    assert partial.value.kind is ProblemType.NOT_FOUND


@pytest.mark.parametrize("node", ["node1", "node1.example"])
async def test_a_node_is_named_by_id_or_hostname(cluster: Cluster, node: str) -> None:
    answer = await ask(cluster, "service:shop_web", node=node)
    assert [row.name for row in answer.containers] == ["shop_web.1.aaaa"]


async def test_a_node_that_is_not_there_or_not_alone_is_refused(cluster: Cluster) -> None:
    with pytest.raises(ProblemError, match="no node is called 'nope'"):
        await ask(cluster, "db", node="nope")
    with pytest.raises(ProblemError, match="2 nodes are called 'node'") as caught:
        await ask(cluster, "db", node="node")
    assert caught.value.candidates == ("node1", "node2")


async def test_a_past_moment_shows_what_was_there_then(cluster: Cluster) -> None:
    old = container(7, "old")
    begin, end = NOW - timedelta(minutes=40), NOW - timedelta(minutes=20)
    await cluster.open("node1", [old], at=begin, after=begin - timedelta(seconds=30))
    await cluster.close("node1", [old], at=end, after=end - timedelta(seconds=30))

    with pytest.raises(ProblemError, match="nothing here"):
        await ask(cluster, "old")
    (row,) = (await ask(cluster, "old", at=(end - timedelta(minutes=5)).isoformat())).containers
    assert row.certain is True
    assert row.ended
    (row,) = (await ask(cluster, "0007", at=(end - timedelta(seconds=10)).isoformat())).containers
    assert row.certain is False
    (row,) = (await ask(cluster, "old", at=(begin - timedelta(seconds=10)).isoformat())).containers
    assert row.certain is False
    for at in (begin - timedelta(minutes=1), end + timedelta(seconds=1)):
        with pytest.raises(ProblemError, match="nothing here"):
            await ask(cluster, "old", at=at.isoformat())


async def test_pages_of_the_past_keep_the_moment_of_the_first(cluster: Cluster) -> None:
    gone = [container(0xB00 + number, f"gone.{number}.t", service="gone") for number in range(4)]
    await cluster.open("node1", gone, at=NOW - timedelta(hours=2))
    await cluster.close("node1", gone, at=NOW - timedelta(seconds=1), after=NOW - timedelta(seconds=2))
    first = await ask(cluster, "service:gone", at="1h", limit=2)
    assert first.next is not None
    second = await ask(cluster, "service:gone", at="1h", limit=2, cursor=first.next)
    assert second.at == first.at
    assert len({row.container_id for row in (*first.containers, *second.containers)}) == 4


@pytest.mark.parametrize("at", ["yesterday", "2999-01-01T00:00:00Z", "2026-01-01T00:00:00"])
async def test_a_moment_that_is_none_or_yet_to_come_is_refused(cluster: Cluster, at: str) -> None:
    with pytest.raises(ProblemError) as caught:
        await ask(cluster, "db", at=at)
    assert (caught.value.kind, caught.value.field) == (ProblemType.BAD_REQUEST, "at")
