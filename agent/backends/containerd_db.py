"""containerd's records of snapshots, images and what keeps them, as plain values.

``io.containerd.metadata.v1.bolt/meta.db`` has for every client (*namespace*) its keys of snapshots, and under which
name the snapshotter keeps each; ``io.containerd.snapshotter.v1.<name>/metadata.db`` has the number of that one's
directory. Containers' own records, which hold their environment, are never looked into: only their IDs are read.
Sources: containerd ``core/metadata/{buckets,gc,snapshot}.go``, ``core/snapshots/storage/bolt.go``.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from agent.backends.bbolt import Bolt, Bucket

Record = dict[bytes, bytes]

VIEW: Final = b"\x01"
ACTIVE: Final = b"\x02"
COMMITTED: Final = b"\x03"
"""What a snapshot is for (``core/snapshots/snapshotter.go``)."""


@dataclass(frozen=True, slots=True)
class Names:
    """One snapshotter's snapshots in one namespace: key → its name in the snapshotter, and the parent's key."""

    records: dict[bytes, tuple[bytes, ...]]


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a snapshotter keeps: name → id, kind and the parent's name; ids are as stored, uvarints.

    ``links`` has (parent's id, 0, own id) → name. ``last`` is the highest id that was given out. ``doubled`` are ids
    that two records claim: one of them is damaged.
    """

    records: dict[bytes, tuple[bytes, ...]]
    links: dict[bytes, bytes]
    last: int
    doubled: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class Target:
    """An image's name, and the digest of the manifest or index that it stands for."""

    name: str
    digest: str


@dataclass(slots=True)
class Claims:
    """What keeps the snapshots of one snapshotter in one namespace from containerd's garbage collection.

    ``parents`` has every snapshot that was there in the same transaction, and the key it stands on (``b""``: none).
    The others are keys that something points to: images, leases (key → their IDs), containers and labels. What
    those stand on is kept too, but not named. ``doubt`` says which of them leads nowhere: it may be damaged, and
    something that seems to be nobody's may be meant.
    """

    parents: dict[bytes, bytes] = field(default_factory=dict)
    images: set[bytes] = field(default_factory=set)
    leases: dict[bytes, set[bytes]] = field(default_factory=dict)
    others: set[bytes] = field(default_factory=set)
    doubt: str = ""


def namespaces(bolt: Bolt) -> dict[bytes, list[bytes]]:
    """Return the snapshotters that each namespace has snapshots of."""
    found = {}
    version = bolt.bucket(b"v1")
    for name, bucket in version.buckets() if version is not None else ():
        snapshotters = bucket.bucket(b"snapshots")
        if snapshotters is not None:
            found[name] = [key for key, snapshots in snapshotters.buckets() if next(snapshots.keys(), None) is not None]
    return found


def names(bolt: Bolt, namespace: bytes, snapshotter: bytes) -> Names:
    """Read the snapshots of one namespace from ``meta.db``."""
    bucket = bolt.bucket(b"v1", namespace, b"snapshots", snapshotter)
    return Names(bucket.records(b"name", b"parent") if bucket is not None else {})


def numbers(bolt: Bolt) -> Numbers:
    """Read all snapshots from a snapshotter's ``metadata.db``."""
    snapshots, parents = bolt.bucket(b"v1", b"snapshots"), bolt.bucket(b"v1", b"parents")
    if snapshots is None:
        return Numbers({}, {}, 0, frozenset())
    records = snapshots.records(b"id", b"kind", b"parent")
    ids = {record[0] for record in records.values()}
    doubled: frozenset[bytes] = frozenset()
    if len(ids) < len(records):
        counted = Counter(record[0] for record in records.values())
        doubled = frozenset(one for one, times in counted.items() if times > 1)
    links = dict(parents.items()) if parents is not None else {}
    return Numbers(records, links, snapshots.sequence, doubled)


def targets(bolt: Bolt, namespace: bytes) -> list[Target]:
    """Read the images' names from ``meta.db``."""
    images = bolt.bucket(b"v1", namespace, b"images")
    found = []
    for name, image in images.buckets() if images is not None else ():
        target = image.bucket(b"target")
        digest = target.get(b"digest") if target is not None else None
        if digest is not None:
            found.append(Target(text(name), text(digest)))
    return found


