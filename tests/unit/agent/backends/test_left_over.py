"""What an engine that is killed in the middle of a removal leaves of a container in its layer store."""

import shutil
import time
from pathlib import Path

import pytest

from agent.backends.discover import look
from agent.inventory import Inventory, take
from mountbook.local.dataroots import BuiltRoot, ContainerSpec, DataRootSpec, ImageSpec, build
from protocol.entries import Container, Kind, Layer, LayerUse


@pytest.fixture
def built(tmp_path: Path) -> BuiltRoot:
    """A data root with two containers; of ``gone`` only what a removal that was cut short leaves."""
    spec = DataRootSpec(
        driver="overlay2",
        images=(ImageSpec(name="busybox:1", layers=({"bin/sh": "#!"},)),),
        containers=tuple(ContainerSpec(name=name, image="busybox:1") for name in ("web", "gone")),
    )
    built = build(tmp_path / "docker", spec)
    for file in ("mount-id", "init-id"):
        (entry(built) / file).unlink()
    shutil.rmtree(built.path / "containers" / built.container("gone").container_id)
    return built


def entry(built: BuiltRoot) -> Path:
    return built.path / "image/overlay2/layerdb/mounts" / built.container("gone").container_id


def alive(built: BuiltRoot, *, after: float) -> Inventory:
    """Look as an agent does, so many seconds after the last change."""
    now = time.time() + after
    return take(look("/docker", prefix=str(built.path.parent), driver="overlay2", now=now), None, now=now)


def unclaimed(found: Inventory) -> dict[str, LayerUse]:
    return {one.cache_id: one.use for one in found.entries if isinstance(one, Layer) and one.use is not LayerUse.IMAGE}


def test_it_is_a_problem_and_no_container_and_keeps_no_orphan_from_being_found(built: BuiltRoot) -> None:
    found = alive(built, after=700)
    mount_id = built.container("gone").mount_id
    assert [one.name for one in found.entries if isinstance(one, Container)] == ["web"]
    assert unclaimed(found) == {mount_id: LayerUse.ORPHAN, f"{mount_id}-init": LayerUse.ORPHAN}
    assert any("is gone" in problem and str(entry(built)) in problem for problem in found.problems)
    assert found.complete[Kind.CONTAINER]


def test_what_may_still_be_being_made_keeps_its_layers_from_being_called_orphans(built: BuiltRoot) -> None:
    mount_id = built.container("gone").mount_id
    found = alive(built, after=1)
    assert unclaimed(found) == {mount_id: LayerUse.UNCLAIMED, f"{mount_id}-init": LayerUse.UNCLAIMED}


def test_a_container_that_has_lost_only_its_mount_id_keeps_its_layers(built: BuiltRoot) -> None:
    (built.path / "containers" / built.container("gone").container_id).mkdir()
    assert set(unclaimed(alive(built, after=700)).values()) == {LayerUse.UNCLAIMED}
