"""The containerd image store: the containers of one snapshotter below one containerd root.

A container's snapshot has the container's ID for its key, its parent is ``<container>-init``, and that one's the
image's uppermost chain ID. While it runs, the mount ``<data root>/rootfs/<snapshotter>/<container>`` tells the
directory too; both have to agree. Sources: moby ``daemon/containerd/image_snapshot.go``,
``daemon/snapshotter/mount.go``.
"""

import os
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Final

from agent.backends import containerd_db as db
from agent.backends import containerd_images
from agent.backends.base import DataRoot, Problems, Resolution
from agent.backends.containerd_db import text
from agent.backends.containerd_layers import Classifier
from agent.backends.containerd_store import DoubtfulError, Snapshot, SnapshotStore
from agent.backends.files import is_sha256
from agent.backends.mountinfo import Mounted, MountTable
from agent.backends.unclaimed import Moment
from protocol.entries import BackendType, Image, Layer, PathKind, Place, ResolvedBy, Role

INIT: Final = b"-init"
_CONTAINER: Final = re.compile(rb"[0-9a-f]{64}")


class Containerd:
    """One snapshotter in one namespace below one containerd root. Lives for one look at the disk."""

    type: BackendType = "snapshotter"

    def __init__(
        self,
        root: DataRoot,
        containerd: DataRoot,
        namespace: str,
        snapshotter: str,
        table: MountTable,
        moment: Moment,
        *,
        prefix: str = "",
    ) -> None:
        """Read nothing yet.

        ``root`` is the engine's data root, ``containerd`` that of containerd; ``prefix`` tells its layers' keys from
        those of the same snapshotter below another.
        """
        self.name = snapshotter
        self._root, self._containerd, self._namespace, self._table = root, containerd, namespace, table
        self._prefix = prefix
        self._moment = moment
        self._mounted = table.below(f"{root.local}/rootfs/{snapshotter}")

    @cached_property
    def _store(self) -> SnapshotStore:
        return SnapshotStore(self._containerd, self._namespace, self.name, self._table)

    @property
    def problems(self) -> Problems:
        """What could not be read so far."""
        return self._store.problems

    def container_ids(self) -> list[str]:
        """Return the IDs of every container that has a writable layer here.

        A snapshot outlives its container until containerd's next garbage collection: one without a directory below
        ``containers`` and not mounted is no container any more.
        """
        found = {key.decode() for key in self._store.names.records if _CONTAINER.fullmatch(key)}
        if self._recorded is not None:
            found &= self._recorded
        return sorted(found.union(filter(is_sha256, self._mounted)))

    @cached_property
    def _recorded(self) -> frozenset[str] | None:
        try:
            return frozenset(os.listdir(f"{self._root.local}/containers"))
        except FileNotFoundError:
            return frozenset()
        except OSError:
            return None  # reported with the containers

    def resolve(self, container_id: str) -> Resolution | None:
        """Return where the container's layers are, or None when this snapshotter has never heard of it."""
        mounted = self._mounted.get(container_id)
        key = container_id.encode()
        store = self._store
        try:
            if key in store.names.records:
                return self._from_records(container_id, key, mounted)
            if mounted is not None:
                return self._from_mount(container_id, mounted)
        except DoubtfulError as exc:
            return Resolution(self.name, reason=str(exc))
        return Resolution(self.name, reason=store.fault) if store.fault else None

    def _from_records(self, container_id: str, key: bytes, mounted: Mounted | None) -> Resolution:
        """Look the container up in containerd's records, and in the mount table if it runs.

        Raises:
            DoubtfulError: something contradicts something else.
        """
        store = self._store
        own = store.snapshot(key)
        if own.kind != db.ACTIVE:
            raise DoubtfulError("its snapshot is not one to write to: containerd's records are damaged")
        init: Snapshot | None = None
        below = own.parent
        if below == key + INIT:
            init = store.snapshot(below)
            if init.kind != db.COMMITTED:
                raise DoubtfulError("its init layer is not a finished one: containerd's records are damaged")
            below = init.parent
        if below:
            store.snapshot(below)
        if mounted is not None:
            self._agree(mounted, own, init)
        return self._resolution(
            container_id,
            own.number,
            init.number if init is not None else None,
            text(below) if below.startswith(b"sha256:") else None,
            ResolvedBy.SNAPSHOT_DB if mounted is None else ResolvedBy.MOUNTINFO,
        )

    def _resolution(
        self, container_id: str, number: str, init: str | None, chain: str | None, by: ResolvedBy
    ) -> Resolution:
        store = self._store
        diff_path, places = store.place(number, db.ACTIVE, Role.WRITABLE)
        if init is not None:
            places += store.place(init, db.COMMITTED, Role.INIT)[1]
        places += self._merged(container_id)
        return Resolution(self.name, number, init, diff_path, store.shape.path_kind, chain, by, "", places)

    def _merged(self, container_id: str) -> tuple[Place, ...]:
        if not self._root.aliases:
            return (Place(f"{self._root.host}/rootfs/{self.name}/{container_id}", Role.MOUNT, (".",)),)
        return self._root.places(f"rootfs/{self.name}/{container_id}", Role.MOUNT, (".",))

    def _agree(self, mounted: Mounted, own: Snapshot, init: Snapshot | None) -> None:
        """Check the records against the mount table.

        Raises:
            DoubtfulError: the container runs on another directory.
        """
        number, lower = self._numbers_in(mounted)
        if number != own.number:
            shown = f"snapshot {number}" if number else mounted.upper or mounted.root
            raise DoubtfulError(f"containerd's records say snapshot {own.number}, the mount table says {shown}")
        if lower is not None and init is not None and lower != init.number:
            raise DoubtfulError(f"its init layer is snapshot {init.number}, but it runs on snapshot {lower}")

    def _numbers_in(self, mounted: Mounted) -> tuple[str | None, str | None]:
        """Return the numbers of the writable snapshot and of the one below it that a mount shows."""
        shape = self._store.shape
        if mounted.kind == "overlay":
            lower = _number(mounted.lower[0], "snapshots", "/fs") if mounted.lower else None
            return _number(mounted.upper, "snapshots", "/fs"), lower
        if shape.path_kind is PathKind.DATASET:
            return mounted.source.rpartition("/")[2], None
        return _number(mounted.root, shape.active, ""), None

    def _from_mount(self, container_id: str, mounted: Mounted) -> Resolution:
        """Return what the mount table alone tells: the records cannot be read, or are older than the mount.

        Raises:
            DoubtfulError: it is mounted from elsewhere.
        """
        number, init = self._numbers_in(mounted)
        if number is None:
            raise DoubtfulError(f"it runs on {mounted.upper or mounted.root}, which is no snapshot of {self.name}")
        if mounted.kind != "overlay":
            return self._resolution(container_id, number, init, None, ResolvedBy.MOUNTINFO)
        # The engine's own name of the directory: where its containerd has its root need not be known.
        places = [Place(os.path.dirname(mounted.upper), Role.WRITABLE, ("fs",))]
        if init is not None:
            places.append(Place(os.path.dirname(mounted.lower[0]), Role.INIT, ("fs",)))
        return Resolution(
            self.name,
            number,
            init,
            mounted.upper,
            PathKind.DIFF,
            None,
            ResolvedBy.MOUNTINFO,
            "",
            (*places, *self._merged(container_id)),
        )

    def layers(self) -> Iterator[Layer]:
        """Yield every snapshot that is no container's, and every directory that is no snapshot's."""
        containers = frozenset(name.encode() for name in self.container_ids())
        yield from Classifier(self._root, self._store, containers, prefix=self._prefix, moment=self._moment).layers()

    def images(self) -> Iterator[Image]:
        """Yield every image of this namespace."""
        store = self._store
        targets = store.read(store.meta, lambda bolt: db.targets(bolt, store.namespace))
        if targets is not None:
            unpacked = frozenset(text(key) for key in store.names.records)
            yield from containerd_images.images(self._root, store.root, self.name, targets, unpacked, store.problems)


