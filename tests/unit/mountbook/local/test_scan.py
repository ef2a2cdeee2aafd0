"""``scan``: every container of a data root on disk, and a sentence for what is none."""

import os
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from mountbook.errors import UserError
from mountbook.local.dataroots import DRIVERS, ContainerSpec, DataRootSpec, ImageSpec, VolumeSpec, build
from mountbook.local.scan import scan
from protocol.entries import PathKind
from tests.unit.mountbook.local.users import ordinary_user

IMAGE = ImageSpec(name="web:1", layers=({"etc/a": "1"}, {"etc/b": "2"}))
SPEC = DataRootSpec(
    driver="overlay2",
    images=(IMAGE,),
    containers=(
        ContainerSpec(name="web", image=IMAGE.name, volumes={"/data": "v"}, binds={"/conf": "/srv/conf"}),
        ContainerSpec(name="job", image=IMAGE.name, state="exited", exit_code=137),
    ),
    volumes=(VolumeSpec(name="v"),),
)
ROOTS = [pytest.param(replace(SPEC, driver=driver), id=driver) for driver in DRIVERS]
ROOTS += [pytest.param(replace(SPEC, driver=driver, legacy=True), id=f"{driver}-1.9") for driver in ("aufs", "overlay")]


@pytest.mark.parametrize("spec", ROOTS)
def test_every_container_is_found_with_its_names_and_directory(tmp_path: Path, spec: DataRootSpec) -> None:
    built = build(tmp_path / "root", spec)
    found = scan(tmp_path / "root", containerd_root=None, host_root=None)
    assert not found.problems
    rows = {row.container_id: row for row in found.containers}
    assert rows.keys() == {one.container_id for one in built.containers}
    for truth in built.containers:
        row = rows[truth.container_id]
        assert (row.name, row.image, row.state) == (truth.name, truth.image, truth.state)
        assert (row.mount_id, row.init_id, row.parent_chain_id) == (truth.mount_id, truth.init_id, truth.parent)
        assert row.diff_path == str(tmp_path / "root" / truth.diff_path)
        assert row.backend == spec.driver
        assert row.resolved_by == ("legacy" if spec.legacy else "layerdb")
        full = spec.driver in {"vfs", "btrfs"}
        assert row.path_kind is (PathKind.FULL_VIEW if full else PathKind.DIFF)
    assert len(found.layers) == 2
    [web] = [row for row in found.containers if row.name == "web"]
    assert {(mount.type, mount.destination) for mount in web.mounts} == {("volume", "/data"), ("bind", "/conf")}


def test_paths_are_given_as_the_host_saw_them(tmp_path: Path) -> None:
    built = build(tmp_path / "root", SPEC)
    found = scan(tmp_path / "root", containerd_root=None, host_root="/var/lib//docker/")
    assert found.root == "/var/lib/docker"
    truth = built.container("web")
    [row] = [row for row in found.containers if row.name == "web"]
    assert row.diff_path == f"/var/lib/docker/{truth.diff_path}"
    assert str(tmp_path) not in msgspec.json.encode(found).decode()


def test_the_answer_has_every_field_that_is_promised(tmp_path: Path) -> None:
    build(tmp_path / "root", SPEC)
    answer = msgspec.to_builtins(scan(tmp_path / "root", containerd_root=None, host_root=None))
    assert {"containers", "layers", "orphans", "problems"} <= answer.keys()
    promised = {"container_id", "name", "backend", "mount_id", "init_id", "diff_path", "path_kind", "parent_chain_id"}
    promised |= {"image", "state", "resolved_by", "mounts"}
    for row in answer["containers"]:
        assert promised <= row.keys()


def test_a_broken_container_is_a_problem_and_the_others_are_found(tmp_path: Path) -> None:
    built = build(tmp_path / "root", SPEC)
    broken, whole = built.container("web"), built.container("job")
    (tmp_path / f"root/image/overlay2/layerdb/mounts/{broken.container_id}/mount-id").write_text("")
    found = scan(tmp_path / "root", containerd_root=None, host_root=None)
    states = {row.container_id: row.resolved_by for row in found.containers}
    assert states == {broken.container_id: "unresolved", whole.container_id: "layerdb"}
    [row] = [row for row in found.containers if row.container_id == broken.container_id]
    assert row.reason


def test_a_relative_root_is_given_as_an_absolute_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path / "root", SPEC)
    monkeypatch.chdir(tmp_path)
    assert scan(Path("root"), containerd_root=None, host_root=None).root == str(tmp_path / "root")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("none", "does not exist"),
        ("file", "is not a directory"),
        ("empty", r"is not an engine's data root: it has none of image/<driver>/layerdb, containers, graph"),
        ("disk", r"Did you mean .*/disk/var/lib/docker\?"),
    ],
)
def test_what_is_no_data_root_is_said_with_what_was_looked_for(tmp_path: Path, name: str, sentence: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    build(tmp_path / "disk/var/lib/docker", SPEC)
    with pytest.raises(UserError, match=sentence):
        scan(tmp_path / name, containerd_root=None, host_root=None)


def test_a_root_that_may_not_be_read_names_who_may(tmp_path: Path) -> None:
    os.chmod(tmp_path, 0o755)
    (tmp_path / "root").mkdir(mode=0)
    with ordinary_user(), pytest.raises(UserError, match=r"cannot be read \(Permission denied\).*such as root"):
        scan(tmp_path / "root", containerd_root=None, host_root=None)


@pytest.mark.parametrize("path", ["docker", "/", ""])
def test_a_host_path_that_no_data_root_has_is_refused(tmp_path: Path, path: str) -> None:
    build(tmp_path / "root", SPEC)
    with pytest.raises(UserError, match="--as"):
        scan(tmp_path / "root", containerd_root=None, host_root=path)
