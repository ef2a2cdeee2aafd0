"""One node in memory: an engine and a data root, at the two interfaces where the agent's inventory reads them.

The engine's lists are an ``agent.listing.Listing``, the disk is an ``agent.backends.base.BackendReader`` that lays out
directories as overlay2 does. Of a container only its number and state are kept: all else follows from them, so five
thousand nodes fit into one process.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Final, NamedTuple

from agent import inventory
from agent.backends.base import DataRoot, Problems, Resolution
from agent.backends.discover import Disk
from agent.backends.overlay2 import LAYOUT
from agent.listing import ListedContainer, ListedMount, ListedVolume, Listing
from agent.observation import Observation
from protocol import messages
from protocol.entries import (
    LABEL_CLUSTER_NODE,
    LABEL_SERVICE,
    LABEL_SERVICE_ID,
    LABEL_STACK,
    LABEL_TASK,
    LABEL_TASK_ID,
    BackendType,
    EntryKey,
    Image,
    Kind,
    Layer,
    Place,
    ResolvedBy,
    Role,
)

ROOT: Final = "/var/lib/docker"
STACKS: Final = 20
SERVICES: Final = 5
"""Services of each stack."""
IMAGES: Final = 4
LAYERS: Final = 5
"""Layers of each image."""
_BORN: Final = 1_760_000_000
_IMAGE_BORN: Final = "2025-10-01T00:00:00.000000Z"


def digest(*parts: object) -> str:
    """Return 64 hex digits that follow from these parts."""
    return hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()


def chain(image: int, layer: int) -> str:
    """Return the chain ID of an image's layer."""
    return f"sha256:{digest('chain', image, layer)}"


class Kept(NamedTuple):
    """What is kept of a container."""

    number: int
    state: str


class Change(NamedTuple):
    """What happened to a container; ``state`` is its state now, ``""`` when it was removed."""

    container_id: str
    state: str


@dataclass(frozen=True, slots=True)
class World:
    """What all nodes share. ``empty`` is a directory with nothing in it: what is not simulated is not there."""

    seed: int
    empty: str
    layers: tuple[Layer, ...] = field(default_factory=lambda: tuple(_layers()))
    images: tuple[Image, ...] = field(default_factory=lambda: tuple(_images()))


