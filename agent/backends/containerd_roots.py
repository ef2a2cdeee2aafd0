"""Where containerd keeps its state, and which snapshotters an engine uses there.

An engine that runs its own containerd has it below its data root, ``containerd/daemon``; a system's containerd is
beside it, ``/var/lib/containerd``, or wherever its configuration says. Both are looked at: which one an engine uses is
seen from whose records have snapshots in the engine's namespace. Sources: moby ``daemon/command/daemon_unix.go``,
``daemon/config/config.go`` (``ContainerdNamespace``); containerd ``defaults``.
"""

import os
import re
from collections.abc import Iterator
from typing import Final

from agent.backends import boltfile
from agent.backends import containerd_db as db
from agent.backends.base import BackendReader, DataRoot, Problems
from agent.backends.boltmeta import BoltError
from agent.backends.containerd import Containerd, UnknownSnapshotter
from agent.backends.containerd_db import text
from agent.backends.containerd_store import META, SHAPES, SNAPSHOTTER
from agent.backends.files import holds_directory
from agent.backends.mountinfo import MountTable
from agent.backends.unclaimed import Moment
from protocol.entries import Kind

NAMESPACE: Final = "moby"
MARK: Final = "io.containerd.snapshotter"
"""Begins the type of driver that an engine with the image store says it has (moby ``daemon/containerd/service.go``)."""
OWN: Final = "containerd/daemon"
_REMAPPED: Final = re.compile(r"\d+\.\d+")
"""The data root of an engine with userns-remap; its namespace has that name at its end."""


def readers(
    root: DataRoot,
    problems: Problems,
    table: MountTable,
    moment: Moment,
    *,
    driver: str = "",
    system: DataRoot | None = None,
) -> list[BackendReader]:
    """Return a reader for every snapshotter that the engine of a data root has snapshots in.

    ``driver`` is what the engine uses now; ``system`` is a containerd root elsewhere. Never raises for what is on disk.
    """
    found: list[BackendReader] = []
    names: set[str] = set()
    for place in _roots(root, system, problems):
        for namespace, snapshotter in _used(root, place, problems, driver):
            if snapshotter in SHAPES:
                prefix = f"{place.host}/" if snapshotter in names else ""
                found.append(Containerd(root, place, namespace, snapshotter, table, moment, prefix=prefix))
            elif snapshotter not in names:
                found.append(_unknown(root, place, namespace, snapshotter, table))
            names.add(snapshotter)
    return found


def found(root: DataRoot, system: DataRoot | None) -> bool:
    """Whether there is a containerd root with records where one is looked for."""
    return any(os.path.lexists(f"{place.local}/{META}") for place in _roots(root, system, Problems()))


def _roots(root: DataRoot, system: DataRoot | None, problems: Problems) -> Iterator[DataRoot]:
    """Yield every containerd root there is, once."""
    outer = root
    if _REMAPPED.fullmatch(root.host.rpartition("/")[2]):
        local, host, *aliases = map(os.path.dirname, (root.local, root.host, *root.aliases))
        outer = DataRoot(local, host, tuple(aliases))
    beside = DataRoot(f"{os.path.dirname(outer.local)}/containerd", f"{os.path.dirname(outer.host)}/containerd")
    own = DataRoot(f"{outer.local}/{OWN}", f"{outer.host}/{OWN}", tuple(f"{name}/{OWN}" for name in outer.aliases))
    seen = set()
    for place in (own, system, beside):
        if place is not None and holds_directory(place.local, problems, Kind.CONTAINER, Kind.LAYER, Kind.IMAGE):
            real = os.path.realpath(place.local)
            if real not in seen:
                seen.add(real)
                yield place


def _used(root: DataRoot, place: DataRoot, problems: Problems, driver: str) -> list[tuple[str, str]]:
    """Return the namespaces of the data root's engine, and its snapshotters, below a containerd root."""
    inner = root.host.rpartition("/")[2]
    namespace = f"{NAMESPACE}-{inner}" if _REMAPPED.fullmatch(inner) else NAMESPACE
    path = f"{place.local}/{META}"
    try:
        used = boltfile.read(path, db.namespaces)
    except FileNotFoundError:
        return []
    except BoltError as exc:
        # The snapshotter in use is read all the same: the mount table may still know its containers.
        if driver in SHAPES and os.path.isdir(f"{place.local}/{SNAPSHOTTER}{driver}"):
            return [(namespace, driver)]
        problems.interrupted(path, str(exc), Kind.CONTAINER)
        problems.incomplete.update((Kind.LAYER, Kind.IMAGE))
        return []
    return [(namespace, text(name)) for name in used.get(namespace.encode(), [])]


def _unknown(
    root: DataRoot, place: DataRoot, namespace: str, snapshotter: str, table: MountTable
) -> UnknownSnapshotter:
    try:
        keys = boltfile.read(
            f"{place.local}/{META}", lambda bolt: list(db.names(bolt, namespace.encode(), snapshotter.encode()).records)
        )
    except (BoltError, FileNotFoundError):
        keys = []  # it was readable a moment ago; the next look will tell
    return UnknownSnapshotter(root, snapshotter, keys, table)
