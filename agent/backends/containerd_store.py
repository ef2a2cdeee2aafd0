"""One snapshotter below one containerd root: its records, checked against each other and against what is on disk."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeVar

from agent.backends import boltfile
from agent.backends import containerd_db as db
from agent.backends.base import DataRoot, Problems
from agent.backends.bbolt import Bolt, BoltError
from agent.backends.containerd_db import Names, Numbers, text
from agent.backends.mountinfo import MountTable
from protocol.entries import Kind, PathKind, Place, Role
from protocol.text import clean

T = TypeVar("T")

META: Final = "io.containerd.metadata.v1.bolt/meta.db"
SNAPSHOTTER: Final = "io.containerd.snapshotter.v1."


@dataclass(frozen=True, slots=True)
class Shape:
    """Where a snapshotter keeps the snapshot with number N: in ``<directory of its kind>/N``, the files in ``diff``.

    ``sweeps``: containerd itself removes directories that its records do not name. ``view`` is ``""`` where a view has
    no directory but shows its parent's.
    """

    path_kind: PathKind
    active: str = "snapshots"
    committed: str = "snapshots"
    view: str = "snapshots"
    diff: str = ""
    sweeps: bool = False

    @property
    def views(self) -> tuple[str, ...]:
        """Sub-directories that show a root file system."""
        return (self.diff or ".",)

    @property
    def directories(self) -> tuple[str, ...]:
        """Every directory that snapshots are in, once."""
        return tuple(dict.fromkeys(filter(None, (self.active, self.committed, self.view))))

    def directory(self, kind: bytes) -> str:
        """Return the directory for snapshots of that kind."""
        return {db.ACTIVE: self.active, db.VIEW: self.view}.get(kind, self.committed)


SHAPES: Final = {
    "overlayfs": Shape(PathKind.DIFF, diff="fs", sweeps=True),
    "native": Shape(PathKind.FULL_VIEW, view=""),
    "btrfs": Shape(PathKind.FULL_VIEW, active="active", view="view"),
    "zfs": Shape(PathKind.DATASET),
}
"""Every snapshotter whose directories are known (containerd ``plugins/snapshots``)."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One snapshot: its number, its kind, and its parent's key (``b""``: none)."""

    number: str
    kind: bytes
    parent: bytes


class DoubtfulError(Exception):
    """The records contradict each other, or what is on disk; the message says how."""


