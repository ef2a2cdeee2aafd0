"""Data roots made on disk: the same specification gives the same tree, and the truth about it is what lies there."""

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mountbook.local.dataroots import DRIVERS, BuiltRoot, ContainerSpec, DataRootSpec, ImageSpec, VolumeSpec, build

SPEC = DataRootSpec(
    driver="overlay2",
    images=(ImageSpec(name="repo/web:2", layers=({"bin/sh": "#!"}, {"srv/a": "1"}), digest=True),),
    containers=(
        ContainerSpec(name="web", image="repo/web:2", files={"srv/log": "x"}, volumes={"/data": "box"}),
        ContainerSpec(name="job", image="repo/web:2", state="exited", exit_code=2, binds={"/conf": "/srv/conf"}),
        ContainerSpec(name="bare", image="repo/web:2", state="created", init=False, parent=False),
    ),
    volumes=(VolumeSpec(name="box", files={"inner/file": "content"}),),
    leaked=2,
)
ROOTS = [pytest.param(replace(SPEC, driver=driver), id=driver) for driver in DRIVERS]
ROOTS += [pytest.param(replace(SPEC, driver="aufs", legacy=True), id="aufs before 1.10")]


def tree(root: Path) -> dict[str, str | bytes]:
    """Return every path below the root with what it holds."""
    found: dict[str, str | bytes] = {}
    for path in root.rglob("*"):
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = os.readlink(path)
        else:
            found[name] = path.read_bytes() if path.is_file() else "directory"
    return found


def record(built: BuiltRoot, name: str, file: str = "config.v2.json") -> dict[str, Any]:
    text = (built.path / "containers" / built.container(name).container_id / file).read_text()
    content: dict[str, Any] = json.loads(text)
    return content


@pytest.mark.parametrize("spec", ROOTS)
def test_the_same_specification_gives_the_same_tree_and_another_seed_other_names(
    tmp_path: Path, spec: DataRootSpec
) -> None:
    one, again = build(tmp_path / "one", spec), build(tmp_path / "again", spec)
    assert tree(one.path) == tree(again.path)
    assert one.containers == again.containers
    other = build(tmp_path / "other", replace(spec, seed="other"))
    assert {c.container_id for c in other.containers}.isdisjoint(c.container_id for c in one.containers)


@pytest.mark.parametrize("spec", ROOTS)
def test_the_diff_path_holds_the_containers_files(tmp_path: Path, spec: DataRootSpec) -> None:
    built = build(tmp_path, spec)
    assert (tmp_path / built.container("web").diff_path / "srv/log").read_text() == "x"


def test_the_layer_store_says_what_the_truth_says(tmp_path: Path) -> None:
    built = build(tmp_path, SPEC)
    for one in built.containers:
        entry = tmp_path / "image/overlay2/layerdb/mounts" / one.container_id
        said = {file.name: file.read_text() for file in entry.iterdir()}
        truth = {"mount-id": one.mount_id, "init-id": one.init_id, "parent": one.parent}
        assert said == {name: value for name, value in truth.items() if value is not None}


def test_an_image_is_named_by_its_content_and_its_layers_by_what_is_below(tmp_path: Path) -> None:
    built = build(tmp_path, SPEC)
    image = built.images["repo/web:2"]
    store = tmp_path / "image/overlay2"
    content = (store / "imagedb/content/sha256" / image.image_id.removeprefix("sha256:")).read_bytes()
    assert image.image_id == f"sha256:{hashlib.sha256(content).hexdigest()}"
    base, top = json.loads(content)["rootfs"]["diff_ids"]
    assert image.layers == (base, "sha256:" + hashlib.sha256(f"{base} {top}".encode()).hexdigest())
    for chain, cache_id in zip(image.layers, image.cache_ids, strict=True):
        layer = store / "layerdb/sha256" / chain.removeprefix("sha256:")
        assert (layer / "cache-id").read_text() == cache_id
        assert (tmp_path / "overlay2" / cache_id / "diff").is_dir()
    names = json.loads((store / "repositories.json").read_text())["Repositories"]["repo/web"]
    assert set(names.values()) == {image.image_id}
    assert {name.partition("@")[0] for name in names} == {"repo/web:2", "repo/web"}


def test_overlay2_links_lead_to_the_layers_they_stand_for(tmp_path: Path) -> None:
    built = build(tmp_path, SPEC)
    directory = tmp_path / "overlay2" / built.container("web").mount_id
    short = (directory / "link").read_text()
    assert (tmp_path / "overlay2/l" / short).resolve() == directory / "diff"
    assert len(short) == 26
    lower = (directory / "lower").read_text().split(":")
    cache_ids = built.images["repo/web:2"].cache_ids
    below = [(tmp_path / "overlay2" / name).resolve().parent.name for name in lower]
    assert below == [built.container("web").init_id, *reversed(cache_ids)]


def test_aufs_names_the_parents_nearest_first(tmp_path: Path) -> None:
    built = build(tmp_path, replace(SPEC, driver="aufs"))
    web = built.container("web")
    parents = (tmp_path / "aufs/layers" / web.mount_id).read_text().split()
    assert parents == [web.init_id, *reversed(built.images["repo/web:2"].cache_ids)]


def test_a_record_says_what_the_container_does_and_mounts(tmp_path: Path) -> None:
    built = build(tmp_path, SPEC)
    state = record(built, "job")["State"]
    assert (state["Running"], state["ExitCode"], state["Pid"]) == (False, 2, 0)
    assert record(built, "job")["MountPoints"].keys() == {"/conf"}
    assert record(built, "web")["Image"] == built.images["repo/web:2"].image_id
    assert record(built, "job", "hostconfig.json")["Binds"] == ["/srv/conf:/conf"]


def test_a_root_before_1_10_has_no_layer_store(tmp_path: Path) -> None:
    built = build(tmp_path, replace(SPEC, driver="aufs", legacy=True))
    assert not (tmp_path / "image").exists()
    web = built.container("web")
    assert web.mount_id == web.container_id
    assert (tmp_path / "containers" / web.container_id / "config.json").is_file()
    assert (tmp_path / "graph" / built.images["repo/web:2"].image_id / "json").is_file()


def test_leaked_layers_are_named_by_nothing_else(tmp_path: Path) -> None:
    built = build(tmp_path, SPEC)
    assert len(built.leaked) == 2
    for name in built.leaked:
        assert (tmp_path / "overlay2" / name / "diff").is_dir()
        named = [path for path, content in tree(tmp_path).items() if content == name.encode()]
        assert named == []


def test_volumes_hold_their_files(tmp_path: Path) -> None:
    build(tmp_path, SPEC)
    assert (tmp_path / "volumes/box/_data/inner/file").read_text() == "content"


def test_a_driver_that_cannot_be_built_and_an_image_that_is_missing_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'devicemapper' cannot be built; there are overlay2, "):
        build(tmp_path / "a", replace(SPEC, driver="devicemapper"))
    with pytest.raises(ValueError, match=r"container 'x' names the image 'no:1'"):
        build(tmp_path / "b", replace(SPEC, containers=(ContainerSpec(name="x", image="no:1"),)))
