"""The containerd image store: containers resolved from its databases and the mount table, and whose the rest is."""

import json
import os
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.backends import containerd_roots
from agent.backends.base import BackendReader, DataRoot, Problems, Resolution
from agent.backends.containerd_db import ACTIVE, uvarint
from agent.backends.discover import look
from agent.backends.mountinfo import MountTable
from agent.backends.unclaimed import Moment
from agent.inventory import take
from protocol.entries import Kind, Layer, LayerUse, PathKind, ResolvedBy, Role
from tests.unit.agent.backends.bolt_writer import Style, meta_page
from tests.unit.agent.backends.image_store import ImageStore

HOST = "/var/lib/docker"
ONE, TWO, THREE = ("1" * 64, "2" * 64, "3" * 64)
LATER = Moment(4e9)
"""Long after any tree was made: every grace period is over."""
KINDS = {"overlayfs": PathKind.DIFF, "native": PathKind.FULL_VIEW, "btrfs": PathKind.FULL_VIEW}


def filled(data_root: Path, snapshotter: str = "overlayfs", **options: object) -> ImageStore:
    store = ImageStore(data_root, snapshotter, **options)  # type: ignore[arg-type]
    base = store.image("docker.io/library/base:1", ["a"])
    web = store.image("docker.io/library/web:2", ["a", "b", "c"])
    store.container(ONE, base)
    store.container(TWO, web)
    store.container(THREE, web)
    return store


def readers(store: ImageStore, mounts: str = "", moment: Moment = LATER, **options: object) -> list[BackendReader]:
    root = DataRoot(str(store.data_root), HOST)
    return containerd_roots.readers(root, Problems(), MountTable(mounts.encode()), moment, **options)  # type: ignore[arg-type]


def reader(store: ImageStore, mounts: str = "", moment: Moment = LATER) -> BackendReader:
    (found,) = readers(store, mounts, moment)
    return found


def resolved(store: ImageStore, container: str, mounts: str = "") -> Resolution:
    found = reader(store, mounts).resolve(container)
    assert found is not None
    return found


def layers(store: ImageStore, moment: Moment = LATER) -> dict[str, Layer]:
    return {layer.cache_id: layer for layer in reader(store, moment=moment).layers()}


def overlay(store: ImageStore, container: str, upper: str, lower: str) -> str:
    home = f"{HOST}/containerd/daemon/io.containerd.snapshotter.v1.overlayfs/snapshots"
    point = f"{store.data_root}/rootfs/overlayfs/{container}"
    return f"9 1 0:39 / {point} rw - overlay overlay rw,lowerdir={home}/{lower}/fs:/x,upperdir={home}/{upper}/fs\n"


@pytest.mark.parametrize("snapshotter", KINDS)
def test_every_container_is_resolved_from_the_databases(tmp_path: Path, snapshotter: str) -> None:
    store = filled(tmp_path, snapshotter)
    store.write()
    assert reader(store).container_ids() == [ONE, TWO, THREE]
    for container in (ONE, TWO, THREE):
        found = resolved(store, container)
        assert (found.mount_id, found.init_id) == (store.number(container), store.number(f"{container}-init"))
        assert found.parent_chain_id == store.names[f"{container}-init"]["parent"].decode()  # type: ignore[attr-defined]
        assert found.resolved_by == ResolvedBy.SNAPSHOT_DB
        assert found.path_kind == KINDS[snapshotter]
        assert found.reason == ""
        assert found.diff_path is not None
        assert os.path.isdir(found.diff_path.replace(HOST, str(tmp_path)))
        roles = {place.role for place in found.paths}
        assert roles == {Role.WRITABLE, Role.INIT, Role.MOUNT}


def test_a_container_nobody_wrote_down_is_unknown(tmp_path: Path) -> None:
    store = filled(tmp_path)
    store.write()
    assert reader(store).resolve("f" * 64) is None


def test_the_mount_of_a_running_container_agrees_with_the_databases(tmp_path: Path) -> None:
    store = filled(tmp_path)
    store.write()
    found = resolved(store, ONE, overlay(store, ONE, store.number(ONE), store.number(f"{ONE}-init")))
    assert found.resolved_by == ResolvedBy.MOUNTINFO
    assert found.diff_path == f"{HOST}/containerd/daemon/io.containerd.snapshotter.v1.overlayfs/snapshots/3/fs".replace(
        "/3/", f"/{store.number(ONE)}/"
    )


