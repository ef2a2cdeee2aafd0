"""A real engine's containers, found on its disk: every directory that the agent names holds what was written there."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial

import pytest

from agent.config import Config
from agent.lookout import Lookout
from agent.observation import Observation
from protocol.entries import Bind, Container, Image, Kind, Layer, LayerUse, PathKind, ResolvedBy, Role, Volume
from tests.swarm.engines import GRAPH_DRIVERS, IMAGE, SNAPSHOTTERS, Engine, GraphDriver, Snapshotter
from tests.swarm.hosts import wait_until
from tests.swarm.lab import Lab

pytestmark = pytest.mark.lab

FULL_VIEWS = {"btrfs", "vfs"}
COMMITTED = "shop:1"


@dataclass(frozen=True)
class Filled:
    """An engine with containers in every state; in each, /srv/mark holds its own ID."""

    engine: Engine
    running: str
    stopped: str
    created: str
    derived: str

    @property
    def containers(self) -> tuple[str, ...]:
        """The IDs of all of them."""
        return self.running, self.stopped, self.created, self.derived


def look(engine: Engine) -> Observation:
    """Take the agent's own inventory, with the host's root directory where the agent's container would have it."""
    config = Config(collectors=("http://127.0.0.1:1",), docker_host=engine.url, host_root=str(engine.host.path("")))
    with Lookout(config) as lookout, closing(lookout.subscribe()):
        return lookout.look(None, 1)


def fill(engine: Engine) -> Filled:
    """Run, stop and only create containers, one of them from an image of two layers."""
    bind = engine.host.folder / "shared"
    bind.mkdir()
    docker = engine.docker
    mounts = ("--volume", "data:/data", "--volume", f"{bind}:/shared:ro")
    running = docker("run", "-d", "--name", "web", "--label", "tier=front", *mounts, IMAGE, "sleep", "1000")
    docker("exec", running, "sh", "-c", f"echo {running} >/srv/mark; echo {running} >/data/mark")
    stopped = docker("create", "--name", "done", IMAGE, "sh", "-c", "exit 3")
    created = docker("create", "--name", "never", IMAGE, "sleep", "1")
    docker("commit", running, COMMITTED)
    derived = docker("create", "--name", "derived", COMMITTED, "sleep", "1")
    for container in (stopped, created, derived):
        mark = engine.host.folder / "mark"
        mark.write_text(f"{container}\n")
        docker("cp", str(mark), f"{container}:/srv/mark")
    docker("start", "--attach", stopped, fails=True)
    return Filled(engine, running, stopped, created, derived)


@pytest.fixture(scope="module", params=GRAPH_DRIVERS)
def filled(lab: Lab, request: pytest.FixtureRequest) -> Iterator[Filled]:
    driver: GraphDriver = request.param
    engine = lab.engine(driver)
    yield fill(engine)
    lab.retire(engine)


@pytest.fixture(scope="module")
def observed(filled: Filled) -> Observation:
    return look(filled.engine)


def container(observed: Observation, container_id: str) -> Container:
    (entry,) = (
        entry for key, entry in observed.entries.items() if key.kind == Kind.CONTAINER and key.key == container_id
    )
    assert isinstance(entry, Container)
    return entry


def mark(filled: Filled, path: str | None) -> str:
    """Return what a file of the host says."""
    assert path is not None
    return filled.engine.host.path(path).read_text().strip()


def test_every_container_is_listed_once_and_nothing_else(filled: Filled, observed: Observation) -> None:
    listed = [key.key for key in observed.entries if key.kind == Kind.CONTAINER]
    assert sorted(listed) == sorted(filled.containers)
    assert observed.complete == dict.fromkeys(Kind, True)
    assert observed.problems == ()


def test_every_diff_path_holds_the_file_that_its_container_wrote(filled: Filled, observed: Observation) -> None:
    for container_id in filled.containers:
        found = container(observed, container_id)
        assert mark(filled, f"{found.diff_path}/srv/mark") == container_id
        assert found.backend == filled.engine.backend
        assert found.resolved_by == ResolvedBy.LAYERDB
        assert found.path_kind == (PathKind.FULL_VIEW if found.backend in FULL_VIEWS else PathKind.DIFF)


def test_mount_id_and_parent_are_what_the_engine_wrote_down(filled: Filled, observed: Observation) -> None:
    layerdb = filled.engine.host.path(f"{filled.engine.data_root}/image/{filled.engine.backend}/layerdb/mounts")
    for container_id in filled.containers:
        found = container(observed, container_id)
        assert found.mount_id == (layerdb / container_id / "mount-id").read_text()
        assert found.init_id == (layerdb / container_id / "init-id").read_text()
        assert found.parent_chain_id == (layerdb / container_id / "parent").read_text()


