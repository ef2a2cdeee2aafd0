"""Who uses a layer, a volume or a bind on its node."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from collector.lookup.owners import Users
from collector.lookup.scope import Scope
from collector.store.keys import hash_token, token
from collector.store.read import places
from collector.store.read.found import Found, Identity
from protocol.entries import Bind, Container, Entry, Image, Layer, LayerUse, Volume

E = TypeVar("E", bound=Entry)


async def of(scope: Scope, found: Iterable[Found]) -> dict[Identity, Users]:
    """Return the users of everything found; only layers of images, volumes and binds have any."""
    asked = {one.identity: one for one in found}
    users = dict.fromkeys(asked, Users())
    layers = {
        one.identity: (one.node_id, one.entry)
        for one in asked.values()
        if isinstance(one.entry, Layer) and one.entry.use is LayerUse.IMAGE
    }
    mounted = {one.identity: (one.node_id, one.entry) for one in asked.values() if isinstance(one.entry, Volume | Bind)}
    if layers:
        users |= await _of_layers(scope, layers)
    if mounted:
        users |= await _of_mounted(scope, mounted)
    return users


async def _of_mounted(scope: Scope, mounted: Mapping[Identity, tuple[int, Volume | Bind]]) -> dict[Identity, Users]:
    tokens = {hash_token(token(entry.KIND.value, entry.key)) for _, entry in mounted.values()}
    versions = scope.versions.within({node_id for node_id, _ in mounted.values()})
    containers = _by_node(Container, await places.containers(scope.conn, versions, sorted(tokens)))
    using: dict[tuple[int, str], list[Container]] = defaultdict(list)
    for node_id, some in containers.items():
        for container in some:
            for name in {mount.name or mount.source for mount in container.mounts}:
                using[node_id, name].append(container)
    return {identity: Users(using[node_id, entry.key]) for identity, (node_id, entry) in mounted.items()}


async def _of_layers(scope: Scope, layers: Mapping[Identity, tuple[int, Layer]]) -> dict[Identity, Users]:
    """A layer is used by every image that lists it, and by every container on it or on a layer above it."""
    versions = scope.versions.within({node_id for node_id, _ in layers.values()})
    parents = await places.layer_parents(scope.conn, versions)
    standing = {
        identity: _descendants(chain_id(layer), parents.get((node_id, layer.root), {}))
        for identity, (node_id, layer) in layers.items()
    }
    tokens = {hash_token(token("chain", chain)) for chains in standing.values() for chain in chains}
    containers = _by_node(Container, await places.containers(scope.conn, versions, sorted(tokens)))
    images = _by_node(Image, await places.images(scope.conn, versions))
    return {
        identity: Users(
            [
                container
                for container in containers.get(node_id, ())
                if container.parent_chain_id in standing[identity] and _together(container, layer)
            ],
            [image for image in images.get(node_id, ()) if chain_id(layer) in image.layers and _together(image, layer)],
        )
        for identity, (node_id, layer) in layers.items()
    }


def chain_id(layer: Layer) -> str:
    """Return what is in an image layer; its key names the backend too where two of them hold the same content."""
    return layer.key.rpartition("/")[2]


def _together(one: Container | Image, layer: Layer) -> bool:
    """Whether both are kept in the same place: a chain ID says what is in a layer, not where."""
    return one.root == layer.root and one.backend == layer.backend


def _descendants(key: str, parents: Mapping[str, str]) -> frozenset[str]:
    """Return the layer and every one above it."""
    above: dict[str, bool] = {key: True}
    for layer in parents:
        chain: list[str] = []
        current: str | None = layer
        while current is not None and current not in above:
            above[current] = False  # also what ends a circle in damaged records
            chain.append(current)
            current = parents.get(current)
        stands = current is not None and above[current]
        above |= dict.fromkeys(chain, stands)
    return frozenset(name for name, stands in above.items() if stands)


def _by_node(shape: type[E], found: Sequence[Found]) -> dict[int, list[E]]:
    entries: dict[int, list[E]] = defaultdict(list)
    for one in found:
        if isinstance(one.entry, shape):
            entries[one.node_id].append(one.entry)
    return entries