def test_a_mount_on_another_snapshot_is_a_contradiction(tmp_path: Path) -> None:
    store = filled(tmp_path)
    store.write()
    for upper, lower in ((store.number(TWO), store.number(f"{ONE}-init")), (store.number(ONE), store.number(TWO))):
        found = resolved(store, ONE, overlay(store, ONE, upper, lower))
        assert found.resolved_by == ResolvedBy.UNRESOLVED
        assert found.diff_path is None
        assert found.reason


def test_a_running_container_is_found_though_the_databases_cannot_be_read(tmp_path: Path) -> None:
    store = filled(tmp_path)
    store.write()
    store.meta.write_bytes(b"\0" * 9000)
    (found,) = readers(store, overlay(store, ONE, "37", "36"), driver="overlayfs")
    running, stopped = found.resolve(ONE), found.resolve(TWO)
    assert running is not None
    assert (running.mount_id, running.init_id, running.resolved_by) == ("37", "36", ResolvedBy.MOUNTINFO)
    assert stopped is not None
    assert stopped.resolved_by == ResolvedBy.UNRESOLVED
    assert "no bbolt database" in stopped.reason
    assert found.problems.incomplete >= {Kind.CONTAINER, Kind.LAYER}
    assert list(found.layers()) == []


def test_a_native_snapshot_is_seen_in_the_mount_by_its_directory(tmp_path: Path) -> None:
    store = filled(tmp_path, "native")
    store.write()
    home = "/disk/docker/containerd/daemon/io.containerd.snapshotter.v1.native/snapshots"
    line = f"9 1 254:0 {home}/{{}} {tmp_path}/rootfs/native/{ONE} rw - ext4 /dev/vda rw\n"
    assert resolved(store, ONE, line.format(store.number(ONE))).resolved_by == ResolvedBy.MOUNTINFO
    assert resolved(store, ONE, line.format("99")).resolved_by == ResolvedBy.UNRESOLVED


def test_a_zfs_snapshot_is_a_dataset(tmp_path: Path) -> None:
    store = filled(tmp_path, "zfs")
    store.write()
    table = f"5 1 0:40 / {store.home} rw - zfs tank/containerd rw\n"
    found = resolved(store, ONE, table)
    assert (found.diff_path, found.path_kind) == (f"tank/containerd/{store.number(ONE)}", PathKind.DATASET)
    running = f"{table}6 1 0:41 / {tmp_path}/rootfs/zfs/{ONE} rw - zfs tank/containerd/{store.number(ONE)} rw\n"
    assert resolved(store, ONE, running).resolved_by == ResolvedBy.MOUNTINFO
    without = resolved(store, ONE)
    assert (without.resolved_by, without.diff_path) == (ResolvedBy.UNRESOLVED, None)
    assert "no ZFS dataset" in without.reason


@pytest.mark.parametrize("name", ["stargz", "erofs", "blockfile", "devmapper", "soci-fuse"])
def test_an_unknown_snapshotter_is_named_and_its_running_containers_are_found(tmp_path: Path, name: str) -> None:
    store = ImageStore(tmp_path, name)
    store.container(ONE, store.image("docker.io/library/base:1", ["a"]))
    store.write_databases()
    (found,) = readers(store)
    assert (found.name, found.container_ids()) == (name, [ONE])
    stopped = found.resolve(ONE)
    assert stopped is not None
    assert (stopped.backend, stopped.resolved_by) == (name, ResolvedBy.UNRESOLVED)
    assert f"the snapshotter {name} is not known here" in stopped.reason
    assert any(name in problem for problem in found.problems.sentences)
    mount = f"9 1 0:39 / {tmp_path}/rootfs/{name}/{ONE} rw - overlay x rw,lowerdir=/a,upperdir=/soci/7/fs\n"
    running = readers(store, mount)[0].resolve(ONE)
    assert running is not None
    assert (running.diff_path, running.resolved_by) == ("/soci/7/fs", ResolvedBy.MOUNTINFO)
    assert found.resolve(TWO) is None
    assert list(found.layers()) == []
    assert list(found.images()) == []


