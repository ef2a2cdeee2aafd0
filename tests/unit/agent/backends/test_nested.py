"""Engines inside containers: their data roots are volumes of the outer engine's containers."""

from pathlib import Path

import pytest

from agent.backends.discover import look
from agent.inventory import Inventory, take
from agent.listing import Listing
from mountbook.local.dataroots import BuiltRoot, ContainerSpec, DataRootSpec, ImageSpec, VolumeSpec, build
from protocol.entries import Container, Kind, ResolvedBy

HOST = "/var/lib/docker"
LATER = 4e9
INNER = f"{HOST}/volumes/runner/_data"


@pytest.fixture
def outer(tmp_path: Path) -> BuiltRoot:
    return build(
        tmp_path / "docker",
        DataRootSpec(
            driver="overlay2",
            images=(ImageSpec(name="docker:dind", layers=({"a": "b"},)),),
            volumes=(VolumeSpec(name="runner"), VolumeSpec(name="plain", files={"containers/x": "no engine's"})),
            containers=(
                ContainerSpec(name="watcher", image="docker:dind", volumes={"/watched": "runner"}),
                ContainerSpec(
                    name="dind", image="docker:dind", volumes={"/var/lib/docker": "runner", "/plain": "plain"}
                ),
            ),
        ),
    )


@pytest.fixture
def inner(outer: BuiltRoot) -> BuiltRoot:
    return build(
        outer.path / "volumes/runner/_data",
        DataRootSpec(
            driver="vfs",
            seed="inner",
            images=(ImageSpec(name="job:1", layers=({"c": "d"},)),),
            containers=(ContainerSpec(name="job", image="job:1", files={"out": "built"}),),
        ),
    )


def inventory(outer: BuiltRoot, listing: Listing | None = None) -> Inventory:
    return take(look(HOST, local=str(outer.path), driver="overlay2", now=LATER), listing, now=LATER)


def containers(found: Inventory) -> dict[str, Container]:
    return {entry.name: entry for entry in found.entries if isinstance(entry, Container)}


def test_the_containers_of_an_inner_engine_name_their_outer_container(outer: BuiltRoot, inner: BuiltRoot) -> None:
    found = containers(inventory(outer))
    job = found["job"]
    assert job.outer == outer.container("dind").container_id
    assert (job.root, job.backend, job.resolved_by) == (INNER, "vfs", ResolvedBy.LAYERDB)
    assert job.diff_path == f"{INNER}/{inner.container('job').diff_path}"
    assert found["dind"].outer == ""


def test_they_are_no_ghosts_though_the_outer_engine_does_not_list_them(outer: BuiltRoot, inner: BuiltRoot) -> None:
    nothing = Listing(containers=(), images=(), volumes=(), drivers={})
    found = containers(inventory(outer, nothing))
    assert found["dind"].ghost  # on disk, and this engine does not list it
    assert not found["job"].ghost


def test_a_volume_without_an_engine_is_only_a_volume(outer: BuiltRoot) -> None:
    found = inventory(outer)
    assert set(containers(found)) == {"watcher", "dind"}
    assert found.complete == dict.fromkeys(Kind, True)


def test_the_inner_backends_are_reported(outer: BuiltRoot, inner: BuiltRoot) -> None:
    assert [(one.root, one.name) for one in inventory(outer).backends] == [(HOST, "overlay2"), (INNER, "vfs")]