class SnapshotStore:
    """What containerd wrote down about the snapshots of one namespace. Lives for one look at the disk."""

    def __init__(self, root: DataRoot, namespace: str, snapshotter: str, table: MountTable) -> None:
        """Read nothing yet; ``root`` is containerd's."""
        self.root = root
        self.namespace = namespace.encode()
        self.snapshotter = snapshotter
        self.shape = SHAPES[snapshotter]
        self.home = SNAPSHOTTER + snapshotter
        self.meta = f"{root.local}/{META}"
        self.database = f"{root.local}/{self.home}/metadata.db"
        self.problems = Problems()
        self.names = Names({})
        self.numbers = Numbers({}, {}, 0, frozenset())
        self.fault = ""
        """Why the records cannot be used, ``""`` if they can."""
        self._table = table
        self._listed: dict[str, frozenset[str]] = {}
        self._load()

    def _load(self) -> None:
        """Read both databases, names first: what has a name was given its number before."""
        names = self.read(self.meta, lambda bolt: db.names(bolt, self.namespace, self.snapshotter.encode()))
        numbers = self.read(self.database, db.numbers)
        if names is not None and numbers is not None:
            self.names, self.numbers = names, numbers

    def read(self, path: str, extract: Callable[[Bolt], T]) -> T | None:
        """Return what ``extract`` makes of a database, None when it cannot be read: then that is a problem."""
        try:
            return boltfile.read(path, extract)
        except FileNotFoundError:
            what = "is missing"
        except BoltError as exc:
            what = str(exc)
        self.fault = f"{clean(path)} {what}"
        self.problems.interrupted(path, what, Kind.CONTAINER)
        self.problems.incomplete.update((Kind.LAYER, Kind.IMAGE))
        return None

    def snapshot(self, key: bytes) -> Snapshot:
        """Look a key up in both databases and on disk.

        Raises:
            DoubtfulError: it is not there, or something contradicts something else.
        """
        named = self.names.records.get(key)
        if named is None:
            raise DoubtfulError(f"the snapshot {text(key)} is missing: it is just being made or removed")
        name, parent = named.get(b"name", b""), named.get(b"parent", b"")
        numbers = self.numbers
        record = numbers.records.get(name)
        if record is None:
            raise DoubtfulError(f"the snapshotter has no {text(name)}: it is just being made or removed")
        if not (name.endswith(b"/" + key) and name.startswith(self.namespace + b"/")):
            raise DoubtfulError(f"the snapshot {text(key)} has the name {text(name)}, which is another's")
        raw, below = record.get(b"id", b""), record.get(b"parent", b"")
        number = db.uvarint(raw)
        if not number or number > numbers.last:
            raise DoubtfulError(f"the snapshot {text(name)} has no valid number: containerd's records are damaged")
        if raw in numbers.doubled:
            raise DoubtfulError(f"snapshot number {number} is given to two snapshots: one record is damaged")
        if below or parent:
            self._check_parent(name, raw, below, parent)
        kind, shown = record.get(b"kind", b""), str(number)
        if self.shape.path_kind is not PathKind.DATASET and shown not in self.listed(self.shape.directory(kind)):
            raise DoubtfulError(f"the directory of snapshot {number} is gone: it is being removed, or was by hand")
        return Snapshot(shown, kind, parent)

    def _check_parent(self, name: bytes, raw: bytes, below: bytes, parent: bytes) -> None:
        """Check that both databases give a snapshot the same parent, and that the parent knows it.

        Raises:
            DoubtfulError: they do not.
        """
        named = self.names.records.get(parent, {}).get(b"name", b"")
        if named != below or not below:
            raise DoubtfulError(f"the snapshot {text(name)} has two parents, {text(below)} and {text(named or parent)}")
        record = self.numbers.records.get(below)
        if record is None:
            raise DoubtfulError(f"the snapshot {text(name)} stands on {text(below)}, which is missing")
        if self.numbers.links.get(record.get(b"id", b"") + b"\0" + raw) != name:
            raise DoubtfulError(f"the parent of {text(name)} does not know it: containerd's records are damaged")

    def listed(self, directory: str) -> frozenset[str]:
        """Return the names in one of the snapshotter's directories; listed once, after the databases were read."""
        present = self._listed.get(directory)
        if present is None:
            path = f"{self.root.local}/{self.home}/{directory}"
            try:
                present = frozenset(os.listdir(path))
            except FileNotFoundError:
                present = frozenset()
            except OSError as exc:
                self.problems.interrupted(path, f"cannot be listed ({exc.strerror})", Kind.LAYER)
                present = frozenset()
            self._listed[directory] = present
        return present

    @cached_property
    def dataset(self) -> str:
        """The ZFS dataset that snapshots are children of.

        Raises:
            DoubtfulError: the mount table does not name it.
        """
        home = f"{self.root.local}/{self.home}"
        mounted = self._table.covering(home)
        if mounted is None or mounted.kind != "zfs":
            raise DoubtfulError(f"{self.root.host}/{self.home} is on no ZFS dataset that the mount table names")
        return mounted.source

    def place(self, number: str, kind: bytes, role: Role) -> tuple[str, tuple[Place, ...]]:
        """Return where the files of a snapshot are, and its places.

        Raises:
            DoubtfulError: its dataset is not known.
        """
        if self.shape.path_kind is PathKind.DATASET:
            dataset = f"{self.dataset}/{number}"
            return dataset, (Place(dataset, role),)
        return self.place_in(self.shape.directory(kind), number, role)

    def place_in(self, directory: str, name: str, role: Role) -> tuple[str, tuple[Place, ...]]:
        """Return the same for a name in one of the snapshotter's directories."""
        places = self.root.places(f"{self.home}/{directory}/{name}", role, self.shape.views)
        top = places[0].path
        return f"{top}/{self.shape.diff}" if self.shape.diff else top, places
