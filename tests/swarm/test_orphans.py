"""Engines that have built, removed, restarted and been killed: all is found again, and no orphan is anybody's.

A look here is taken as if a year had passed, so no grace period hides what would be called an orphan after it.
"""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agent.backends import boltfile, containerd_db, discover
from agent.backends.unclaimed import GRACE
from agent.engine import Engine as Connection
from agent.inventory import Inventory, take
from protocol.entries import Container, Kind, Layer, LayerUse, PathKind, ResolvedBy
from tests.swarm.engines import GRAPH_DRIVERS, IMAGE, SNAPSHOTTERS, Engine, GraphDriver, Snapshotter
from tests.swarm.hosts import LabError, wait_until
from tests.swarm.lab import Lab

pytestmark = pytest.mark.lab

YEAR = 365 * 86400.0
HOMES = {"vfs": "vfs/dir", "btrfs": "btrfs/subvolumes"}
"""Where a graph driver has its layers, if not in a directory of its own name."""
SNAPSHOTS = "containerd/daemon/io.containerd.snapshotter.v1.{}/snapshots"
FULL_VIEWS = {"btrfs", "vfs", "native"}
STAMP = "cat /proc/sys/kernel/random/uuid"
"""Prints something else whenever it runs: what is the same twice came from the build cache."""
BUILD = f"""FROM {IMAGE}
RUN {STAMP} >/srv/first
RUN --mount=type=cache,target=/cache {STAMP} >/cache/kept && {STAMP} >/srv/second
COPY Dockerfile /srv/
"""


@dataclass
class Site:
    """An engine at work. ``marks`` has what each container wrote into /srv/mark, by its ID."""

    engine: Engine
    marks: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> str:
        """The directory, below the data root, of the directories of layers."""
        backend = self.engine.backend
        return SNAPSHOTS.format(backend) if backend in SNAPSHOTTERS else HOMES.get(backend, backend)

    def on_disk(self, path: str) -> Path:
        """Return how a file below the data root is reached."""
        return self.engine.host.path(f"{self.engine.data_root}/{path}")

    def create(self, name: str, *arguments: str) -> str:
        """Create a container that sleeps, with a mark of its own in it, and return its ID."""
        container_id = self.engine.docker("create", "--name", name, *(arguments or (IMAGE,)), "sleep", "1000")
        mark = self.engine.host.folder / "mark"
        mark.write_text(container_id)
        self.engine.docker("cp", str(mark), f"{name}:/srv/mark")
        self.marks[container_id] = container_id
        return container_id

    def build(self, tag: str, dockerfile: str = BUILD, *arguments: str, kit: bool = True) -> None:
        """Build an image, with BuildKit or with the engine's old builder."""
        context = self.engine.host.folder / "context"
        context.mkdir(exist_ok=True)
        (context / "Dockerfile").write_text(dockerfile)
        command = ("build", "--quiet", "--network=none", *arguments, "--tag", tag, str(context))
        self.engine.docker(*command, environment={"DOCKER_BUILDKIT": str(int(kit))})

    def print(self, image: str, path: str) -> str:
        """Return what a container of an image reads at a path."""
        return self.engine.docker("run", "--rm", "--network=none", image, "cat", path)

    def look(self, later: float = YEAR) -> Inventory:
        """Take the agent's own inventory as it would be after so many seconds in which nothing changed."""
        now = time.time() + later
        with Connection(self.engine.url) as connection:
            facts, listing = connection.info(), connection.listing()
        disks = discover.look(
            facts.engine.data_root,
            driver=facts.engine.driver,
            status=facts.status,
            prefix=str(self.engine.host.path("")),
            now=now,
        )
        return take(disks, listing, now=now)

    def layers(self, *uses: LayerUse) -> list[Layer]:
        """Return the layers with one of these uses that a look finds."""
        found = self.look()
        assert found.complete == dict.fromkeys(Kind, True)
        return [entry for entry in found.entries if isinstance(entry, Layer) and entry.use in uses]

    def restart(self) -> None:
        """Stop it in order, which ends every container, and start it again."""
        self.engine.stop()
        self.engine.start()

    def clear(self) -> None:
        """Remove every container."""
        containers = self.engine.docker("ps", "--all", "--quiet").split()
        if containers:
            self.engine.docker("rm", "--force", *containers)
        self.marks.clear()

    def kill_while(self, *removals: tuple[str, ...], until: int) -> None:
        """Kill the engine while it carries out commands: as soon as so few containers are left. Start it again."""
        records = self.on_disk("containers")
        clients = [self.engine.begin(*removal) for removal in removals]
        wait_until("the engine is in the middle of it", lambda: len(os.listdir(records)) <= until)
        self.engine.kill()
        for client in clients:
            client.wait(60)
        # The number in it may be another process's by now; the engine would take that for itself.
        self.engine.host.path("/var/run/docker.pid").unlink(missing_ok=True)
        if self.engine.backend in SNAPSHOTTERS:
            self.forget_a_snapshot()
        self.engine.start()
        # However long a slow machine took until here, as if all of it had happened just now.
        young = self.look(-GRACE).entries
        assert not [one for one in young if isinstance(one, Layer) and one.use is LayerUse.ORPHAN]
        wait_until("the engine makes containers again", self.makes_containers, pause=0.2)

    def forget_a_snapshot(self) -> None:
        """Leave what containerd leaves that is killed between renaming a directory and committing its number.

        With luck the kill did that itself: then the directory is there.
        """
        database = f"{self.on_disk(self.home).parent}/metadata.db"
        number = boltfile.read(database, containerd_db.numbers).last + 1
        (self.on_disk(self.home) / f"{number}/fs").mkdir(parents=True, exist_ok=True)

    def makes_containers(self) -> bool:
        """Try to make a container. That fails until containerd has collected what it forgot in a kill.

        It gives the number of a snapshot that it forgot out again, and finds the directory in its way.
        """
        try:
            container_id = self.engine.docker("create", IMAGE, "sleep", "1")
        except LabError as exc:
            if self.engine.backend in SNAPSHOTTERS and "failed to rename" in str(exc) and "file exists" in str(exc):
                return False
            raise
        self.engine.docker("rm", container_id)
        return True


