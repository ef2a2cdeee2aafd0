"""Half-written, hostile and broken data roots: each a named problem, the rest still reported, never a crash."""

import fcntl
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.backends.base import Problems
from agent.backends.discover import look, real_path
from agent.backends.files import holds_directory
from agent.config_v2 import from_unix
from agent.inventory import Inventory, take
from mountbook.local.dataroots import BuiltRoot, ContainerSpec, DataRootSpec, ImageSpec, build
from protocol.entries import Container, Kind, Layer, LayerUse, Place, ResolvedBy, Role

HOST = "/var/lib/docker"
LATER = 4e9


def make(path: Path, containers: int = 3) -> BuiltRoot:
    return build(
        path,
        DataRootSpec(
            driver="overlay2",
            images=(ImageSpec(name="busybox:1", layers=({"bin/sh": "#!"}, {"etc/os": "x"})),),
            containers=tuple(ContainerSpec(name=f"c{number}", image="busybox:1") for number in range(containers)),
        ),
    )


@pytest.fixture
def built(tmp_path: Path) -> BuiltRoot:
    return make(tmp_path / "docker")


def inventory(root: Path, now: float = LATER) -> Inventory:
    return take(look(HOST, local=str(root), driver="overlay2", now=now), None, now=now)


def by_name(found: Inventory) -> dict[str, Container]:
    return {entry.name: entry for entry in found.entries if isinstance(entry, Container)}


def alive(built: BuiltRoot, *, after: float) -> Inventory:
    """Look as an agent does, so many seconds after the last change, with the tree where its host has it."""
    host = built.path.parent
    now = time.time() + after
    return take(look("/docker", prefix=str(host), driver="overlay2", now=now), None, now=now)


def unclaimed(found: Inventory) -> dict[str, LayerUse]:
    return {one.cache_id: one.use for one in found.entries if isinstance(one, Layer) and one.use is not LayerUse.IMAGE}


def mounts(built: BuiltRoot, name: str) -> Path:
    return built.path / "image/overlay2/layerdb/mounts" / built.container(name).container_id


def others_are_whole(found: Inventory, built: BuiltRoot, hurt: str) -> None:
    for truth in built.containers:
        if truth.name != hurt:
            entry = by_name(found)[truth.name]
            assert (entry.mount_id, entry.resolved_by, entry.reason) == (truth.mount_id, ResolvedBy.LAYERDB, "")


def a_directory(file: Path) -> None:
    file.unlink()
    file.mkdir()


