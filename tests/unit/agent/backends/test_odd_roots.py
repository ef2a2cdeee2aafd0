"""Data roots in the middle of work, switched, moved, locked or empty: no more is said of them than is known."""

import fcntl
import os
import shutil
from pathlib import Path

import pytest

from agent.backends.base import Problems
from agent.backends.discover import look, real_path
from agent.backends.files import holds_directory
from agent.config_v2 import from_unix
from agent.inventory import take
from mountbook.local.dataroots import BuiltRoot, ContainerSpec, DataRootSpec, ImageSpec, build
from protocol.entries import Container, Kind, Layer, LayerUse
from tests.unit.agent.backends.broken import (
    HOST,
    LATER,
    alive,
    by_name,
    inventory,
    make,
    others_are_whole,
    unclaimed,
)


@pytest.fixture
def built(tmp_path: Path) -> BuiltRoot:
    return make(tmp_path / "docker")


def test_a_new_directory_is_unclaimed_and_an_old_one_an_orphan_while_an_engine_may_be_at_work(built: BuiltRoot) -> None:
    (built.path / "overlay2/0123abc/diff").mkdir(parents=True)
    assert unclaimed(alive(built, after=1)) == {"0123abc": LayerUse.UNCLAIMED}
    assert unclaimed(alive(built, after=700)) == {"0123abc": LayerUse.ORPHAN}


def test_where_no_engine_is_at_work_nothing_is_just_being_made(built: BuiltRoot) -> None:
    (built.path / "overlay2/0123abc/diff").mkdir(parents=True)
    assert unclaimed(take(look(HOST, local=str(built.path)), None)) == {"0123abc": LayerUse.ORPHAN}


def test_what_an_engine_locked_is_looked_at_as_its_own(built: BuiltRoot) -> None:
    (built.path / "overlay2/0123abc/diff").mkdir(parents=True)
    with (built.path / "volumes/metadata.db").open("w") as database:
        fcntl.flock(database, fcntl.LOCK_EX)
        assert unclaimed(take(look(HOST, local=str(built.path)), None)) == {"0123abc": LayerUse.UNCLAIMED}


def test_the_build_caches_records_keep_what_nothing_else_names(built: BuiltRoot) -> None:
    (built.path / "overlay2/0123abc/diff").mkdir(parents=True)
    (built.path / "buildkit").mkdir()
    (built.path / "buildkit/snapshots.db").write_bytes(b"garbage")
    assert unclaimed(inventory(built.path)) == {"0123abc": LayerUse.UNCLAIMED}


def test_the_layer_of_a_build_step_that_runs_is_no_problem(built: BuiltRoot) -> None:
    (built.path / "image/overlay2/layerdb/mounts/k3z8q1x7c5v2b9n4m6l0p8o2i").mkdir()
    assert inventory(built.path).problems == ()


def test_the_quotas_device_is_no_layer_and_a_stray_file_is_a_problem(built: BuiltRoot) -> None:
    (built.path / "overlay2/backingFsBlockDev").write_text("")
    assert inventory(built.path).problems == ()
    (built.path / "overlay2/stray").symlink_to("stray")
    found = inventory(built.path)
    assert unclaimed(found) == {}
    assert any("overlay2/stray" in problem for problem in found.problems)


def test_a_layer_directory_that_went_before_its_record_is_said(built: BuiltRoot) -> None:
    shutil.rmtree(built.path / "overlay2" / built.container("c1").mount_id)
    assert "directory is gone" in by_name(inventory(built.path))["c1"].reason


def test_a_record_of_garbage_is_a_problem_and_the_layers_are_still_found(built: BuiltRoot) -> None:
    truth = built.container("c1")
    file = built.path / "containers" / truth.container_id / "config.v2.json"
    file.write_text('{"ID": 7, "State": [')
    found = inventory(built.path)
    entry = next(one for one in found.entries if one.key == truth.container_id)
    assert isinstance(entry, Container)
    assert entry.mount_id == truth.mount_id
    assert "config.v2.json" in entry.reason
    assert any(str(file) in problem for problem in found.problems)
    others_are_whole(found, built, "c1")


def test_names_that_are_no_ids_are_problems_one_by_one(built: BuiltRoot) -> None:
    strange = [b"caf\xe9", b"with\nnewline", b"f" * 255, b"..."]
    for name in strange:
        for below in ("containers", "image/overlay2/layerdb/mounts", "image/overlay2/layerdb/sha256", "overlay2"):
            os.mkdir(os.fsencode(built.path / below) + b"/" + name)
    found = inventory(built.path)
    others_are_whole(found, built, "")
    assert any("caf\\xe9" in problem for problem in found.problems)
    assert {one.cache_id for one in found.entries if isinstance(one, Layer) and one.use is LayerUse.ORPHAN} == {
        "caf\\xe9",
        "with\nnewline",
        "f" * 255,
        "...",
    }


def test_interrupted_deletes_are_being_removed_and_nobodys_orphans(built: BuiltRoot) -> None:
    (built.path / "overlay2/0123abc-removing").mkdir()
    (built.path / f"image/overlay2/layerdb/sha256/{'a' * 64}-123-removing").mkdir()
    found = inventory(built.path)
    assert [one.use for one in found.entries if isinstance(one, Layer) and one.cache_id.endswith("-removing")] == [
        LayerUse.REMOVING
    ]
    assert found.problems == ()


