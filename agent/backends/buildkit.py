"""What BuildKit says is its own: its build cache lies among the layers and is in none of the engine's records.

With a graph driver ``buildkit/snapshots.db`` has a bucket for every snapshot; its name is that of the directory, unless
``committed`` names another. ``metadata_v2.db`` has the cache's records, ``containerdmeta.db`` the leases on them. While
a step runs on an image its layer is in ``layerdb/mounts`` under a name that is no container's. With the containerd
image store ``buildkit/containerd-<snapshotter>/metadata_v2.db`` has the records; each has a lease of its name in
containerd. Sources: moby ``daemon/internal/builder-next/{controller,adapters/snapshot/snapshot}.go``; BuildKit
``cache/metadata/metadata.go``.
"""

import os
from collections.abc import Callable, Iterator
from typing import Final

from agent.backends.base import DataRoot
from agent.backends.bbolt import Bolt
from agent.backends.boltfile import read
from agent.backends.boltmeta import BoltError
from agent.backends.files import UnreadableError, is_directory, is_sha256, read_id
from protocol.text import clean

RECORDS: Final = ("metadata_v2.db", "metadata.db")
"""The cache's records, and those of versions up to 19.03."""
_VIEWS: Final = (b"-view", b"-variants")
"""What is appended to a record's name for leases and snapshots that are made from it."""


def claims(root: DataRoot) -> frozenset[str] | None:
    """Return the names of the graph driver's directories that BuildKit claims; None when its records cannot be read."""
    home = f"{root.local}/buildkit"
    found: set[bytes] = set()
    try:
        if os.path.isdir(home):
            found |= _existing(f"{home}/snapshots.db", _snapshots)
            found |= _existing(f"{home}/containerdmeta.db", _leased)
            for name in RECORDS:
                found |= _existing(f"{home}/{name}", _records)
        return frozenset(clean(os.fsdecode(name)) for name in found) | frozenset(_running(root))
    except (BoltError, UnreadableError, OSError):
        return None


def leases(local_root: str, snapshotter: str) -> frozenset[bytes] | None:
    """Return the names of the records of the cache that a snapshotter keeps; None when they cannot be read."""
    home = f"{local_root}/buildkit/containerd-{snapshotter}"
    try:
        return frozenset().union(*(_existing(f"{home}/{name}", _records) for name in RECORDS))
    except BoltError:
        return None


def is_named_after(records: frozenset[bytes], name: bytes) -> bool:
    """Whether a lease or snapshot has the name of one of these records, or of something made from it."""
    return name in records or any(name.removesuffix(view) in records for view in _VIEWS if name.endswith(view))


def _existing(path: str, extract: Callable[[Bolt], set[bytes]]) -> set[bytes]:
    """Return what is in the database, nothing when there is no such file.

    Raises:
        BoltError: it is there and cannot be read.
    """
    try:
        return read(path, extract)
    except FileNotFoundError:
        return set()


def _snapshots(bolt: Bolt) -> set[bytes]:
    found = set()
    for name, (committed,) in bolt.root.records(b"committed").items():
        if not name.startswith(b"sha256:"):  # an image's layer, which has its own record
            found.add(name)
        if committed:
            found.add(committed)
    return found


def _records(bolt: Bolt) -> set[bytes]:
    records = bolt.bucket(b"_main")
    return set(records.keys()) if records is not None else set()


def _leased(bolt: Bolt) -> set[bytes]:
    found: set[bytes] = set()
    all_leases = bolt.bucket(b"v1", b"buildkit", b"leases")
    for _, lease in all_leases.buckets() if all_leases is not None else ():
        snapshotters = lease.bucket(b"snapshots")
        for _, held in snapshotters.buckets() if snapshotters is not None else ():
            found.update(held.keys())
    return found


def _running(root: DataRoot) -> Iterator[str]:
    """Yield the layers of the steps that run now."""
    images = f"{root.local}/image"
    for driver in os.listdir(images) if os.path.isdir(images) else ():
        mounts = f"{images}/{driver}/layerdb/mounts"
        for name in os.listdir(mounts) if os.path.isdir(mounts) else ():
            if not is_sha256(name) and is_directory(f"{mounts}/{name}"):
                for file in ("mount-id", "init-id"):
                    layer = read_id(f"{mounts}/{name}/{file}")
                    if layer is not None:
                        yield layer