@pytest.fixture(scope="module", params=(*GRAPH_DRIVERS, *SNAPSHOTTERS))
def site(lab: Lab, request: pytest.FixtureRequest) -> Iterator[Site]:
    backend: GraphDriver | Snapshotter = request.param
    engine = lab.engine(backend, release="trixie" if backend in SNAPSHOTTERS else None)
    yield Site(engine)
    lab.retire(engine)


def assert_all_resolved(site: Site, states: dict[str, str]) -> None:
    """Check that each container is resolved in the state it should have, and that its file is at its diff path."""
    found = site.look(0)
    assert found.problems == ()
    containers = {entry.key: entry for entry in found.entries if isinstance(entry, Container)}
    assert {one.name: one.state for one in containers.values()} == states
    for key, mark in site.marks.items():
        one = containers[key]
        assert one.resolved_by != ResolvedBy.UNRESOLVED, one
        assert not one.reason
        assert one.backend == site.engine.backend
        assert one.path_kind == (PathKind.FULL_VIEW if site.engine.backend in FULL_VIEWS else PathKind.DIFF)
        assert site.engine.host.path(f"{one.diff_path}/srv/mark").read_text() == mark, one.name


def test_a_container_is_found_in_every_state_and_after_a_restart(site: Site) -> None:
    docker = site.engine.docker
    site.create("base")
    docker("commit", "base", "shop:1")
    docker("rm", "base")
    site.marks.clear()
    started = ("running", "paused", "exited", "old-name", "untagged-running")
    for name in started:
        site.create(name, "shop:1")
    docker("start", *started)
    docker("kill", "exited")
    docker("rename", "old-name", "new-name")
    docker("pause", "paused")
    site.create("created", "shop:1")
    site.create("image-removed", "shop:1")
    docker("rmi", "--force", "shop:1")
    removed = site.create("removed")
    docker("start", "removed")
    docker("rm", "--force", "removed")
    del site.marks[removed]
    states = dict.fromkeys(("running", "new-name", "untagged-running"), "running")
    states |= {"paused": "paused", "exited": "exited", "created": "created", "image-removed": "created"}
    assert_all_resolved(site, states)
    docker("unpause", "paused")  # a frozen one ends only when the engine's patience does
    site.restart()
    states |= dict.fromkeys(("running", "new-name", "untagged-running", "paused"), "exited")
    assert_all_resolved(site, states)
    docker("start", "running", "image-removed", "created")
    docker("pause", "created")
    states |= {"running": "running", "image-removed": "running", "created": "paused"}
    assert_all_resolved(site, states)
    site.clear()


def assert_no_false_orphan(site: Site, stamps: dict[str, str]) -> list[Layer]:
    """Move every orphan away and check that everything works without it; return the orphans, which are back.

    ``stamps`` are built images with what was printed while they were.
    """
    orphans = site.layers(LayerUse.ORPHAN)
    if orphans:
        with moved_away(site, orphans):
            assert_all_works(site, stamps)
    return orphans


