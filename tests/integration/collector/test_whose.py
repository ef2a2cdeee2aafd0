from collections.abc import AsyncIterator
from datetime import timedelta

import msgspec
import pytest
import pytest_asyncio

from collector.errors import ProblemError
from collector.lookup.scope import scoped
from collector.lookup.whose import whose
from collector.store.engine import Database
from protocol.answers import Bounds, Owner, WhoseAnswer
from protocol.entries import Kind, LayerUse, Mount, Place, Role
from protocol.times import to_text
from tests.integration.collector.cluster import (
    BASE,
    NOW,
    ROOT,
    TOP,
    Cluster,
    bind,
    container,
    image_entries,
    mounts,
    orphan,
    volume,
)

SILENT_AFTER = 45.0
WEB = container(
    1,
    "shop_web.1.aaaa",
    service="shop_web",
    stack="shop",
    mounts=mounts(volumes={"data": "/data"}, binds={"/srv": "/srv"}),
)
BACKUP = container(2, "backup", mounts=mounts(volumes={"data": "/backup"}, binds={"/srv": "/mnt/srv", "/": "/host"}))
FROM_BASE = container(3, "from-base", parent_chain_id=BASE)
OTHER = container(4, "other", mounts=mounts(volumes={"data": "/elsewhere"}))


@pytest_asyncio.fixture
async def cluster(database: Database) -> AsyncIterator[Cluster]:
    made = Cluster(database)
    await made.node(
        "node1",
        [WEB, BACKUP, FROM_BASE, *image_entries(), volume("data"), bind("/srv"), bind("/"), orphan("leaked1")],
    )
    await made.node("node2", [OTHER, volume("data"), bind("/")])
    yield made


async def ask(cluster: Cluster, *paths: str, node: str = "", at: str = "") -> WhoseAnswer:
    async with cluster.database.questions() as conn:
        return await whose(await scoped(conn, SILENT_AFTER, node=node, at=at), paths)


async def owners(cluster: Cluster, path: str, *, node: str = "") -> list[Owner]:
    return (await ask(cluster, path, node=node)).answers[0].owners


@pytest.mark.parametrize(
    ("path", "role", "inside"),
    [
        (f"{ROOT}/overlay2/{WEB.mount_id}/diff/etc/nginx/nginx.conf", Role.WRITABLE, "/etc/nginx/nginx.conf"),
        (f"{ROOT}/overlay2/{WEB.mount_id}/merged", Role.WRITABLE, "/"),
        (f"{ROOT}/overlay2/{WEB.mount_id}/work/work", Role.WRITABLE, None),
        (f"{ROOT}/overlay2/{WEB.mount_id}-init/diff/etc/hosts", Role.INIT, "/etc/hosts"),
        (f"{ROOT}//overlay2/./x/../{WEB.mount_id}/", Role.WRITABLE, None),
        (f"{ROOT}/overlay2/l/L0001/usr", Role.LINK, "/usr"),
        (f"{ROOT}/containers/{WEB.key}/{WEB.key}-json.log", Role.CONTAINER_DIR, None),
        (f"{WEB.mount_id}", Role.WRITABLE, None),
        (f"{WEB.mount_id}-init", Role.INIT, None),
        (f"{WEB.mount_id}/diff/tmp", Role.WRITABLE, "/tmp"),
        ("overlay2/l/L0001", Role.LINK, "/"),
        ("l/L0001", Role.LINK, "/"),
        (f"./{WEB.mount_id}/", Role.WRITABLE, None),
    ],
)
async def test_a_path_of_a_container_is_its_own(cluster: Cluster, path: str, role: Role, inside: str | None) -> None:
    (owner,) = await owners(cluster, path)
    assert (owner.kind, owner.key, owner.node) == (Kind.CONTAINER, WEB.key, "node1")
    assert (owner.role, owner.inside, owner.service) == (role, inside, "shop_web")


async def test_an_image_layer_belongs_to_all_that_stand_on_it(cluster: Cluster) -> None:
    (base,) = await owners(cluster, f"{ROOT}/overlay2/base1/diff/usr/bin")
    assert (base.kind, base.key, base.use, base.inside) == (Kind.LAYER, BASE, LayerUse.IMAGE, "/usr/bin")
    assert {brief.name for brief in base.containers} == {"shop_web.1.aaaa", "backup", "from-base"}
    assert base.images == ["nginx:1.27"]
    (top,) = await owners(cluster, f"{ROOT}/overlay2/top1")
    assert top.key == TOP
    assert {brief.name for brief in top.containers} == {"shop_web.1.aaaa", "backup"}
    assert "used by 2 containers on node node1.example" in top.sentence


async def test_a_leaked_layer_is_an_orphan(cluster: Cluster) -> None:
    (owner,) = await owners(cluster, f"{ROOT}/overlay2/leaked1/diff")
    assert owner.use is LayerUse.ORPHAN
    assert owner.containers == []
    assert owner.sentence.startswith("orphan:")


