"""zfs: the layer store says which layers, the driver's status or the mount table on which dataset they are."""

import shutil
from pathlib import Path

import pytest

from agent.backends import discover
from agent.backends.base import DataRoot
from agent.backends.mountinfo import MountTable
from agent.backends.unclaimed import Moment
from agent.backends.zfs import Zfs
from mountbook.local.dataroots import BuiltRoot, ContainerSpec, DataRootSpec, ImageSpec, build
from protocol.entries import LayerUse, PathKind, Place, ResolvedBy, Role

HOST = "/var/lib/docker"
STATUS = {"Zpool": "tank", "Parent Dataset": "tank/docker"}


@pytest.fixture
def built(tmp_path: Path) -> BuiltRoot:
    """A data root of vfs, whose layer store zfs has too."""
    image = ImageSpec(name="web:2", layers=({"bin/sh": "#!"}, {"srv/index": "hello"}))
    containers = (ContainerSpec(name="one", image="web:2"),)
    found = build(tmp_path / "docker", DataRootSpec(driver="vfs", images=(image,), containers=containers))
    (found.path / "image/vfs").rename(found.path / "image/zfs")
    shutil.rmtree(found.path / "vfs")
    (found.path / "zfs/graph").mkdir(parents=True)
    return found


def zfs(built: BuiltRoot, table: str = "", status: dict[str, str] | None = None) -> Zfs:
    root = DataRoot(str(built.path), HOST)
    return Zfs(root, frozenset, MountTable(table.encode()), status or {}, Moment(4e9))


@pytest.mark.parametrize("told", ["status", "table"])
def test_a_container_is_a_dataset_and_its_mount_point_need_not_exist(built: BuiltRoot, told: str) -> None:
    one = built.container("one")
    table = f"5 1 0:40 / {built.path} rw - zfs tank/docker rw\n"
    reader = zfs(built, status=STATUS) if told == "status" else zfs(built, table)
    assert reader.container_ids() == [one.container_id]
    found = reader.resolve(one.container_id)
    assert found is not None
    assert (found.diff_path, found.path_kind) == (f"tank/docker/{one.mount_id}", PathKind.DATASET)
    assert (found.mount_id, found.init_id, found.parent_chain_id) == (one.mount_id, one.init_id, one.parent)
    assert (found.resolved_by, found.reason) == (ResolvedBy.LAYERDB, "")
    assert found.paths[:2] == (
        Place(f"tank/docker/{one.mount_id}", Role.WRITABLE),
        Place(f"tank/docker/{one.init_id}", Role.INIT),
    )
    assert Place(f"{HOST}/zfs/graph/{one.mount_id}", Role.MOUNT, (".",)) in found.paths


def test_without_the_name_of_its_parent_a_dataset_is_unresolved(built: BuiltRoot) -> None:
    one = built.container("one")
    found = zfs(built, f"5 1 254:0 / {built.path} rw - ext4 /dev/sda1 rw\n").resolve(one.container_id)
    assert found is not None
    assert (found.resolved_by, found.diff_path, found.mount_id) == (ResolvedBy.UNRESOLVED, None, one.mount_id)
    assert f"{HOST}/zfs is on no ZFS" in found.reason
    assert [layer.diff_path for layer in zfs(built).layers()] == [None, None]


def test_image_layers_are_datasets_too(built: BuiltRoot) -> None:
    layers = {layer.key: layer for layer in zfs(built, status=STATUS).layers()}
    image = built.images["web:2"]
    assert [layers[key].diff_path for key in image.layers] == [f"tank/docker/{name}" for name in image.cache_ids]
    assert all(layer.use == LayerUse.IMAGE for layer in layers.values())
    assert [one.layers for one in zfs(built, status=STATUS).images()] == [image.layers]


def test_a_mount_point_that_nothing_names_is_a_directory(built: BuiltRoot) -> None:
    (built.path / "zfs/graph/left-over").mkdir()
    (left,) = [layer for layer in zfs(built, status=STATUS).layers() if layer.use != LayerUse.IMAGE]
    assert (left.use, left.diff_path) == (LayerUse.ORPHAN, f"{HOST}/zfs/graph/left-over")


def test_the_driver_is_found_by_its_layer_store(built: BuiltRoot) -> None:
    (disk,) = discover.look(HOST, local=str(built.path), driver="zfs", status=STATUS)
    (reader,) = disk.readers
    assert isinstance(reader, Zfs)
    assert disk.problems.sentences == []