class UnknownSnapshotter:
    """One whose directories are not known here: only of an overlay that is mounted now can be told where it lies."""

    type: BackendType = "snapshotter"

    def __init__(self, root: DataRoot, snapshotter: str, keys: Iterable[bytes], table: MountTable) -> None:
        """``keys`` are those of its snapshots."""
        self.name = snapshotter
        self.problems = Problems()
        self._root = root
        self._containers = frozenset(filter(is_sha256, map(text, keys)))
        self._mounted = table.below(f"{root.local}/rootfs/{snapshotter}")
        self.problems.add(f"{root.host}/rootfs/{snapshotter}", f"the snapshotter {snapshotter} is not known here")

    def container_ids(self) -> list[str]:
        """Return the IDs of every container that has a snapshot here."""
        return sorted(self._containers)

    def resolve(self, container_id: str) -> Resolution | None:
        """Return what the mount table tells, or why nothing can be told."""
        mounted = self._mounted.get(container_id)
        if mounted is not None and mounted.upper:
            return Resolution(
                self.name,
                diff_path=mounted.upper,
                path_kind=PathKind.DIFF,
                resolved_by=ResolvedBy.MOUNTINFO,
                paths=(
                    Place(mounted.upper, Role.WRITABLE, (".",)),
                    *self._root.places(f"rootfs/{self.name}/{container_id}", Role.MOUNT, (".",)),
                ),
            )
        if container_id not in self._containers:
            return None
        return Resolution(self.name, reason=f"the snapshotter {self.name} is not known here")

    def layers(self) -> Iterator[Layer]:
        """Yield nothing: where they are is not known."""
        yield from ()

    def images(self) -> Iterator[Image]:
        """Yield nothing: another snapshotter's reader does, or the engine's list."""
        yield from ()


_NUMBER: Final = re.compile(r"[1-9]\d{0,19}")


def _number(path: str, directory: str, diff: str) -> str | None:
    """Return N of ``…/<directory>/N<diff>``, or None when the path is no such one."""
    above, _, name = path.removesuffix(diff).rpartition("/") if path.endswith(diff) else ("", "", "")
    return name if _NUMBER.fullmatch(name) and above.endswith(f"/{directory}") else None
