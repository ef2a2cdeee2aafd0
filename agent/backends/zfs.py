"""zfs: every layer is a dataset, ``<parent dataset>/<id>``, mounted at ``zfs/graph/<id>`` only while it is in use.

The parent is the dataset that the data root lies on, unless the engine was told another (``zfs.fsname``); its driver
status names it. Source: moby ``daemon/graphdriver/zfs/zfs.go``.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from agent.backends.base import DataRoot, Problems, Resolution
from agent.backends.layerdb import LayerDB
from agent.backends.layout import Layout
from agent.backends.mountinfo import MountTable
from agent.backends.unclaimed import Claims, Moment
from protocol.entries import BackendType, Image, Layer, LayerUse, PathKind, Place, ResolvedBy, Role
from protocol.text import clean

LAYOUT: Final = Layout(driver="zfs", path_kind=PathKind.DATASET, directory="zfs/graph")
PARENT: Final = "Parent Dataset"
"""How the driver's status names the dataset that all layers are children of."""


class Zfs:
    """The zfs graph driver below one data root: the shared layer store, with datasets for directories."""

    type: BackendType = "graph-driver"
    name = LAYOUT.driver

    def __init__(
        self,
        root: DataRoot,
        claims: Claims,
        table: MountTable,
        status: Mapping[str, str],
        moment: Moment,
    ) -> None:
        """``status`` is the engine's driver status, empty when it cannot be asked or uses another driver."""
        self._root = root
        self._store = LayerDB(root, LAYOUT, claims, moment)
        self._parent = clean(status.get(PARENT, ""))
        if not self._parent:
            mounted = table.covering(f"{root.local}/zfs")
            self._parent = mounted.source if mounted is not None and mounted.kind == "zfs" else ""

    @property
    def problems(self) -> Problems:
        """What could not be read so far."""
        return self._store.problems

    def container_ids(self) -> list[str]:
        """Return the IDs of every container that has a writable layer here."""
        return self._store.container_ids()

    def resolve(self, container_id: str) -> Resolution | None:
        """Return where the container's layers are, or None when this layer store has never heard of it."""
        found = self._store.resolve(container_id)
        if found is None or found.mount_id is None:
            return found
        if not self._parent:
            return msgspec.structs.replace(
                found,
                diff_path=None,
                path_kind=None,
                resolved_by=ResolvedBy.UNRESOLVED,
                reason=f"its layer is the dataset {found.mount_id}, below one that neither the driver's status nor "
                f"the mount table names: {self._root.host}/zfs is on no ZFS that can be seen from here",
            )
        # Its mount point comes and goes: that there is none says nothing about the layer.
        dataset = f"{self._parent}/{found.mount_id}"
        places = [Place(dataset, Role.WRITABLE)]
        if found.init_id is not None:
            places.append(Place(f"{self._parent}/{found.init_id}", Role.INIT))
        places += [
            Place(place.path, Role.MOUNT if place.role is Role.WRITABLE else place.role, place.views)
            for place in found.paths
        ]
        return msgspec.structs.replace(found, diff_path=dataset, reason="", paths=tuple(places))

    def layers(self) -> Iterator[Layer]:
        """Yield every image layer, and every mount point that is neither one's nor a container's."""
        for layer in self._store.layers():
            if layer.use is not LayerUse.IMAGE:
                # What is left is a directory to mount on; whether a dataset has its name cannot be seen.
                yield msgspec.structs.replace(layer, path_kind=PathKind.FULL_VIEW)
            elif layer.cache_id and self._parent:
                dataset = f"{self._parent}/{layer.cache_id}"
                yield msgspec.structs.replace(
                    layer, diff_path=dataset, paths=(Place(dataset, Role.LAYER), *layer.paths)
                )
            else:
                yield msgspec.structs.replace(layer, diff_path=None, path_kind=None)

    def images(self) -> Iterator[Image]:
        """Yield every image whose layers are kept here."""
        return self._store.images()