def test_a_list_that_cannot_be_read_makes_its_kind_incomplete(built: BuiltRoot) -> None:
    chains = built.path / "image/overlay2/layerdb/sha256"
    shutil.rmtree(chains)
    chains.write_text("a file where a directory belongs")
    found = inventory(built.path)
    assert not found.complete[Kind.LAYER]
    assert found.complete[Kind.CONTAINER]
    assert any(str(chains) in problem for problem in found.problems)
    # What no image could be asked about is not accused.
    assert {one.use for one in found.entries if isinstance(one, Layer)} == {LayerUse.UNCLAIMED}


def test_image_names_of_garbage_leave_the_images(built: BuiltRoot) -> None:
    (built.path / "image/overlay2/repositories.json").write_text("]")
    found = inventory(built.path)
    assert not found.complete[Kind.IMAGE]
    assert any("repositories.json" in problem for problem in found.problems)


def test_a_backend_that_nobody_knows_is_named(built: BuiltRoot) -> None:
    (built.path / "image/windowsfilter/layerdb").mkdir(parents=True)
    assert any("windowsfilter" in problem for problem in inventory(built.path).problems)


def test_a_data_root_that_is_not_there_makes_everything_incomplete(tmp_path: Path) -> None:
    found = inventory(tmp_path / "nothing")
    assert found.entries == []
    assert found.complete == dict.fromkeys(Kind, False)


def test_a_data_root_that_is_a_link_has_both_names(built: BuiltRoot, tmp_path: Path) -> None:
    host = tmp_path / "host"
    (host / "var/lib").mkdir(parents=True)
    (host / "mnt").mkdir()
    built.path.rename(host / "mnt/big")
    (host / "var/lib/docker").symlink_to("/mnt/big")
    found = take(look(HOST, prefix=str(host), driver="overlay2", now=LATER), None, now=LATER)
    truth = built.container("c1")
    paths = {place.path for place in by_name(found)["c1"].paths}
    assert {f"{HOST}/overlay2/{truth.mount_id}", f"/mnt/big/overlay2/{truth.mount_id}"} <= paths
    assert by_name(found)["c1"].diff_path == f"{HOST}/{truth.diff_path}"


def test_links_are_followed_as_the_host_would_and_loops_end(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("/a")
    assert real_path("/a/x", str(tmp_path)) == "/a/x"
    (tmp_path / "c").symlink_to("../../d/./e")
    assert real_path("/c/f", str(tmp_path)) == "/d/e/f"


def test_two_backends_after_a_switch_are_both_read(built: BuiltRoot) -> None:
    build(
        built.path,
        DataRootSpec(
            driver="vfs",
            images=(ImageSpec(name="busybox:1", layers=({"bin/sh": "#!"}, {"etc/os": "x"})),),
            containers=(ContainerSpec(name="old", image="busybox:1"),),
        ),
    )
    found = inventory(built.path)
    assert {entry.name: entry.backend for entry in by_name(found).values()} == {
        "c0": "overlay2",
        "c1": "overlay2",
        "c2": "overlay2",
        "old": "vfs",
    }
    assert [(one.name, one.current) for one in found.backends] == [("overlay2", True), ("vfs", False)]
    # The same content lies in two directories.
    layers = {one.key: one.diff_path for one in found.entries if isinstance(one, Layer)}
    chain = by_name(found)["old"].parent_chain_id
    assert str(layers[f"{chain}"]).startswith(f"{HOST}/overlay2/")
    assert str(layers[f"vfs/{chain}"]).startswith(f"{HOST}/vfs/dir/")


def test_an_empty_directory_is_a_disk_that_is_not_mounted_and_no_empty_node(tmp_path: Path) -> None:
    (tmp_path / "docker").mkdir()
    found = inventory(tmp_path / "docker")
    assert found.complete == dict.fromkeys(Kind, False)
    assert "not mounted" in found.problems[0]


def test_a_limited_look_never_takes_what_it_cannot_read_for_gone(built: BuiltRoot) -> None:
    hurt, gone = built.container("c1").container_id, "e" * 64
    (built.path / "containers" / hurt / "config.v2.json").write_text("{")
    disks = look(HOST, local=str(built.path), driver="overlay2", now=LATER)
    found = take(disks, None, only=frozenset({hurt, gone}), now=LATER)
    assert {key.key for key in found.uncertain} == {hurt}
    shutil.rmtree(built.path / "containers")
    (built.path / "containers").write_text("a file where a directory belongs")
    found = take(disks, None, only=frozenset({hurt, gone}), now=LATER)
    assert {key.key for key in found.uncertain} == {hurt, gone}


def test_binds_are_not_complete_while_a_record_cannot_be_read(built: BuiltRoot) -> None:
    (built.path / "containers" / built.container("c1").container_id / "config.v2.json").write_text("{")
    found = inventory(built.path)
    assert (found.complete[Kind.CONTAINER], found.complete[Kind.BIND]) == (True, False)


def test_what_may_not_be_looked_at_is_not_absent(tmp_path: Path) -> None:
    problems = Problems()
    assert not holds_directory(str(tmp_path / "nothing"), problems, Kind.IMAGE)
    assert problems.incomplete == set()
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert not holds_directory(str(loop), problems, Kind.IMAGE, Kind.LAYER)
    assert problems.incomplete == {Kind.IMAGE, Kind.LAYER}


def test_a_time_that_is_none_is_no_time() -> None:
    assert [from_unix(seconds) for seconds in (10**17, -5, 0)] == ["", "", ""]
    assert from_unix(1_767_600_000) == "2026-01-05T08:00:00Z"