def test_a_systems_containerd_beside_the_data_root_is_found(tmp_path: Path) -> None:
    store = filled(tmp_path / "docker", root=tmp_path / "containerd")
    store.write()
    found = resolved(store, TWO)
    assert found.diff_path is not None
    assert found.diff_path.startswith("/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/")


def test_a_containerd_elsewhere_is_found_when_it_is_named(tmp_path: Path) -> None:
    store = filled(tmp_path / "docker", root=tmp_path / "far/away")
    store.write()
    assert readers(store) == []
    (found,) = readers(store, system=DataRoot(str(tmp_path / "far/away"), "/far/away"))
    resolution = found.resolve(ONE)
    assert resolution is not None
    assert resolution.diff_path is not None
    assert resolution.diff_path.startswith("/far/away/io.containerd")


def test_other_clients_of_containerd_are_not_the_engines(tmp_path: Path) -> None:
    store = filled(tmp_path, namespace="k8s.io")
    store.write()
    assert readers(store) == []


def test_an_engine_with_remapped_users_has_a_namespace_of_its_own(tmp_path: Path) -> None:
    store = filled(tmp_path, namespace="moby-100000.100000")
    store.write()
    (tmp_path / "100000.100000/containers" / ONE).mkdir(parents=True)
    outer, inner = look(HOST, local=str(tmp_path))
    assert outer.readers == ()
    (found,) = inner.readers
    assert found.container_ids() == [ONE]


def test_two_stores_of_one_snapshotter_do_not_share_keys(tmp_path: Path) -> None:
    own, system = (
        ImageStore(tmp_path / "docker", root=tmp_path / root) for root in ("docker/containerd/daemon", "containerd")
    )
    for store in (own, system):
        store.snapshot("nobody")
        store.write()
    found = [layer.key for one in readers(own) for layer in one.layers()]
    assert found == ["overlayfs/1", "overlayfs//var/lib/containerd/1"]


# What contradicts itself is never an answer.


def spoil_number(store: ImageStore) -> None:
    store.numbers[store.name(ONE)]["id"] = store.numbers[store.name(TWO)]["id"]


def spoil_far_number(store: ImageStore) -> None:
    store.numbers[store.name(ONE)]["id"] = b"\xff\x7f"


def spoil_no_number(store: ImageStore) -> None:
    store.numbers[store.name(ONE)]["id"] = b"\x80"


def spoil_kind(store: ImageStore) -> None:
    store.numbers[store.name(ONE)]["kind"] = b"\x03"


def spoil_name(store: ImageStore) -> None:
    store.names[ONE]["name"] = store.names[TWO]["name"]


def spoil_parent_key(store: ImageStore) -> None:
    store.names[ONE]["parent"] = f"{TWO}-init".encode()


def spoil_parent_name(store: ImageStore) -> None:
    store.numbers[store.name(ONE)]["parent"] = store.name(f"{TWO}-init").encode()


def spoil_link(store: ImageStore) -> None:
    store.links = {link: name for link, name in store.links.items() if name != store.name(ONE).encode()}


def spoil_init(store: ImageStore) -> None:
    del store.names[f"{ONE}-init"]


def spoil_record(store: ImageStore) -> None:
    del store.numbers[store.name(f"{ONE}-init")]


@pytest.mark.parametrize(
    "spoil",
    [
        spoil_number,
        spoil_far_number,
        spoil_no_number,
        spoil_kind,
        spoil_name,
        spoil_parent_key,
        spoil_parent_name,
        spoil_link,
        spoil_init,
        spoil_record,
    ],
)
def test_records_that_contradict_each_other_are_unresolved_with_a_reason(tmp_path: Path, spoil: object) -> None:
    store = filled(tmp_path)
    store.write()
    assert callable(spoil)
    spoil(store)
    store.write_databases()
    found = resolved(store, ONE)
    assert found.resolved_by == ResolvedBy.UNRESOLVED
    assert found.diff_path is None
    assert found.reason
    assert resolved(store, THREE).resolved_by == ResolvedBy.SNAPSHOT_DB


def test_a_directory_that_is_gone_is_a_reason(tmp_path: Path) -> None:
    store = filled(tmp_path)
    store.write()
    (store.home / "snapshots" / store.number(ONE) / "fs").rmdir()
    (store.home / "snapshots" / store.number(ONE)).rmdir()
    found = resolved(store, ONE)
    assert (found.resolved_by, found.diff_path) == (ResolvedBy.UNRESOLVED, None)
    assert "is gone" in found.reason