def test_every_path_of_a_container_is_there(filled: Filled, observed: Observation) -> None:
    for container_id in filled.containers:
        for place in container(observed, container_id).paths:
            # A merged view is there only while the container runs, a quota file only where quotas are on.
            if place.role != Role.MOUNT and "/btrfs/quotas/" not in place.path:
                assert filled.engine.host.path(place.path).exists(), place


def test_names_states_labels_and_exit_codes_are_the_engines(filled: Filled, observed: Observation) -> None:
    web, done = container(observed, filled.running), container(observed, filled.stopped)
    assert (web.name, web.state, web.labels) == ("web", "running", {"tier": "front"})
    assert (done.name, done.state, done.exit_code) == ("done", "exited", 3)
    assert container(observed, filled.created).state == "created"
    assert web.image == IMAGE
    assert web.started_at


def test_a_volume_and_a_bind_are_where_the_container_wrote_and_read(filled: Filled, observed: Observation) -> None:
    volume = next(entry for entry in observed.entries.values() if isinstance(entry, Volume))
    assert volume.key == "data"
    assert mark(filled, f"{volume.mountpoint}/mark") == filled.running
    mounts = {mount.destination: mount for mount in container(observed, filled.running).mounts}
    assert mounts["/data"].name == "data"
    assert not mounts["/shared"].rw
    binds = [entry.key for entry in observed.entries.values() if isinstance(entry, Bind)]
    assert binds == [mounts["/shared"].source] == [str(filled.engine.host.folder / "shared")]


def test_the_layers_of_an_image_are_found_and_the_top_one_holds_what_was_committed(
    filled: Filled, observed: Observation
) -> None:
    images = [entry for entry in observed.entries.values() if isinstance(entry, Image)]
    (committed,) = (image for image in images if COMMITTED in image.tags)
    assert committed.key == container(observed, filled.derived).image_id
    assert len(committed.layers) == 2
    layers = {key.key: entry for key, entry in observed.entries.items() if isinstance(entry, Layer)}
    assert set(committed.layers) == set(layers)
    base, top = (layers[key] for key in committed.layers)
    assert top.parent == base.key
    assert top.key == container(observed, filled.derived).parent_chain_id
    assert mark(filled, f"{top.diff_path}/srv/mark") == filled.running
    assert filled.engine.host.path(f"{base.diff_path}/bin/busybox").exists()


def test_looking_twice_finds_the_same_state(filled: Filled, observed: Observation) -> None:
    assert look(filled.engine).hashes == observed.hashes


def all_are_images(engine: Engine) -> bool:
    uses = {entry.use for entry in look(engine).entries.values() if isinstance(entry, Layer)}
    assert uses <= {LayerUse.IMAGE, LayerUse.UNCLAIMED}
    return uses == {LayerUse.IMAGE}


@pytest.mark.parametrize("snapshotter", SNAPSHOTTERS)
def test_every_container_of_the_image_store_is_resolved_running_or_not(lab: Lab, snapshotter: Snapshotter) -> None:
    engine = lab.engine(snapshotter, release="trixie")
    filled = fill(engine)
    for way in (ResolvedBy.MOUNTINFO, ResolvedBy.SNAPSHOT_DB):
        observed = look(engine)
        assert observed.complete == dict.fromkeys(Kind, True)
        assert observed.problems == ()
        for container_id in filled.containers:
            found = container(observed, container_id)
            assert mark(filled, f"{found.diff_path}/srv/mark") == container_id
            assert found.backend == snapshotter
            assert found.path_kind == (PathKind.DIFF if snapshotter == "overlayfs" else PathKind.FULL_VIEW)
            assert found.resolved_by == (way if container_id == filled.running else ResolvedBy.SNAPSHOT_DB)
        layers = {key.key: entry for key, entry in observed.entries.items() if isinstance(entry, Layer)}
        assert container(observed, filled.derived).parent_chain_id in layers
        assert layers[str(container(observed, filled.derived).parent_chain_id)].use is LayerUse.IMAGE
        # What containerd's garbage collection has yet to fetch is claimed by nothing for a moment.
        wait_until("containerd has collected what is left of making images", partial(all_are_images, engine), pause=0.2)
        images = [entry for entry in observed.entries.values() if isinstance(entry, Image)]
        assert {image.key for image in images} == {container(observed, one).image_id for one in filled.containers}
        assert all(set(image.layers) <= set(layers) for image in images)
        engine.docker("kill", "web", fails=way is ResolvedBy.SNAPSHOT_DB)
    lab.retire(engine)
