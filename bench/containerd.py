"""S4: the containers of the containerd image store, resolved from its two databases.

Two and a half thousand containers make five thousand snapshots of their own (each has an init layer), beside those of
images; one container in ten runs, and so has its specification in containerd's records.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from agent.backends.base import DataRoot
from agent.backends.containerd import Containerd
from agent.backends.containerd_store import META
from agent.backends.mountinfo import MountTable
from agent.backends.unclaimed import Moment
from bench.boltwalk import walk_bolt
from bench.table import Row, at_most
from protocol.entries import ResolvedBy
from tests.unit.agent.backends.image_store import ImageStore

SNAPSHOTS = 5_000
PAIRS = 9
GOAL = 2.0
HOST = "/var/lib/docker"
OWN = "containerd/daemon"


def measure(snapshots: int = SNAPSHOTS) -> list[Row]:
    """Build the databases, then resolve every container, and walk every page, in turn."""
    with tempfile.TemporaryDirectory(prefix="mountbook-bench-") as directory:
        build(Path(directory), snapshots // 2)
        ours(directory, snapshots // 2)
        walked = walk(directory)
        pairs = [(_time(lambda: ours(directory, snapshots // 2)), _time(lambda: walk(directory))) for _ in range(PAIRS)]
    what = f"{snapshots:,} snapshots resolved / a walk over {walked:,} element headers"
    return [at_most("S4", what, "ms", pairs, GOAL)]


def build(root: Path, containers: int) -> None:
    """Make a node's image store: containers on four images of ten layers each."""
    store = ImageStore(root)
    images = [store.image(f"web:{one}", [f"{one}.{layer}" for layer in range(10)]) for one in range(4)]
    for number in range(containers):
        store.container(f"{number:064x}", images[number % 4], spec='{"process":{"env":[]}}' * 400)
    store.containers = {name: spec for name, spec in store.containers.items() if int(name, 16) % 10 == 0}
    store.write()


def ours(root: str, containers: int) -> None:
    """Do what an agent does at every full look.

    Raises:
        AssertionError: a container was not resolved.
    """
    own = DataRoot(f"{root}/{OWN}", f"{HOST}/{OWN}")
    reader = Containerd(DataRoot(root, HOST), own, "moby", "overlayfs", MountTable(), Moment(0.0))
    found = [reader.resolve(container) for container in reader.container_ids()]
    resolved = sum(one is not None and one.resolved_by == ResolvedBy.SNAPSHOT_DB for one in found)
    if resolved != containers:
        raise AssertionError(f"{resolved} of {containers} containers were resolved")


def walk(root: str) -> int:
    """Walk both databases and return the number of their elements."""
    home = f"{root}/{OWN}"
    return walk_bolt(f"{home}/{META}") + walk_bolt(f"{home}/io.containerd.snapshotter.v1.overlayfs/metadata.db")


def _time(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began