# Whose the rest is.


def test_image_layers_are_keyed_by_their_chain_and_know_what_they_stand_on(tmp_path: Path) -> None:
    store = filled(tmp_path)
    store.write()
    found = list(reader(store).layers())
    assert {layer.use for layer in found} == {LayerUse.IMAGE}
    assert [layer.key for layer in found] == [key for key in store.names if key.startswith("sha256:")]
    assert [layer.parent for layer in found] == ["", found[0].key, found[1].key]
    assert all(layer.diff_path and layer.diff_path.endswith(f"/{layer.cache_id}/fs") for layer in found)


def test_images_have_their_names_layers_and_platform(tmp_path: Path) -> None:
    store = filled(tmp_path)
    store.image("moby-dangling@sha256:0", ["z"])
    store.image("registry.example:5000/team/tool:3", ["a"], platform="linux/arm64")
    store.write()
    found = {image.tags: image for image in reader(store).images()}
    assert set(found) == {("base:1",), ("web:2",), (), ("registry.example:5000/team/tool:3",)}
    web = found["web:2",]
    assert web.digests == (f"web@{web.key}",)
    assert web.platform == "linux/amd64"
    assert web.created_at == "2026-01-05T08:00:00Z"
    assert set(web.layers) <= {layer.key for layer in reader(store).layers()}
    tool = found["registry.example:5000/team/tool:3",]
    assert tool.digests == (f"registry.example:5000/team/tool@{tool.key}",)
    assert tool.platform == "linux/arm64"


def test_of_an_image_of_several_platforms_the_unpacked_one_counts(tmp_path: Path) -> None:
    store = filled(tmp_path)
    here, there = store.image("x", ["a", "here"], named=False), store.image("x", ["there"], named=False)
    missing = "sha256:" + "0" * 64
    del store.names[store.top(there)]
    store.numbers = {store.name(key): store.numbers[store.name(key)] for key in store.names}
    proof = {"digest": there, "annotations": {"vnd.docker.reference.type": "attestation-manifest"}}
    index = {"manifests": [proof, {"digest": missing}, {"digest": there}, {"digest": here}]}
    store.images["docker.io/library/many:1"] = store.blob(json.dumps(index).encode())
    store.write()
    (many,) = [image for image in reader(store).images() if image.tags == ("many:1",)]
    assert many.layers[-1] == store.top(here)


@pytest.mark.parametrize(
    ("data", "what"), [(b"{}", "holds something else"), (None, "not in the content store"), (b"x" * 9_000_000, "more")]
)
def test_an_image_whose_content_is_damaged_is_listed_with_a_reason(
    tmp_path: Path, data: bytes | None, what: str
) -> None:
    store = filled(tmp_path)
    store.write()
    blob = (
        store.root
        / "io.containerd.content.v1.content/blobs/sha256"
        / store.images["docker.io/library/web:2"].removeprefix("sha256:")
    )
    blob.unlink()
    if data is not None:
        blob.write_bytes(data)
    one = reader(store)
    found = {image.tags: image for image in one.images()}
    assert what in found["web:2",].reason
    assert found["web:2",].layers == ()
    assert found["base:1",].reason == ""
    assert len(one.problems.sentences) == 1