def assert_all_works(site: Site, stamps: dict[str, str]) -> None:
    """Start every container, run every image, build from the cache and remove what is half removed."""
    docker = site.engine.docker
    half_removed = docker("ps", "--all", "--quiet", "--filter", "status=dead", "--filter", "status=removing").split()
    if half_removed:
        docker("rm", "--force", *half_removed)
    containers = docker("ps", "--all", "--quiet").split()
    if containers:
        docker("restart", "--time=0", *containers)
        for one in containers:
            assert docker("exec", one, "echo", "lives") == "lives"
        docker("kill", *containers)
    for image in set(docker("images", "--quiet", "--no-trunc").split()):
        assert docker("run", "--rm", "--network=none", image, "echo", "lives") == "lives"
    for tag, stamp in stamps.items():
        site.build(tag)
        assert site.print(tag, "/srv/second") == stamp, "the build cache was not used"


@contextmanager
def moved_away(site: Site, layers: list[Layer]) -> Iterator[None]:
    """Have the layers' directories elsewhere on the same disk. Those whose place is taken meanwhile stay away.

    containerd gives the number of a snapshot that it forgot when it was killed out again.
    """
    aside = site.on_disk(site.home).parent / "aside"  # btrfs has its home mounted: only beside it is the same disk
    aside.mkdir()
    moved = [(site.on_disk(f"{site.home}/{layer.cache_id}"), aside / layer.cache_id) for layer in layers]
    for path, away in moved:
        path.rename(away)
    try:
        yield
    finally:
        for path, away in moved:
            if path.exists():
                shutil.rmtree(away)
            else:
                away.rename(path)
        aside.rmdir()


def test_nothing_that_is_needed_is_called_an_orphan(site: Site) -> None:
    docker = site.engine.docker
    site.build("built:1")
    stamp = site.print("built:1", "/srv/second")
    site.build("classic:1", f"FROM {IMAGE}\nRUN {STAMP} >/srv/first\nENV COLOUR=red\n", kit=False)
    site.create("on-built", "built:1")
    docker("start", "on-built")
    docker("commit", "on-built", "committed:1")
    site.create("on-committed", "committed:1")
    docker("rmi", "--force", "committed:1")
    docker("rmi", "--force", "built:1")  # its layers are now the container's and the build cache's
    assert_no_false_orphan(site, {"built:1": stamp})
    wait_until(
        "nothing is left that waits for containerd's garbage collection", lambda: not site.layers(LayerUse.ORPHAN)
    )
    docker("rm", "--force", "on-built", "on-committed")
    docker("rmi", "classic:1")  # and now the build cache's alone
    site.restart()
    assert_no_false_orphan(site, {"built:1": stamp})
    wait_until(
        "nothing is left that waits for containerd's garbage collection", lambda: not site.layers(LayerUse.ORPHAN)
    )
    assert_all_works(site, {"built:1": stamp})


def test_no_orphan_is_anybodys_after_a_kill_in_the_middle_of_removals(site: Site) -> None:
    docker = site.engine.docker
    site.build("built:2")
    stamp = site.print("built:2", "/srv/second")
    for number in range(2):
        kept = len(os.listdir(site.on_disk("containers")))
        victims = [f"victim-{number}-{index}" for index in range(6)]
        for name in victims:
            docker("create", "--name", name, IMAGE, "sleep", "1000")
        docker("start", *victims[::3])
        images = [f"spare:{index}" for index in range(3)]
        for tag in images:
            docker("commit", victims[0], tag)
        making = ("run", "--name", f"half-made-{number}", IMAGE, "sleep", "1000")
        removing = (("rm", "--force", *victims), ("rmi", "--force", *images))
        site.kill_while(*removing, making, until=kept + len(victims) - 1 - 2 * number)
    assert_no_false_orphan(site, {"built:2": stamp})
    site.clear()
    assert_no_false_orphan(site, {"built:2": stamp})


def test_every_planted_leak_is_found(site: Site) -> None:
    home = site.on_disk(site.home)
    snapshots = site.engine.backend in SNAPSHOTTERS
    planted = {"987654", "new-stray"} if snapshots else {f"{number:064x}" for number in range(1, 4)}
    for name in planted:
        (home / name / "fs").mkdir(parents=True)
        (home / name / "fs/file").write_text("leaked")
        os.utime(home / name, (0, 0))
    # What the overlayfs snapshotter does not know it deletes itself when it next removes a snapshot.
    sweeps = site.engine.backend == "overlayfs"
    found = {layer.cache_id: layer for layer in site.layers(LayerUse.ORPHAN, LayerUse.REMOVING)}
    assert planted <= found.keys()
    assert {found[name].use for name in planted} == {LayerUse.REMOVING if sweeps else LayerUse.ORPHAN}
    for name in planted:
        assert found[name].evidence
        assert any(place.path == f"{site.engine.data_root}/{site.home}/{name}" for place in found[name].paths)
    young = {
        layer.cache_id for layer in site.look(-GRACE).entries if isinstance(layer, Layer) and layer.use == "orphan"
    }
    assert not planted & young, "a directory that was made a moment ago is called an orphan"
    for name in planted:
        shutil.rmtree(home / name)
