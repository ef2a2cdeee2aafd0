"""The containerd image store: containers resolved from its databases and the mount table."""

import os
from pathlib import Path

import pytest

from agent.backends.base import DataRoot
from agent.backends.discover import look
from protocol.entries import Kind, PathKind, ResolvedBy, Role
from tests.unit.agent.backends.image_store import ImageStore
from tests.unit.agent.backends.stored import HOST, KINDS, ONE, THREE, TWO, filled, overlay, reader, readers, resolved


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
