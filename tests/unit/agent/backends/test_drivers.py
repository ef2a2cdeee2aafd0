"""Every graph driver, and every data root before Engine 1.10: each container's layers as the builder made them."""

from pathlib import Path

import pytest

from agent.backends.discover import look
from agent.inventory import Inventory, take
from mountbook.local.dataroots import DRIVERS, BuiltRoot, ContainerSpec, DataRootSpec, ImageSpec, VolumeSpec, build
from protocol.entries import Bind, Container, Image, Kind, Layer, LayerUse, ResolvedBy, Role, Volume

HOST = "/var/lib/docker"
LATER = 4e9
"""Seconds since 1970, long after any tree was made: every grace period is over."""


def spec(driver: str, *, legacy: bool = False) -> DataRootSpec:
    return DataRootSpec(
        driver=driver,
        legacy=legacy,
        images=(
            ImageSpec(name="busybox:1", layers=({"bin/sh": "#!"},)),
            ImageSpec(name="web:2", layers=({"bin/sh": "#!"}, {"srv/index": "hello"}), digest=True),
        ),
        containers=(
            ContainerSpec(name="one", image="busybox:1", files={"etc/motd": "one"}),
            ContainerSpec(
                name="two",
                image="web:2",
                state="exited",
                exit_code=137,
                labels={"tier": "front"},
                volumes={"/data": "box"},
                binds={"/etc/outside": "/srv/outside"},
                environment=("PASSWORD=hunter2",),
            ),
            ContainerSpec(name="three", image="web:2", state="created"),
        ),
        volumes=(VolumeSpec(name="box", files={"file": "x"}),),
        leaked=1,
    )


ROOTS = [*((driver, False) for driver in DRIVERS), ("aufs", True), ("overlay", True), ("vfs", True)]


@pytest.fixture(params=ROOTS, ids=lambda root: root[0] + (" before 1.10" if root[1] else ""))
def built(request: pytest.FixtureRequest, tmp_path: Path) -> BuiltRoot:
    driver, legacy = request.param
    return build(tmp_path / "docker", spec(driver, legacy=legacy))


def inventory(root: BuiltRoot) -> Inventory:
    return take(look(HOST, local=str(root.path), driver=root.driver, now=LATER), None, now=LATER)


def containers(found: Inventory) -> dict[str, Container]:
    return {entry.name: entry for entry in found.entries if isinstance(entry, Container)}


def test_every_container_has_its_layers(built: BuiltRoot) -> None:
    found = containers(inventory(built))
    assert sorted(found) == sorted(one.name for one in built.containers)
    for truth in built.containers:
        entry = found[truth.name]
        assert (entry.key, entry.mount_id, entry.init_id, entry.parent_chain_id, entry.diff_path) == (
            truth.container_id,
            truth.mount_id,
            truth.init_id,
            truth.parent,
            f"{HOST}/{truth.diff_path}",
        )
        assert entry.reason == ""
        assert entry.state == truth.state
        assert entry.image == truth.image


def test_the_way_is_named(built: BuiltRoot) -> None:
    legacy = (built.path / "graph").is_dir()
    ways = {entry.resolved_by for entry in containers(inventory(built)).values()}
    assert ways == {ResolvedBy.LEGACY if legacy else ResolvedBy.LAYERDB}


def test_a_diff_path_holds_what_the_container_wrote(built: BuiltRoot) -> None:
    entry = containers(inventory(built))["one"]
    assert entry.diff_path is not None
    assert (built.path / entry.diff_path.removeprefix(f"{HOST}/") / "etc/motd").read_text() == "one"


def test_every_place_is_there(built: BuiltRoot) -> None:
    for entry in inventory(built).entries:
        for place in entry.paths:
            if place.role is not Role.SOURCE:
                assert (built.path / place.path.removeprefix(f"{HOST}/")).exists(), place


@pytest.mark.parametrize("driver", ["overlay2", "fuse-overlayfs"])
def test_every_short_link_has_an_owner(driver: str, tmp_path: Path) -> None:
    root = build(tmp_path / "docker", spec(driver))
    owned = {place.path: (entry.key, place.role) for entry in inventory(root).entries for place in entry.paths}
    links = sorted((root.path / driver / "l").iterdir())
    assert len(links) == 2 * len(root.containers) + len(root.images) + len(root.leaked)
    for link in links:
        target = link.readlink().parent.name
        key, role = owned[f"{HOST}/{driver}/l/{link.name}"]
        own = {one.mount_id: (one.container_id, Role.LINK) for one in root.containers}
        inits = {one.init_id: (one.container_id, Role.INIT) for one in root.containers}
        assert (key, role) == (own | inits).get(target, (key, Role.LINK))


def test_images_stand_on_their_layers(built: BuiltRoot) -> None:
    entries = inventory(built).entries
    by_key = {entry.key: entry for entry in entries if isinstance(entry, Image)}
    layers = {entry.key: entry for entry in entries if isinstance(entry, Layer) and entry.use is LayerUse.IMAGE}
    for truth in built.images.values():
        image = by_key[truth.image_id]
        assert image.layers == truth.layers
        assert truth.name in image.tags
        assert [layers[key].cache_id for key in image.layers] == list(truth.cache_ids)


def test_only_the_leaked_layer_is_an_orphan(built: BuiltRoot) -> None:
    orphans = [
        entry.cache_id
        for entry in inventory(built).entries
        if isinstance(entry, Layer) and entry.use is not LayerUse.IMAGE
    ]
    assert orphans == list(built.leaked)


def test_states_mounts_and_times_come_from_the_record(built: BuiltRoot) -> None:
    found = inventory(built)
    two = containers(found)["two"]
    assert (two.state, two.exit_code, two.labels) == ("exited", 137, {"tier": "front"})
    assert [(mount.type, mount.destination, mount.source) for mount in two.mounts] == [
        ("volume", "/data", f"{HOST}/volumes/box/_data"),
        ("bind", "/etc/outside", "/srv/outside"),
    ]
    assert two.started_at == "2026-01-05T08:00:01.5Z"
    three = containers(found)["three"]
    assert (three.started_at, three.finished_at, three.exit_code) == ("", "", None)
    assert [entry.key for entry in found.entries if isinstance(entry, Volume)] == ["box"]
    assert [entry.key for entry in found.entries if isinstance(entry, Bind)] == ["/srv/outside"]


def test_everything_was_enumerated_and_nothing_is_wrong(built: BuiltRoot) -> None:
    found = inventory(built)
    assert found.complete == dict.fromkeys(Kind, True)
    assert found.problems == ()


def test_no_environment_is_read(built: BuiltRoot) -> None:
    assert "hunter2" not in repr(inventory(built))
