"""S1 and S3: the full inventory of a node with 5,000 containers on overlay2, its tree on disk.

From the decoded list objects to entries and their state hash: what an agent does at every full look.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from agent.backends.discover import look
from agent.inventory import take
from agent.listing import ListedContainer, ListedMount, Listing
from agent.observation import Observation
from bench.table import Row, at_most
from bench.yardsticks import list_all_containers, read_files
from mountbook.local.dataroots import BuiltRoot, ContainerSpec, DataRootSpec, ImageSpec, VolumeSpec, build
from protocol.statehash import total

CONTAINERS = 5_000
PAIRS = 9
READING_GOAL = 2.5
EXPLORER_GOAL = 1 / 5
HOST = "/var/lib/docker"


def measure(containers: int = CONTAINERS) -> list[Row]:
    """Build the tree, then take ours and each yardstick in turn."""
    with tempfile.TemporaryDirectory(prefix="mountbook-bench-") as directory:
        built = build(Path(directory) / "docker", specification(containers))
        listing = listed(built)
        files = _files(built)
        ours(built, listing)
        read_files(files)
        reading = [(_time(lambda: ours(built, listing)), _time(lambda: read_files(files))) for _ in range(PAIRS)]
        exploring = [
            (_time(lambda: ours(built, listing)), _time(lambda: list_all_containers(built.path))) for _ in range(5)
        ]
    what = f"inventory of {containers:,} containers"
    return [
        at_most("S1", f"{what} / reading the same files", "ms", reading, READING_GOAL),
        at_most("S3", f"{what} / docker-explorer list all_containers", "ms", exploring, EXPLORER_GOAL),
    ]


def specification(containers: int) -> DataRootSpec:
    """Return a node full of one service's tasks."""
    image = ImageSpec(name="web:1", layers=tuple({f"layer{number}": "x"} for number in range(5)))
    return DataRootSpec(
        driver="overlay2",
        images=(image,),
        volumes=(VolumeSpec(name="data"),),
        containers=tuple(
            ContainerSpec(name=f"web.{number}", image="web:1", labels=_labels(number), volumes={"/data": "data"})
            for number in range(containers)
        ),
    )


def _labels(number: int) -> dict[str, str]:
    swarm = "com.docker.swarm"
    return {
        "com.docker.stack.namespace": "shop",
        f"{swarm}.node.id": "n1" * 12,
        f"{swarm}.service.id": "s1" * 12,
        f"{swarm}.service.name": "shop_web",
        f"{swarm}.task.id": f"{number:025d}",
        f"{swarm}.task.name": f"shop_web.{number}.{number:025d}",
    }


def listed(built: BuiltRoot) -> Listing:
    """Return what an engine with this data root would list."""
    mount = ListedMount(
        type="volume", name="data", source=f"{HOST}/volumes/data/_data", destination="/data", driver="local", mode="z"
    )
    containers = tuple(
        ListedContainer(
            id=one.container_id,
            names=[f"/{one.name}"],
            image=one.image,
            image_id=one.image_id,
            created=1_767_600_000,
            state="running",
            status="Up 3 hours",
            labels=_labels(number),
            mounts=[mount],
        )
        for number, one in enumerate(built.containers)
    )
    return Listing(containers=containers, images=(), volumes=(), drivers={})


def ours(built: BuiltRoot, listing: Listing) -> int:
    """Take the inventory and its state hash, checking that it is whole."""
    found = take(look(HOST, local=str(built.path), driver=built.driver), listing)
    observation = Observation.of(found.entries, at=0.0, complete=found.complete)
    if len(observation.entries) < len(listing.containers) or found.problems:
        raise RuntimeError(f"the inventory is not whole: {found.problems[:3]}")
    return total(observation.hashes.values())


def _files(built: BuiltRoot) -> list[str]:
    """Return every file that the inventory reads of a container."""
    files: list[str] = []
    for one in built.containers:
        entry = f"{built.path}/image/{built.driver}/layerdb/mounts/{one.container_id}"
        files += [f"{entry}/{name}" for name in ("mount-id", "init-id", "parent")]
        files += [f"{built.path}/overlay2/{name}/link" for name in (one.mount_id, one.init_id)]
        files.append(f"{built.path}/containers/{one.container_id}/config.v2.json")
    return files


def _time(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


if __name__ == "__main__":
    for row in measure():
        print(row)