def a_fifo(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def a_loop(file: Path) -> None:
    file.unlink()
    file.symlink_to(file.name)


def nothing_in_it(file: Path) -> None:
    file.write_text("")


def gone(file: Path) -> None:
    file.unlink()


def a_mebibyte(file: Path) -> None:
    file.write_text("f" * (1 << 20))


def a_way_out(file: Path) -> None:
    file.write_text("../../../../etc")


def two_lines(file: Path) -> None:
    file.write_text("abc\ndef\n")


def no_text(file: Path) -> None:
    file.write_bytes(b"\xff\xfe\x00")


UNWRITTEN = [nothing_in_it, gone]
"""What a file being written looks like: a problem of the disk's only if it lasts."""
BROKEN = [a_fifo, a_directory, a_loop, a_mebibyte, a_way_out, two_lines, no_text]


@pytest.mark.parametrize("damage", [*UNWRITTEN, *BROKEN], ids=lambda one: one.__name__)
def test_a_container_with_a_broken_mount_id_is_unresolved_with_a_reason(
    built: BuiltRoot, damage: Callable[[Path], None]
) -> None:
    file = mounts(built, "c1") / "mount-id"
    damage(file)
    found = inventory(built.path)
    entry = by_name(found)["c1"]
    assert entry.resolved_by is ResolvedBy.UNRESOLVED
    assert "mount-id" in entry.reason
    assert any(str(file.parent) in problem for problem in found.problems)
    others_are_whole(found, built, "c1")
    assert found.complete[Kind.CONTAINER]


@pytest.mark.parametrize("damage", [*UNWRITTEN, *BROKEN], ids=lambda one: one.__name__)
def test_the_layers_of_a_container_with_a_broken_mount_id_are_nobodys_orphans(
    built: BuiltRoot, damage: Callable[[Path], None]
) -> None:
    truth = built.container("c1")
    damage(mounts(built, "c1") / "mount-id")
    # Its init-id still says whose they are.
    found = inventory(built.path)
    assert unclaimed(found) == {}
    own = {place.path for place in by_name(found)["c1"].paths}
    assert {f"{HOST}/overlay2/{truth.mount_id}", f"{HOST}/overlay2/{truth.mount_id}-init"} <= own
    # Without that any directory may be its own.
    damage(mounts(built, "c1") / "init-id")
    found = inventory(built.path)
    assert unclaimed(found) == {truth.mount_id: LayerUse.UNCLAIMED, f"{truth.mount_id}-init": LayerUse.UNCLAIMED}
    evidence = {one.evidence for one in found.entries if isinstance(one, Layer) and one.use is LayerUse.UNCLAIMED}
    assert all(truth.container_id[:12] in one for one in evidence)


@pytest.mark.parametrize("damage", [*UNWRITTEN, *BROKEN], ids=lambda one: one.__name__)
def test_the_directory_of_an_image_layer_with_a_broken_cache_id_is_nobodys_orphan(
    built: BuiltRoot, damage: Callable[[Path], None]
) -> None:
    [image] = built.images.values()
    chain = built.path / "image/overlay2/layerdb/sha256" / image.layers[0].removeprefix("sha256:")
    damage(chain / "cache-id")
    found = inventory(built.path)
    assert unclaimed(found) == {image.cache_ids[0]: LayerUse.UNCLAIMED}
    assert any(str(chain) in problem for problem in found.problems)
    [layer] = (one for one in found.entries if one.key == image.layers[0])
    assert isinstance(layer, Layer)
    assert "cache-id" in layer.reason


def test_what_is_being_written_is_no_problem_until_it_lasts(built: BuiltRoot) -> None:
    nothing_in_it(mounts(built, "c1") / "mount-id")
    found = alive(built, after=1)
    assert "just being made" in by_name(found)["c1"].reason
    assert found.problems == ()
    assert "interrupted" in by_name(alive(built, after=700))["c1"].reason


def test_two_containers_with_one_mount_id_are_doubtful(built: BuiltRoot) -> None:
    (mounts(built, "c1") / "mount-id").write_text(built.container("c0").mount_id)
    found = inventory(built.path)
    assert any("is also that of container" in one.reason for one in by_name(found).values())
    assert any("is also that of container" in problem for problem in found.problems)


@pytest.mark.parametrize("damage", BROKEN, ids=lambda one: one.__name__)
@pytest.mark.parametrize("name", ["init-id", "parent"])
def test_a_broken_init_id_or_parent_is_named_and_the_rest_is_known(
    built: BuiltRoot, name: str, damage: Callable[[Path], None]
) -> None:
    damage(mounts(built, "c1") / name)
    found = inventory(built.path)
    entry = by_name(found)["c1"]
    assert name in entry.reason
    assert (entry.mount_id, entry.resolved_by) == (built.container("c1").mount_id, ResolvedBy.LAYERDB)
    assert unclaimed(found) == {}
    assert any(name in problem for problem in found.problems)
    others_are_whole(found, built, "c1")


def test_a_half_written_container_is_no_orphan_and_no_error(built: BuiltRoot) -> None:
    (mounts(built, "c1") / "init-id").unlink()
    (mounts(built, "c1") / "parent").unlink()
    found = inventory(built.path)
    entry = by_name(found)["c1"]
    assert (entry.resolved_by, entry.init_id, entry.parent_chain_id) == (ResolvedBy.LAYERDB, None, None)
    assert Place(f"{HOST}/overlay2/{built.container('c1').mount_id}-init", Role.INIT, ("diff", "merged")) in entry.paths
    assert unclaimed(found) == {}
    assert found.problems == ()


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


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_to_one_container_never_changes_what_is_said_of_the_others(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    root = make(tmp_path_factory.mktemp("r") / "docker")
    try:
        hurt = root.container("c1")
        own = [
            root.path / "overlay2" / hurt.mount_id,
            root.path / "overlay2" / f"{hurt.mount_id}-init",
            root.path / "containers" / hurt.container_id,
            mounts(root, "c1"),
        ]
        files = sorted(file for top in own for file in top.rglob("*") if file.is_file() and not file.is_symlink())
        for file in data.draw(st.lists(st.sampled_from(files), unique=True, max_size=5)):
            damage = data.draw(st.sampled_from([*UNWRITTEN, *BROKEN, lambda one: one.write_bytes(os.urandom(300))]))
            damage(file)
        others_are_whole(inventory(root.path), root, "c1")
    finally:
        shutil.rmtree(root.path)


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