class SimulatedNode:
    """A node with so many containers, as its engine and its disk would show it."""

    def __init__(self, world: World, number: int, containers: int) -> None:
        self.id = digest(world.seed, "node", number)[:25]
        self.hostname = f"sim-{number:05}"
        self.wanted = containers
        self.world, self._number = world, number
        self._next = 0
        self._containers: dict[str, Kept] = {}
        self._root = DataRoot(world.empty, ROOT)
        for _ in range(containers):
            self._create()

    @property
    def engine(self) -> messages.Engine:
        """What the engine says of itself."""
        return messages.Engine(
            engine_id=digest("engine", self.id)[:36],
            version="29.0.1",
            api_version="1.52",
            os="Debian GNU/Linux 13 (trixie)",
            arch="x86_64",
            kernel="6.12.48",
            driver=LAYOUT.driver,
            data_root=ROOT,
            hostname=self.hostname,
            swarm_node=self.id,
            socket=True,
        )

    @property
    def count(self) -> int:
        """How many containers there are now."""
        return len(self._containers)

    def change(self, random: Random, spared: Iterable[str] = ()) -> Change | None:
        """Let something happen to one container, but not to those ``spared``; None when there is none left to choose.

        The number of containers stays about the one that is wanted.
        """
        if self.count < self.wanted:
            return Change(self._create(), "running")
        left = [one for one in self._containers if one not in spared]
        if not left:
            return None
        chosen = left[random.randrange(len(left))]
        kept = self._containers[chosen]
        if kept.state == "exited" and random.random() < 0.5:
            del self._containers[chosen]
            return Change(chosen, "")
        state = "exited" if kept.state == "running" else "running"
        self._containers[chosen] = Kept(kept.number, state)
        return Change(chosen, state)

    def container_ids(self) -> list[str]:
        """Return the IDs of all containers."""
        return list(self._containers)

    def look(self, ids: frozenset[str] | None, at: float, hash_version: int) -> Observation:
        """Look at these containers, or at everything when None, as ``agent.lookout.Lookout`` does."""
        disk = Disk(self._root, (_Overlay2(self),), Problems(), LAYOUT.driver)
        found = inventory.take([disk], self._listing(ids), only=ids)
        asked = None
        if ids is not None:
            asked = {EntryKey(Kind.CONTAINER, ROOT, one) for one in ids} - found.uncertain
        return Observation.of(
            found.entries,
            at=at,
            hash_version=hash_version,
            complete=found.complete,
            asked=asked,
            problems=found.problems,
            backends=found.backends,
        )

    def _create(self) -> str:
        number, self._next = self._next, self._next + 1
        container_id = digest(self.world.seed, self._number, number)
        self._containers[container_id] = Kept(number, "running")
        return container_id

    def _listing(self, ids: frozenset[str] | None) -> Listing:
        chosen = self._containers if ids is None else ids & self._containers.keys()
        listed = tuple(self._listed(one, self._containers[one]) for one in chosen)
        if ids is not None:
            return Listing(listed, (), (), {})
        return Listing(listed, (), tuple(self._volume(stack) for stack in range(2)), {})

    def _listed(self, container_id: str, kept: Kept) -> ListedContainer:
        service = (self._number * 7 + kept.number) % (STACKS * SERVICES)
        stack = service // SERVICES
        name = f"stack{stack}_service{service}"
        task_id = digest("task", container_id)[:25]
        task = f"{name}.{self._number % 50 + 1}.{task_id}"
        image = service % IMAGES
        return ListedContainer(
            id=container_id,
            names=[f"/{task}"],
            image=f"registry.example/app{image}:1.{image}",
            image_id=f"sha256:{digest('image', image)}",
            created=_BORN + kept.number,
            state=kept.state,
            status="Up 3 minutes" if kept.state == "running" else "Exited (0) 3 minutes ago",
            labels={
                LABEL_CLUSTER_NODE: self.id,
                LABEL_SERVICE_ID: digest("service", service)[:25],
                LABEL_SERVICE: name,
                LABEL_TASK: task,
                LABEL_TASK_ID: task_id,
                LABEL_STACK: f"stack{stack}",
            },
            mounts=[self._mount(stack % 2)] if kept.number % 3 == 0 else None,
        )

    def _mount(self, volume: int) -> ListedMount:
        listed = self._volume(volume)
        return ListedMount(
            type="volume",
            name=listed.name,
            source=listed.mountpoint,
            destination="/data",
            driver="local",
            mode="z",
        )

    @staticmethod
    def _volume(number: int) -> ListedVolume:
        name = f"volume{number}"
        return ListedVolume(name=name, driver="local", mountpoint=f"{ROOT}/volumes/{name}/_data")

    def resolve(self, container_id: str) -> Resolution | None:
        """Return where the disk has the container's layers, None when there is no such container."""
        kept = self._containers.get(container_id)
        if kept is None:
            return None
        mount_id = digest("mount", container_id)
        init_id = f"{mount_id}-init"
        service = (self._number * 7 + kept.number) % (STACKS * SERVICES)
        return Resolution(
            LAYOUT.driver,
            mount_id,
            init_id,
            f"{ROOT}/overlay2/{mount_id}/diff",
            LAYOUT.path_kind,
            chain(service % IMAGES, LAYERS - 1),
            ResolvedBy.LAYERDB,
            "",
            (
                Place(f"{ROOT}/overlay2/{mount_id}", Role.WRITABLE, LAYOUT.views),
                Place(f"{ROOT}/image/overlay2/layerdb/mounts/{container_id}", Role.METADATA),
                Place(f"{ROOT}/overlay2/l/{mount_id[:26].upper()}", Role.LINK, (".",)),
                Place(f"{ROOT}/overlay2/{init_id}", Role.INIT, LAYOUT.views),
                Place(f"{ROOT}/overlay2/l/{mount_id[26:52].upper()}", Role.INIT, (".",)),
            ),
        )


class _Overlay2:
    """The node's disk: ``agent.backends.base.BackendReader`` without files."""

    name: str = LAYOUT.driver
    type: BackendType = "graph-driver"

    def __init__(self, node: SimulatedNode) -> None:
        self.problems = Problems()
        self._node = node

    def container_ids(self) -> list[str]:
        """Return the IDs of every container."""
        return self._node.container_ids()

    def resolve(self, container_id: str) -> Resolution | None:
        """Return where the container's layers are."""
        return self._node.resolve(container_id)

    def layers(self) -> Iterator[Layer]:
        """Yield every image layer."""
        yield from self._node.world.layers

    def images(self) -> Iterator[Image]:
        """Yield every image."""
        yield from self._node.world.images


def _layers() -> Iterator[Layer]:
    for image in range(IMAGES):
        for layer in range(LAYERS):
            key, cache = chain(image, layer), digest("cache", image, layer)
            yield Layer(
                root=ROOT,
                key=key,
                paths=(
                    Place(f"{ROOT}/overlay2/{cache}", Role.LAYER, LAYOUT.image_views),
                    Place(f"{ROOT}/overlay2/l/{cache[:26].upper()}", Role.LINK, (".",)),
                    Place(f"{ROOT}/image/overlay2/layerdb/sha256/{key[7:]}", Role.METADATA),
                ),
                backend=LAYOUT.driver,
                cache_id=cache,
                diff_id=f"sha256:{digest('diff', image, layer)}",
                parent=chain(image, layer - 1) if layer else "",
                diff_path=f"{ROOT}/overlay2/{cache}/diff",
                path_kind=LAYOUT.path_kind,
            )


def _images() -> Iterator[Image]:
    for image in range(IMAGES):
        yield Image(
            root=ROOT,
            key=f"sha256:{digest('image', image)}",
            tags=(f"registry.example/app{image}:1.{image}",),
            layers=tuple(chain(image, layer) for layer in range(LAYERS)),
            platform="linux/amd64",
            created_at=_IMAGE_BORN,
            backend=LAYOUT.driver,
        )
