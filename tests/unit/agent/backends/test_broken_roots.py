"""Half-written, hostile and broken data roots: each a named problem, the rest still reported, never a crash."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mountbook.local.dataroots import BuiltRoot
from protocol.entries import Kind, Layer, LayerUse, Place, ResolvedBy, Role
from tests.unit.agent.backends.broken import HOST, alive, by_name, inventory, make, mounts, others_are_whole, unclaimed


@pytest.fixture
def built(tmp_path: Path) -> BuiltRoot:
    return make(tmp_path / "docker")


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