async def test_a_volume_has_an_owner_on_every_node_that_has_it(cluster: Cluster) -> None:
    both = await owners(cluster, f"{ROOT}/volumes/data/_data/db/file")
    assert [(owner.node, owner.kind, owner.key) for owner in both] == [
        ("node1", Kind.VOLUME, "data"),
        ("node2", Kind.VOLUME, "data"),
    ]
    seen = {brief.name: brief.inside for owner in both for brief in owner.containers}
    assert seen == {
        "shop_web.1.aaaa": "/data/db/file",
        "backup": "/backup/db/file",
        "other": "/elsewhere/db/file",
    }
    (one,) = await owners(cluster, f"{ROOT}/volumes/data/_data", node="node2")
    assert one.inside == "/elsewhere"


async def test_a_bind_owns_where_nothing_else_does(cluster: Cluster) -> None:
    answer = (await ask(cluster, "/srv/www/index.html")).answers[0]
    by_node = {owner.node: owner for owner in answer.owners}
    assert by_node["node1"].key == "/srv"
    assert {(brief.name, brief.inside) for brief in by_node["node1"].containers} == {
        ("shop_web.1.aaaa", "/srv/www/index.html"),
        ("backup", "/mnt/srv/www/index.html"),
    }
    assert by_node["node2"].key == "/"
    assert [(other.node, other.key) for other in answer.also_visible] == [("node1", "/")]


async def test_farther_ancestors_are_listed_on_the_owners_node_only(cluster: Cluster) -> None:
    answer = (await ask(cluster, f"{ROOT}/overlay2/{WEB.mount_id}/diff/etc")).answers[0]
    assert [owner.kind for owner in answer.owners] == [Kind.CONTAINER]
    assert [(other.node, other.key) for other in answer.also_visible] == [("node1", "/")]
    assert answer.also_visible[0].containers[0].inside == f"/host{ROOT}/overlay2/{WEB.mount_id}/diff/etc"
    assert answer.also_visible_total == 1


async def test_what_lies_in_a_data_root_and_is_nobodys_is_nobodys(cluster: Cluster) -> None:
    answer = (await ask(cluster, f"{ROOT}/overlay2/unknown/diff")).answers[0]
    assert answer.owners == []
    assert {other.node for other in answer.also_visible} == {"node1", "node2"}


async def test_a_data_root_in_a_volume_belongs_to_the_inner_engine(cluster: Cluster) -> None:
    inner = f"{ROOT}/volumes/data/_data/overlay2/inner1"
    nested = container(9, "nested", root=f"{ROOT}/volumes/data/_data", paths=(Place(inner, Role.WRITABLE, ("diff",)),))
    await cluster.open("node1", [nested])
    answer = (await ask(cluster, f"{inner}/diff/etc", node="node1")).answers[0]
    assert [owner.key for owner in answer.owners] == [nested.key]
    assert [(other.kind, other.key) for other in answer.also_visible] == [(Kind.VOLUME, "data"), (Kind.BIND, "/")]


async def test_a_bind_that_is_nearer_than_an_owner_elsewhere_owns_on_its_node(cluster: Cluster) -> None:
    around = f"{ROOT}/volumes/data/_data"
    nested = container(9, "nested", root=around, paths=(Place(f"{around}/overlay2/inner1", Role.WRITABLE, ("diff",)),))
    await cluster.open("node1", [nested])
    await cluster.node("node3", [bind(f"{around}/overlay2"), bind(f"{ROOT}/volumes")])
    answer = (await ask(cluster, f"{around}/overlay2/inner1/diff/etc")).answers[0]
    assert {(owner.node, owner.kind, owner.key) for owner in answer.owners} == {
        ("node1", Kind.CONTAINER, nested.key),
        ("node2", Kind.VOLUME, "data"),
        ("node3", Kind.BIND, f"{around}/overlay2"),
    }
    assert {(other.node, other.key) for other in answer.also_visible} == {
        ("node1", "data"),
        ("node1", "/"),
        ("node2", "/"),
    }


async def test_a_dataset_is_a_path_without_a_slash(cluster: Cluster) -> None:
    await cluster.open("node2", [container(8, "zfs", paths=(Place("tank/docker/8", Role.WRITABLE, (".",)),))])
    (owner,) = await owners(cluster, "tank/docker/8")
    assert (owner.name, owner.inside) == ("zfs", "/")
    (owner,) = await owners(cluster, "tank/docker/8/etc")
    assert owner.inside == "/etc"


async def test_many_paths_are_answered_in_their_order(cluster: Cluster) -> None:
    paths = [f"{ROOT}/overlay2/{one.mount_id}/diff" for one in (WEB, BACKUP, FROM_BASE)] + [
        "/nowhere",
        WEB.mount_id or "",
    ]
    answer = await ask(cluster, *paths, node="node1")
    assert [one.path for one in answer.answers] == paths
    assert [[owner.name for owner in one.owners] for one in answer.answers] == [
        ["shop_web.1.aaaa"],
        ["backup"],
        ["from-base"],
        ["/"],
        ["shop_web.1.aaaa"],
    ]


