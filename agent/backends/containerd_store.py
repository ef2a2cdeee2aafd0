"""One snapshotter below one containerd root: its records, checked against each other and against what is on disk."""

import os
from collections.abc import Callable, Container
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple, TypeVar

from agent.backends import boltfile
from agent.backends import containerd_db as db
from agent.backends.base import DataRoot, Problems
from agent.backends.bbolt import Bolt
from agent.backends.boltmeta import BoltError
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
        return self.active if kind == db.ACTIVE else self.view if kind == db.VIEW else self.committed


SHAPES: Final = {
    "overlayfs": Shape(PathKind.DIFF, diff="fs", sweeps=True),
    "native": Shape(PathKind.FULL_VIEW, view=""),
    "btrfs": Shape(PathKind.FULL_VIEW, active="active", view="view"),
    "zfs": Shape(PathKind.DATASET),
}
"""Every snapshotter whose directories are known (containerd ``plugins/snapshots``)."""


class Snapshot(NamedTuple):
    """One snapshot: its number, its kind, and its parent's key (``b""``: none)."""

    number: str
    kind: bytes
    parent: bytes


class _Everything:
    def __contains__(self, item: object) -> bool:
        return True


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
        self._unlisted: dict[str, str] = {}
        self._found: dict[bytes, Snapshot] = {}
        self._views = self.shape.views
        self._present: dict[bytes, Container[str]] = {}
        self._begin = self.namespace + b"/"
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
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = self._look_up(key)
        return found

    def _look_up(self, key: bytes) -> Snapshot:
        names, numbers = self.names.records, self.numbers
        named = names.get(key)
        if named is None:
            raise DoubtfulError(f"the snapshot {text(key)} is missing: it is just being made or removed")
        name, parent = named
        record = numbers.records.get(name)
        if record is None:
            raise DoubtfulError(f"the snapshotter has no {text(name)}: it is just being made or removed")
        if not (name.endswith(key) and name.startswith(self._begin)):
            raise DoubtfulError(f"the snapshot {text(key)} has the name {text(name)}, which is another's")
        raw, kind, below = record
        number = db.uvarint(raw)
        if not number or number > numbers.last:
            raise DoubtfulError(f"the snapshot {text(name)} has no valid number: containerd's records are damaged")
        if raw in numbers.doubled:
            raise DoubtfulError(f"snapshot number {number} is given to two snapshots: one record is damaged")
        if below or parent:
            self._check_parent(name, raw, below, parent)
        shown = str(number)
        if shown not in self._directory_of(kind):
            raise DoubtfulError(f"the directory of snapshot {number} is gone: it is being removed, or was by hand")
        return Snapshot(shown, kind, parent)

    def _check_parent(self, name: bytes, raw: bytes, below: bytes, parent: bytes) -> None:
        """Check that both databases give a snapshot the same parent, and that the parent knows it.

        Raises:
            DoubtfulError: they do not.
        """
        numbers = self.numbers
        named, stands_on = self.names.records.get(parent), numbers.records.get(below)
        if named is None or named[0] != below:
            raise DoubtfulError(f"the snapshot {text(name)} has two parents: {text(below)} and {text(parent)}")
        if stands_on is None:
            raise DoubtfulError(f"the snapshot {text(name)} stands on {text(below)}, which is missing")
        if numbers.links.get(stands_on[0] + b"\0" + raw) != name:
            raise DoubtfulError(f"the parent of {text(name)} does not know it: containerd's records are damaged")

    def _directory_of(self, kind: bytes) -> Container[str]:
        """Return the numbers that have a directory; with ZFS that cannot be seen, and is taken for granted.

        Raises:
            DoubtfulError: the directory with all of them cannot be listed.
        """
        present = self._present.get(kind)
        if present is None:
            if self.shape.path_kind is PathKind.DATASET:
                present = _Everything()
            else:
                directory = self.shape.directory(kind)
                present = self.listed(directory)
                if directory in self._unlisted:
                    raise DoubtfulError(self._unlisted[directory])
            self._present[kind] = present
        return present

    def listed(self, directory: str) -> frozenset[str]:
        """Return the names in one of the snapshotter's directories; listed once, after the databases were read."""
        present = self._listed.get(directory)
        if present is None:
            path = f"{self.root.local}/{self.home}/{directory}"
            present = frozenset()
            try:
                present = frozenset(os.listdir(path))
            except FileNotFoundError:
                pass
            except OSError as exc:
                why = f"cannot be listed ({exc.strerror})"
                self.problems.interrupted(path, why, Kind.LAYER)
                self._unlisted[directory] = f"{clean(path)} {why}"
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
        diff = f"/{self.shape.diff}" if self.shape.diff else ""
        if not self.root.aliases and name.isdecimal():  # the usual case, for thousands of containers
            top = f"{self.root.host}/{self.home}/{directory}/{name}"
            return top + diff, (Place(top, role, self._views),)
        places = self.root.places(f"{self.home}/{directory}/{name}", role, self._views)
        return places[0].path + diff, places
