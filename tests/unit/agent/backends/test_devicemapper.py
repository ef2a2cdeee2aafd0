"""devicemapper: the layer store says which layers, records which devices, status or mounts how those are called."""

import json
import os
import shutil
from pathlib import Path

import pytest

from agent.backends import discover
from agent.backends.base import DataRoot
from agent.backends.devicemapper import DeviceMapper
from agent.backends.mountinfo import MountTable
from agent.backends.unclaimed import Moment
from mountbook.local.dataroots import BuiltRoot, ContainerSpec, DataRootSpec, ImageSpec, build
from protocol.entries import LayerUse, PathKind, Place, ResolvedBy, Role

HOST = "/var/lib/docker"
PREFIX = "docker-253:1-1234"
LATER = Moment(4e9)
NONE: frozenset[str] = frozenset()
STATUS = {"Pool Name": f"{PREFIX}-pool", "Driver": "devicemapper"}


@pytest.fixture
def built(tmp_path: Path) -> BuiltRoot:
    """A data root of vfs, whose layer store devicemapper has too, with a record for every device."""
    image = ImageSpec(name="web:2", layers=({"bin/sh": "#!"}, {"srv/index": "hello"}))
    containers = (ContainerSpec(name="one", image="web:2"),)
    found = build(tmp_path / "docker", DataRootSpec(driver="vfs", images=(image,), containers=containers))
    (found.path / "image/vfs").rename(found.path / "image/devicemapper")
    metadata = found.path / "devicemapper/metadata"
    metadata.mkdir(parents=True)
    names = [*(path.name for path in (found.path / "vfs/dir").iterdir()), "base"]
    for number, name in enumerate(names):
        record = {"device_id": number, "size": 10737418240, "transaction_id": 1, "initialized": False}
        (metadata / name).write_text(json.dumps(record))
    for name in ("deviceset-metadata", "transaction-metadata"):
        (metadata / name).write_text("{}")
    shutil.rmtree(found.path / "vfs")
    return found


def reader(
    built: BuiltRoot,
    table: str = "",
    status: dict[str, str] | None = None,
    *,
    live: bool = False,
    moment: Moment = LATER,
    claimed: frozenset[str] | None = NONE,
) -> DeviceMapper:
    root = DataRoot(str(built.path), HOST)
    return DeviceMapper(root, lambda: claimed, MountTable(table.encode()), status or {}, moment, live=live)


@pytest.mark.parametrize("told", ["status", "mount"])
def test_a_container_is_a_device(built: BuiltRoot, told: str) -> None:
    one = built.container("one")
    mnt = f"{built.path}/devicemapper/mnt/{one.mount_id}"
    table = f"5 1 253:9 / {mnt} rw - xfs /dev/mapper/{PREFIX}-{one.mount_id} rw\n"
    found = (reader(built, status=STATUS) if told == "status" else reader(built, table)).resolve(one.container_id)
    assert found is not None
    assert (found.diff_path, found.path_kind) == (f"/dev/mapper/{PREFIX}-{one.mount_id}", PathKind.BLOCK_DEVICE)
    assert (found.mount_id, found.init_id, found.parent_chain_id) == (one.mount_id, one.init_id, one.parent)
    assert (found.resolved_by, found.reason) == (ResolvedBy.LAYERDB, "")
    assert Place(f"{HOST}/devicemapper/mnt/{one.mount_id}", Role.MOUNT, ("rootfs",)) in found.paths
    assert Place(f"{HOST}/devicemapper/metadata/{one.mount_id}", Role.METADATA) in found.paths


def test_on_the_machine_itself_the_directory_tells_what_the_devices_are_called(built: BuiltRoot) -> None:
    one = built.container("one")
    home = os.stat(built.path / "devicemapper")
    name = f"docker-{os.major(home.st_dev)}:{os.minor(home.st_dev)}-{home.st_ino}"
    found = reader(built, live=True).resolve(one.container_id)
    assert found is not None
    assert found.diff_path == f"/dev/mapper/{name}-{one.mount_id}"


def test_a_copy_of_the_disk_does_not_tell_it(built: BuiltRoot) -> None:
    found = reader(built).resolve(built.container("one").container_id)
    assert found is not None
    assert (found.resolved_by, found.diff_path) == (ResolvedBy.UNRESOLVED, None)
    assert "of a thin pool; its name is not known" in found.reason


@pytest.mark.parametrize(
    ("record", "what"), [(None, "is missing"), ("not json", "cannot be used"), ('{"device_id": "x"}', "cannot be used")]
)
def test_a_record_that_cannot_be_used_is_a_reason(built: BuiltRoot, record: str | None, what: str) -> None:
    one = built.container("one")
    path = built.path / "devicemapper/metadata" / one.mount_id
    path.unlink()
    if record is not None:
        path.write_text(record)
    found = reader(built, status=STATUS).resolve(one.container_id)
    assert found is not None
    assert (found.resolved_by, found.diff_path) == (ResolvedBy.UNRESOLVED, None)
    assert what in found.reason


def test_image_layers_are_devices_and_the_drivers_own_records_are_none(built: BuiltRoot) -> None:
    layers = {layer.key: layer for layer in reader(built, status=STATUS).layers()}
    image = built.images["web:2"]
    assert set(layers) == set(image.layers)
    assert [layers[key].diff_path for key in image.layers] == [f"/dev/mapper/{PREFIX}-{one}" for one in image.cache_ids]
    assert [one.layers for one in reader(built, status=STATUS).images()] == [image.layers]


def test_a_device_that_nothing_names_is_an_orphan_once_it_is_old(built: BuiltRoot) -> None:
    (built.path / "devicemapper/metadata/left-over").write_text('{"device_id": 99, "size": 1}')

    def use(moment: Moment = LATER, claimed: frozenset[str] | None = NONE) -> tuple[LayerUse, str | None]:
        found = reader(built, status=STATUS, moment=moment, claimed=claimed).layers()
        (left,) = [layer for layer in found if layer.cache_id == "left-over"]
        return left.use, left.diff_path

    device = f"/dev/mapper/{PREFIX}-left-over"
    assert use() == (LayerUse.ORPHAN, device)
    assert use(Moment(0.0)) == (LayerUse.UNCLAIMED, device)
    assert use(claimed=frozenset({"left-over"})) == (LayerUse.BUILD_CACHE, device)
    assert use(claimed=None) == (LayerUse.UNCLAIMED, device)


def test_the_driver_is_found_by_its_layer_store(built: BuiltRoot) -> None:
    (disk,) = discover.look(HOST, local=str(built.path), driver="devicemapper", status=STATUS)
    assert [type(one) for one in disk.readers] == [DeviceMapper]
