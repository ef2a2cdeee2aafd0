"""devicemapper (up to Engine 24): every layer is a thin device; ``devicemapper/metadata/<id>`` has its number and size.

The device is ``/dev/mapper/docker-<major>:<minor>-<inode>-<id>``, named after the directory ``devicemapper`` on the
file system it lies on, and there only while it is in use; then it is mounted at ``devicemapper/mnt/<id>``, with the
files in ``rootfs``. Source: moby 24 ``daemon/graphdriver/devmapper/{deviceset,driver}.go``.
"""

import os
import re
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from agent.backends.base import DataRoot, Problems, Resolution
from agent.backends.files import UnreadableError, names, read
from agent.backends.layerdb import LayerDB
from agent.backends.layout import Beside, Layout
from agent.backends.mountinfo import MountTable
from agent.backends.unclaimed import Claims, Moment, classify, unread
from protocol.entries import BackendType, Image, Kind, Layer, LayerUse, PathKind, Place, ResolvedBy, Role
from protocol.text import clean

METADATA: Final = "devicemapper/metadata"
LAYOUT: Final = Layout(
    driver="devicemapper",
    path_kind=PathKind.BLOCK_DEVICE,
    directory="devicemapper/mnt",
    views=("rootfs",),
    image_views=("rootfs",),
    beside=(Beside(METADATA, Role.METADATA),),
)
_RESERVED: Final = frozenset({"base", "deviceset-metadata", "transaction-metadata"})
"""Records that are no layer's: the empty file system that all begin as, and the driver's own state."""
POOL: Final = "Pool Name"
"""What the driver's status calls the pool: the devices' common beginning and ``-pool``, unless it was given by hand."""
_POOL: Final = re.compile(r"(docker-\d+:\d+-\d+)-pool")
_DEVICE: Final = re.compile(r"/dev/mapper/(docker-\d+:\d+-\d+)-[0-9a-f]{64}(?:-init)?")


class _Metadata(msgspec.Struct, frozen=True):
    """``device_id`` is the device's number in the pool, ``size`` its bytes."""

    device_id: int
    size: int


_METADATA: Final = msgspec.json.Decoder(_Metadata)


class DeviceMapper:
    """The devicemapper graph driver below one data root: the shared layer store, with devices for directories."""

    type: BackendType = "graph-driver"
    name = LAYOUT.driver

    def __init__(
        self,
        root: DataRoot,
        claims: Claims,
        table: MountTable,
        status: Mapping[str, str],
        moment: Moment,
        *,
        live: bool = True,
    ) -> None:
        """``status`` is the engine's driver status; ``live``: the data root is this machine's, not a copy of one."""
        self._root, self._claims, self._moment = root, claims, moment
        self._store = LayerDB(root, LAYOUT, claims, moment)
        self._metadata = f"{root.local}/{METADATA}"
        self._prefix = _prefix(root, table, status, live=live)

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
        # Where it is mounted comes and goes: that the directory is not there says nothing about the layer.
        device, reason = self._device(found.mount_id)
        places = [Place(device, Role.WRITABLE)] if device is not None else []
        places += [place if place.role is not Role.WRITABLE else _as_mount(place) for place in found.paths]
        by = ResolvedBy.LAYERDB if device is not None else ResolvedBy.UNRESOLVED
        return msgspec.structs.replace(found, diff_path=device, resolved_by=by, reason=reason, paths=tuple(places))

    def _device(self, name: str) -> tuple[str | None, str]:
        """Return a layer's device, or None and why it is not known."""
        path = f"{self._metadata}/{name}"
        try:
            data = read(path)
            metadata = _METADATA.decode(data) if data is not None else None
        except (UnreadableError, msgspec.DecodeError) as exc:
            self.problems.add(path, str(exc))
            return None, f"its device's record cannot be used: {exc}"
        if metadata is None:
            return None, "its device's record is missing: it is just being made or removed"
        if not self._prefix:
            unknown = "its name is not known: neither the driver's status nor a mount tells it"
            return None, f"it is device {metadata.device_id} of a thin pool; {unknown}"
        return f"/dev/mapper/{self._prefix}-{name}", ""

    def layers(self) -> Iterator[Layer]:
        """Yield every image layer, and every device or mount point that is neither one's nor a container's."""
        named = set(_RESERVED)
        for container_id in self.container_ids():
            found = self._store.resolve(container_id)
            if found is not None:
                named |= {found.mount_id or "", found.init_id or ""}
        for layer in self._store.layers():
            named.add(layer.cache_id)
            yield self._with_device(layer) if layer.use is LayerUse.IMAGE and layer.cache_id else layer
        for name in sorted(set(names(self._metadata, self.problems, Kind.LAYER)) - named):
            yield self._unnamed(name)

    def _with_device(self, layer: Layer) -> Layer:
        device, reason = self._device(layer.cache_id)
        return msgspec.structs.replace(
            layer,
            diff_path=device,
            path_kind=PathKind.BLOCK_DEVICE if device is not None else None,
            paths=((Place(device, Role.LAYER),) if device is not None else ()) + layer.paths,
            reason="; ".join(filter(None, (layer.reason, reason))),
        )

    def _unnamed(self, name: str) -> Layer:
        """Return a device that no container and no image names."""
        path = f"{self._metadata}/{name}"
        use, evidence = classify(name, (), claimed=self._claims(), doubt=self._doubt(path), moment=self._moment)
        return self._with_device(
            Layer(
                root=self._root.host,
                key=f"{self.name}/{clean(name)}",
                paths=self._root.places(f"{METADATA}/{name}", Role.METADATA),
                backend=self.name,
                use=use,
                cache_id=clean(name),
                evidence=evidence,
            )
        )

    def _doubt(self, path: str) -> str:
        """Return what keeps a device from being called an orphan."""
        try:
            new = self._moment.is_new(os.lstat(path).st_ctime)
        except OSError:
            new = True
        return "its record was written lately" if new else unread(self.problems)

    def images(self) -> Iterator[Image]:
        """Yield every image whose layers are kept here."""
        return self._store.images()


def _as_mount(place: Place) -> Place:
    """Return what the layer store takes for the layer's directory as what it is here: where it is mounted."""
    return Place(place.path, Role.MOUNT, place.views)


def _prefix(root: DataRoot, table: MountTable, status: Mapping[str, str], *, live: bool) -> str:
    """Return what the devices' names begin with, ``""`` if nothing tells."""
    pool = _POOL.fullmatch(status.get(POOL, ""))
    if pool is not None:
        return pool[1]
    for mounted in table.below(f"{root.local}/devicemapper/mnt").values():
        device = _DEVICE.fullmatch(mounted.source)
        if device is not None:
            return device[1]
    try:
        found = os.stat(f"{root.local}/devicemapper")
    except OSError:
        return ""
    # A copy of the disk has another number, and so has the disk in another machine.
    return f"docker-{os.major(found.st_dev)}:{os.minor(found.st_dev)}-{found.st_ino}" if live else ""
