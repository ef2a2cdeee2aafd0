"""Several at once on one node, on real engines: a moved data root, two backends, and a containerd somewhere else."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import pytest

from agent.config import Config
from agent.lookout import Lookout
from agent.observation import Observation
from protocol.entries import Container, Image, Kind, Layer, LayerUse, ResolvedBy
from tests.swarm.engines import IMAGE, Engine
from tests.swarm.hosts import Process, wait_until
from tests.swarm.lab import Lab

pytestmark = pytest.mark.lab

MOVED = "/run/moved/docker"
CONTAINERD = "/run/elsewhere"
SOCKET = "/run/moved/containerd.sock"


def look(engine: Engine, containerd_root: str = "") -> Observation:
    """Look as an agent in a container does, with the host's root directory mounted somewhere."""
    config = Config(
        collectors=("http://127.0.0.1:1",),
        docker_host=engine.url,
        host_root=str(engine.host.path("")),
        containerd_root=containerd_root,
    )
    with Lookout(config) as lookout, closing(lookout.subscribe()):
        return lookout.look(None, 1)


def containers(observed: Observation) -> dict[str, Container]:
    return {one.name: one for one in observed.entries.values() if isinstance(one, Container)}


def marked(engine: Engine, *names: str) -> None:
    """Create containers, each with its name in a file."""
    for name in names:
        engine.docker("create", "--name", name, "--network=none", IMAGE, "sleep", "1000")
        mark = engine.host.folder / "mark"
        mark.write_text(name)
        engine.docker("cp", str(mark), f"{name}:/srv/mark")


def mark(engine: Engine, one: Container) -> str:
    return engine.host.path(f"{one.diff_path}/srv/mark").read_text()


def test_both_backends_of_a_moved_data_root_are_read_after_a_switch(lab: Lab) -> None:
    engine = lab.engine(starts=False)
    engine.host.run("mkdir", "-p", MOVED)
    for backend in ("overlay2", "vfs"):
        engine.backend = backend
        engine.start("--data-root", MOVED)
        engine.make_image()
        marked(engine, f"{backend}-a", f"{backend}-b")
        if backend == "overlay2":
            engine.stop()
    observed = look(engine)
    assert [(one.name, one.current, one.root) for one in observed.backends] == [
        ("vfs", True, MOVED),
        ("overlay2", False, MOVED),
    ]
    assert observed.problems == ()
    found = containers(observed)
    assert {name: (one.backend, one.ghost) for name, one in found.items()} == {
        "vfs-a": ("vfs", False),
        "vfs-b": ("vfs", False),
        "overlay2-a": ("overlay2", True),
        "overlay2-b": ("overlay2", True),
    }
    assert {name: mark(engine, one) for name, one in found.items()} == {name: name for name in found}
    assert all(one.resolved_by is ResolvedBy.LAYERDB for one in found.values())
    layers = [one for one in observed.entries.values() if isinstance(one, Layer)]
    assert {(one.backend, one.use) for one in layers} == {("vfs", LayerUse.IMAGE), ("overlay2", LayerUse.IMAGE)}
    engine.stop()


@dataclass(frozen=True)
class Apart:
    """An engine whose containerd is a system's, with a root that is neither below nor beside the data root."""

    engine: Engine
    containerd: Process


@pytest.fixture(scope="module")
def apart(lab: Lab) -> Iterator[Apart]:
    engine = lab.engine("overlayfs", release="trixie", starts=False)
    host = engine.host
    host.run("mkdir", "-p", MOVED)
    command = ("containerd", "--root", CONTAINERD, "--state", "/run/moved/state", "--address", SOCKET)
    containerd = host.start(*command, log=host.folder / "containerd.log")
    wait_until("containerd listens", lambda: host.path(SOCKET).exists() or not containerd.running)
    engine.start("--data-root", MOVED, "--containerd", SOCKET)
    engine.make_image()
    marked(engine, "stopped", "running")
    engine.docker("start", "running")
    yield Apart(engine, containerd)
    engine.stop()
    containerd.stop()


def test_a_containerd_root_elsewhere_is_read_when_it_is_named(apart: Apart) -> None:
    observed = look(apart.engine, CONTAINERD)
    assert observed.problems == ()
    assert observed.complete == dict.fromkeys(Kind, True)
    found = containers(observed)
    assert {name: (one.root, one.resolved_by) for name, one in found.items()} == {
        "stopped": (MOVED, ResolvedBy.SNAPSHOT_DB),
        "running": (MOVED, ResolvedBy.MOUNTINFO),
    }
    for name, one in found.items():
        assert (one.diff_path or "").startswith(f"{CONTAINERD}/io.containerd.snapshotter.v1.overlayfs/")
        assert mark(apart.engine, one) == name
    assert [one.reason for one in observed.entries.values() if isinstance(one, Image)] == [""]


def test_one_that_is_not_named_is_a_problem_that_says_how_and_nothing_is_called_gone(apart: Apart) -> None:
    observed = look(apart.engine)
    (problem,) = observed.problems
    assert "MOUNTBOOK_CONTAINERD_ROOT" in problem
    assert not observed.complete[Kind.LAYER]
    found = containers(observed)
    assert {name: one.resolved_by for name, one in found.items()}["stopped"] is ResolvedBy.UNRESOLVED
    assert all(one.reason for one in found.values() if one.resolved_by is ResolvedBy.UNRESOLVED)