def test_build_cache_leases_labels_and_other_clients_are_no_orphans(tmp_path: Path) -> None:
    store = filled(tmp_path)
    cached = store.cache("abcdefghijklmnopqrstuvwxy", store.top(store.images["docker.io/library/base:1"]))
    store.leases["abcdefghijklmnopqrstuvwxy-view"] = ["abcdefghijklmnopqrstuvwxy-view"]
    view = store.snapshot("abcdefghijklmnopqrstuvwxy-view", "abcdefghijklmnopqrstuvwxy")
    leaving = store.snapshot("abcdefghijklmnopqrstuvwxy-variants", "abcdefghijklmnopqrstuvwxy")
    pulling = store.snapshot("extract-1234 sha256:x")
    store.leases["pull"] = ["extract-1234 sha256:x"]
    rooted = store.snapshot("kept")
    store.labels["kept"] = {"containerd.io/gc.root": b"yes"}
    below = store.snapshot("below")
    above = store.snapshot("above", "below")
    other = store.snapshot("pod")
    store.numbers["k8s.io/9/pod"] = store.numbers.pop(store.name("pod"))
    del store.names["pod"]
    nobody = store.snapshot("nobody's")
    store.write()
    found = layers(store)
    uses = {number: layer.use for number, layer in found.items() if not layer.key.startswith("sha256:")}
    assert uses == {
        cached: LayerUse.BUILD_CACHE,
        view: LayerUse.BUILD_CACHE,
        leaving: LayerUse.BUILD_CACHE,
        pulling: LayerUse.UNCLAIMED,
        rooted: LayerUse.UNCLAIMED,
        below: LayerUse.UNCLAIMED,
        above: LayerUse.ORPHAN,
        other: LayerUse.UNCLAIMED,
        nobody: LayerUse.ORPHAN,
    }
    assert found[nobody].key == f"overlayfs/{nobody}"
    assert "k8s.io" in found[other].evidence
    assert {layer.use for layer in layers(store, Moment(0.0)).values()} == {
        LayerUse.IMAGE,
        LayerUse.BUILD_CACHE,
        LayerUse.UNCLAIMED,
    }


def test_what_a_container_stands_on_stays_an_image_layer_without_its_image(tmp_path: Path) -> None:
    store = filled(tmp_path)
    del store.images["docker.io/library/web:2"]
    store.leases.clear()
    store.write()
    found = layers(store)
    assert {layer.use for layer in found.values()} == {LayerUse.IMAGE}
    assert found["2"].key == "sha256:" + found["2"].key.removeprefix("sha256:")


def test_a_removed_containers_snapshots_are_no_container_any_more(tmp_path: Path) -> None:
    store = filled(tmp_path)
    store.write()
    (tmp_path / "containers" / ONE).rmdir()
    one = reader(store)
    assert one.container_ids() == [TWO, THREE]
    use = {layer.cache_id: layer.use for layer in one.layers()}
    assert use[store.number(ONE)] == use[store.number(f"{ONE}-init")] == LayerUse.UNCLAIMED
    del store.leases[ONE], store.containers[ONE]
    store.write_databases()
    use = {number: layer.use for number, layer in layers(store).items()}
    assert use[store.number(ONE)] == LayerUse.ORPHAN
    assert use[store.number(f"{ONE}-init")] == LayerUse.UNCLAIMED


def test_a_reference_that_leads_nowhere_keeps_everything_from_being_called_an_orphan(tmp_path: Path) -> None:
    store = filled(tmp_path)
    nobody = store.snapshot("nobody's")
    store.images["docker.io/library/web:2"] = "sha256:" + "0" * 64
    store.write()
    layer = layers(store)[nobody]
    assert layer.use == LayerUse.UNCLAIMED
    assert "content of the image docker.io/library/web:2 is missing" in layer.evidence


@pytest.mark.parametrize(("snapshotter", "left"), [("overlayfs", LayerUse.REMOVING), ("native", LayerUse.ORPHAN)])
def test_directories_that_the_records_do_not_name(tmp_path: Path, snapshotter: str, left: LayerUse) -> None:
    store = filled(tmp_path, snapshotter)
    store.last += 1
    gone = str(store.last)
    store.write()
    for name in (gone, "999", "new-123", "rm-5"):
        (store.home / "snapshots" / name).mkdir()
    use = {number: layer.use for number, layer in layers(store).items()}
    assert [use[name] for name in (gone, "999", "new-123", "rm-5")] == [left, left, left, LayerUse.REMOVING]
    use = {number: layer.use for number, layer in layers(store, Moment(0.0)).items()}
    assert use["new-123"] == use["999"] == LayerUse.UNCLAIMED


def test_views_of_native_have_no_directory_and_are_no_layer(tmp_path: Path) -> None:
    store = filled(tmp_path, "native")
    base = store.top(store.images["docker.io/library/base:1"])
    view = store.snapshot("v", base, kind=b"\x01")
    store.leases["v"] = ["v"]
    store.write_databases()
    assert view not in layers(store)


# Nothing of a container's secrets, and no harm from damage.