async def test_a_past_moment_names_the_owner_of_then(cluster: Cluster) -> None:
    old, mount_id = container(7, "old"), "0007" + "e" * 60
    begin, end = NOW - timedelta(minutes=40), NOW - timedelta(minutes=20)
    await cluster.open("node1", [old], at=begin, after=begin - timedelta(seconds=30))
    await cluster.close("node1", [old], at=end, after=end - timedelta(seconds=30))
    path = f"{ROOT}/overlay2/{mount_id}/diff/x"
    assert await owners(cluster, path) == []
    (owner,) = (await ask(cluster, path, at=(end - timedelta(minutes=1)).isoformat())).answers[0].owners
    assert (owner.name, owner.certain) == ("old", True)
    (owner,) = (await ask(cluster, path, at=(end - timedelta(seconds=1)).isoformat())).answers[0].owners
    assert owner.certain is False


async def test_a_removed_containers_path_still_has_its_last_owner(cluster: Cluster) -> None:
    old, mount_id = container(7, "old"), "0007" + "e" * 60
    begin, end = NOW - timedelta(minutes=40), NOW - timedelta(minutes=20)
    await cluster.open("node1", [old], at=begin, after=begin)
    await cluster.close("node1", [old], at=end, after=end - timedelta(seconds=30))
    path = f"{ROOT}/overlay2/{mount_id}/diff/x"
    (answer,) = (await ask(cluster, path)).answers
    assert answer.owners == []
    (last,) = answer.former
    assert (last.name, last.inside, last.node) == ("old", "/x", "node1")
    assert isinstance(last.ended, Bounds)
    assert last.ended.before == to_text(end)
    (then,) = (await ask(cluster, path, at=(end - timedelta(minutes=1)).isoformat())).answers
    assert ([one.name for one in then.owners], then.former) == (["old"], [])
    (bare,) = (await ask(cluster, mount_id)).answers
    assert [one.name for one in bare.former] == ["old"]
    again = container(8, "again", paths=old.paths)
    await cluster.open("node1", [again], at=NOW - timedelta(minutes=10), after=NOW - timedelta(minutes=10))
    (answer,) = (await ask(cluster, path)).answers
    assert ([one.name for one in answer.owners], answer.former) == (["again"], [])


async def test_a_volume_that_is_gone_says_who_mounted_it_last(cluster: Cluster) -> None:
    gone = volume("gone")
    user = container(9, "user", mounts=mounts(volumes={"gone": "/data"}))
    begin, end = NOW - timedelta(minutes=40), NOW - timedelta(minutes=20)
    await cluster.open("node1", [gone, user], at=begin, after=begin)
    await cluster.close("node1", [gone, user], at=end, after=end - timedelta(seconds=30))
    (answer,) = (await ask(cluster, f"{ROOT}/volumes/gone/_data/x")).answers
    assert [one.sentence for one in answer.former] == [
        "volume gone, mounted by user at /data on node node1.example: /data/x inside"
    ]


@pytest.mark.parametrize("path", ["", "/a\x00b", "/" + "x" * 65536])
async def test_what_is_no_path_is_refused(cluster: Cluster, path: str) -> None:
    with pytest.raises(ProblemError) as caught:
        await ask(cluster, path)
    assert caught.value.field == "path"


async def test_more_than_a_thousand_paths_are_refused(cluster: Cluster) -> None:
    with pytest.raises(ProblemError, match="1001 paths"):
        await ask(cluster, *["/x"] * 1001)


async def test_the_directory_around_the_layers_belongs_to_the_backend_and_nothing_below_it_does(
    cluster: Cluster,
) -> None:
    paths = (f"{ROOT}/overlay2", f"{ROOT}/overlay2/l/", f"{ROOT}/overlay2/{'9' * 64}")
    top, links, unknown = (await ask(cluster, *paths, node="node1")).answers
    assert {(one.role, one.key, one.inside) for one in (*top.owners, *links.owners)} == {
        (Role.BACKEND, "overlay2", None)
    }
    assert top.owners[0].sentence.startswith("directory of the storage backend overlay2 itself, around its layers, on")
    assert unknown.owners == []


async def test_a_host_directory_that_a_container_mounts_twice_is_seen_twice(cluster: Cluster) -> None:
    twice = container(77, "twice")
    both = (
        Mount(type="bind", source="/opt/twice", destination="/a"),
        Mount(type="bind", source="/opt/twice", destination="/b"),
    )
    await cluster.open("node1", [msgspec.structs.replace(twice, mounts=both), bind("/opt/twice")])
    (only,) = await owners(cluster, "/opt/twice/x", node="node1")
    assert [brief.inside for brief in only.containers] == ["/a/x", "/b/x"]
    assert (only.inside, only.containers_total) == (None, 1)