def claims(bolt: Bolt, namespace: bytes, snapshotter: bytes) -> Claims:
    """Read what keeps snapshots.

    Who is in doubt is kept: leases count although they are flat or have expired, and every label that points here.
    """
    found = Claims()
    top = bolt.bucket(b"v1", namespace)
    if top is None:
        return found
    content = {digest: _labels(blob) for digest, blob in _buckets(_path(top, b"content", b"blob"))}
    named = targets(bolt, namespace)
    found.images = _reached(content, [target.digest.encode() for target in named], snapshotter)
    for lease, bucket in _buckets(_path(top, b"leases")):
        held = set(_keys(_path(bucket, b"snapshots", snapshotter)))
        held |= _reached(content, list(_keys(_path(bucket, b"content"))), snapshotter)
        for key in held:
            found.leases.setdefault(key, set()).add(lease)
    roots = [digest for digest, labels in content.items() if b"containerd.io/gc.root" in labels]
    found.others = _reached(content, roots, snapshotter) | set(_keys(_path(top, b"containers")))
    for key, snapshot in _buckets(_path(top, b"snapshots", snapshotter)):
        found.parents[key] = snapshot.get(b"parent") or b""
        labels = _labels(snapshot)
        found.others |= _references(labels, snapshotter)
        if b"containerd.io/gc.root" in labels:
            found.others.add(key)
    if lost := [target.name for target in named if target.digest.encode() not in content]:
        found.doubt = f"the content of the image {lost[0]} is missing"
    elif astray := (found.images | set(found.leases)) - found.parents.keys():
        found.doubt = f"an image or a lease leads to {text(min(astray))}, which is missing"
    return found


def _reached(content: dict[bytes, Record], digests: list[bytes], snapshotter: bytes) -> set[bytes]:
    """Return the snapshots that content points to, itself or through other content."""
    seen: set[bytes] = set()
    found: set[bytes] = set()
    todo = list(digests)
    while todo:
        digest = todo.pop()
        if digest in seen:
            continue
        seen.add(digest)
        labels = content.get(digest, {})
        found |= _references(labels, snapshotter)
        todo += [value for label, value in labels.items() if label.startswith(b"containerd.io/gc.ref.content")]
    return found


def _references(labels: Record, snapshotter: bytes) -> set[bytes]:
    """Return the snapshots that labels point to; one label may have several, told apart by a suffix."""
    label = b"containerd.io/gc.ref.snapshot." + snapshotter
    return {value for name, value in labels.items() if name == label or name.startswith((label + b"/", label + b"."))}


def _labels(bucket: Bucket) -> Record:
    labels = bucket.bucket(b"labels")
    return dict(labels.items()) if labels is not None else {}


def _path(bucket: Bucket, *path: bytes) -> Bucket | None:
    found: Bucket | None = bucket
    for name in path:
        found = found.bucket(name) if found is not None else None
    return found


def _buckets(bucket: Bucket | None) -> Iterator[tuple[bytes, Bucket]]:
    if bucket is not None:
        yield from bucket.buckets()


def _keys(bucket: Bucket | None) -> Iterator[bytes]:
    if bucket is not None:
        yield from bucket.keys()


def uvarint(raw: bytes) -> int | None:
    """Return the number that Go's ``binary.PutUvarint`` wrote, or None when it wrote no such thing."""
    if len(raw) == 2 and raw[1] < 0x80 <= raw[0]:  # most of them
        return raw[0] & 0x7F | raw[1] << 7
    value = 0
    for position, byte in enumerate(raw):
        if byte < 0x80:
            return value | byte << 7 * position if position + 1 == len(raw) and position < 10 else None
        value |= (byte & 0x7F) << 7 * position
    return None


def text(raw: bytes) -> str:
    """Return a key or name as text; bytes that are not UTF-8 are shown as escapes."""
    return raw.decode("utf-8", "backslashreplace").replace("\x00", "\\x00")