def test_no_environment_variable_is_in_anything_that_is_reported(tmp_path: Path) -> None:
    store = filled(tmp_path)
    store.containers[ONE] = json.dumps({"process": {"env": ["TOKEN=hunter2"]}}).encode() * 400
    store.containers[TWO] = b'{"process":{"env":["TOKEN=hunter2"]}}'
    store.write()
    found = take(look(HOST, local=str(tmp_path), driver="overlayfs"), None)
    assert len(found.entries) == 3 + 3 + 2
    assert "hunter2" not in repr(found)


def test_the_inventory_of_a_node_on_the_image_store_is_complete(tmp_path: Path) -> None:
    store = filled(tmp_path)
    store.write()
    found = take(look(HOST, local=str(tmp_path), driver="overlayfs"), None)
    assert found.complete == dict.fromkeys(Kind, True)
    assert [(backend.name, backend.type, backend.current) for backend in found.backends] == [
        ("overlayfs", "snapshotter", True)
    ]


@pytest.mark.parametrize("file", ["meta", "metadata"])
@pytest.mark.parametrize(
    ("data", "what"),
    [
        (None, "is missing"),
        (b"", "is empty"),
        (b"\0" * 5000, "no bbolt database"),
        (meta_page(0, 4096, 3, 90, 1).ljust(8192, b"\0"), "is truncated"),
        (meta_page(0, 4096, 3, 4, 1, version=3).ljust(16384, b"\0"), "format version 3"),
    ],
)
def test_a_database_that_cannot_be_used_is_a_problem_and_removes_nothing(
    tmp_path: Path, file: str, data: bytes | None, what: str
) -> None:
    store = filled(tmp_path)
    store.write()
    database = store.meta if file == "meta" else store.home / "metadata.db"
    database.unlink()
    if data is not None:
        database.write_bytes(data)
    problems = Problems()
    root = DataRoot(str(tmp_path), HOST)
    found = containerd_roots.readers(root, problems, MountTable(), LATER, driver="overlayfs")
    if file == "meta" and data is None:
        assert found == []
        return
    assert [one.resolve(ONE) for one in found] != []
    (one,) = found
    resolution = one.resolve(ONE)
    assert resolution is not None
    assert what in resolution.reason
    assert list(one.layers()) == []
    assert one.problems.incomplete >= {Kind.CONTAINER, Kind.LAYER}
    assert any(what in sentence for sentence in one.problems.sentences)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 1 << 32).map(random.Random),
    st.sampled_from((Style(page_size=1024), Style(), Style(page_size=1024, fill=0.2, inline=False))),
)
def test_damaged_databases_give_the_right_answer_or_none(dice: random.Random, style: Style) -> None:
    """Any answer that is given is the true one; and nothing that an image or container needs is called an orphan."""
    with tempfile.TemporaryDirectory() as folder:
        store = filled(Path(folder))
        store.cache("abcdefghijklmnopqrstuvwxy")
        store.write(style)
        truth = {container: resolved(store, container) for container in (ONE, TWO, THREE)}
        for path in (store.meta, store.home / "metadata.db"):
            file = bytearray(path.read_bytes())
            for _ in range(dice.randint(0, 4)):
                at = dice.randrange(len(file))
                # Half of the time where structure is: at the beginning of a page.
                at = at if dice.random() < 0.5 else at // style.page_size * style.page_size + dice.randrange(200)
                file[at % len(file)] = dice.choice((0, 1, 2, 0xFF, dice.randrange(256)))
            path.write_bytes(file)
        for one in readers(store, driver="overlayfs"):
            for container in {*one.container_ids(), *truth} & truth.keys():
                found = one.resolve(container)
                if found is not None and found.resolved_by != ResolvedBy.UNRESOLVED:
                    assert (found.mount_id, found.diff_path) == (truth[container].mount_id, truth[container].diff_path)
                    assert found.init_id in {truth[container].init_id, None}
                elif found is not None:
                    assert found.reason
            list(one.layers())
            list(one.images())


def test_numbers_are_read_as_go_writes_them() -> None:
    for number, raw in ((0, b"\x00"), (1, b"\x01"), (127, b"\x7f"), (128, b"\x80\x01"), (300, b"\xac\x02")):
        assert uvarint(raw) == number
    for raw in (b"", b"\x80", b"\x01\x02", b"\x80" * 10 + b"\x01"):
        assert uvarint(raw) is None
    assert ACTIVE == b"\x02"
