"""Whose the other snapshots of the containerd image store are: images', the build cache's, or nobody's.

containerd removes what no image, container, lease or label leads to, at its next garbage collection, and what is only
on disk at its next clean-up. So a snapshot is an orphan only if nothing leads to it, nothing stands on it, and neither
it nor containerd's records changed for the grace period. Source: containerd ``core/metadata/gc.go``.
"""

import os
import re
from collections.abc import Iterable, Iterator
from typing import Final

from agent.backends import buildkit
from agent.backends import containerd_db as db
from agent.backends.base import DataRoot
from agent.backends.containerd_db import Claims, text
from agent.backends.containerd_store import DoubtfulError, SnapshotStore
from agent.backends.unclaimed import Moment, unread
from protocol.entries import Layer, LayerUse, PathKind, Role
from protocol.text import clean

_NUMBER: Final = re.compile(r"[1-9]\d{0,19}")
_Verdict = tuple[LayerUse, str]


class Classifier:
    """Looks at everything that one snapshotter keeps and that is no container's."""

    def __init__(
        self, root: DataRoot, store: SnapshotStore, containers: frozenset[bytes], *, prefix: str, moment: Moment
    ) -> None:
        """``containers`` are the IDs of those whose snapshots are their own; ``prefix`` begins the layers' keys."""
        self._root, self._store, self._containers = root, store, containers
        self._prefix = f"{store.snapshotter}/{prefix}"
        self._moment = moment
        self._doubt = ""

    def layers(self) -> Iterator[Layer]:
        """Yield every snapshot that is no container's, then every directory that is no snapshot's."""
        store = self._store
        namespace, snapshotter = store.namespace, store.snapshotter.encode()
        claims = store.read(store.meta, lambda bolt: db.claims(bolt, namespace, snapshotter))
        if claims is None or store.fault:
            return
        self._doubt = claims.doubt or unread(store.problems)
        judge = Judge(claims, self._containers, buildkit.leases(self._root.local, store.snapshotter))
        known: set[tuple[str, str]] = set()
        for name, record in store.numbers.records.items():
            raw, kind, _ = record
            number = str(db.uvarint(raw))
            directory = store.shape.directory(kind)
            if not directory:
                continue
            known.add((directory, number))
            owner, _, rest = name.partition(b"/")
            key = rest.partition(b"/")[2]
            if owner != namespace:
                verdict = LayerUse.UNCLAIMED, f"it belongs to another client of containerd: {text(owner)}"
                yield self._snapshot(b"", number, kind, verdict)
            elif key.removesuffix(b"-init") not in self._containers:
                yield self._snapshot(key, number, kind, judge.verdict(key) or self._unclaimed(number, kind))
        if store.shape.path_kind is not PathKind.DATASET:
            yield from self._strays(known)

    def _snapshot(self, key: bytes, number: str, kind: bytes, verdict: _Verdict) -> Layer:
        use, evidence = verdict
        parent = reason = ""
        if key:
            try:
                parent = self._parent(self._store.snapshot(key).parent)
            except DoubtfulError as exc:
                reason = str(exc)
        try:
            diff_path, places = self._store.place(number, kind, Role.LAYER)
        except DoubtfulError as exc:
            diff_path, places, reason = "", (), reason or str(exc)
        return Layer(
            root=self._root.host,
            key=text(key) if use is LayerUse.IMAGE and _is_chain(key) else self._prefix + number,
            paths=places,
            backend=self._store.snapshotter,
            use=use,
            cache_id=number,
            parent=parent,
            diff_path=diff_path or None,
            path_kind=self._store.shape.path_kind,
            evidence=evidence,
            reason=reason,
        )

    def _parent(self, key: bytes) -> str:
        """Return the key of the layer below: a chain ID, or the name of its directory."""
        if not key or _is_chain(key):
            return text(key)
        return self._prefix + self._store.snapshot(key).number

    def _unclaimed(self, number: str, kind: bytes) -> _Verdict:
        nothing = "no container, image, lease or label leads to it"
        if self._doubt:
            return LayerUse.UNCLAIMED, f"{nothing}, but {self._doubt}"
        if not self._quiet(self._store.shape.directory(kind), number):
            return LayerUse.UNCLAIMED, f"{nothing}, but it or containerd's records changed lately"
        return LayerUse.ORPHAN, f"{nothing}, and neither it nor containerd's records changed lately"

    def _strays(self, known: set[tuple[str, str]]) -> Iterator[Layer]:
        store = self._store
        for directory in store.shape.directories:
            for name in sorted(store.listed(directory)):
                if (directory, name) not in known:
                    use, evidence = self._stray(directory, name)
                    diff_path, places = store.place_in(directory, name, Role.LAYER)
                    yield Layer(
                        root=self._root.host,
                        key=self._prefix + clean(name),
                        paths=places,
                        backend=store.snapshotter,
                        use=use,
                        cache_id=clean(name),
                        diff_path=diff_path,
                        path_kind=store.shape.path_kind,
                        evidence=evidence,
                    )

    def _stray(self, directory: str, name: str) -> _Verdict:
        """Judge a directory that the records do not name. Numbers are never given out twice."""
        unnamed = "the snapshotter's records do not name it"
        once_was = bool(_NUMBER.fullmatch(name)) and int(name) <= self._store.numbers.last
        if name.startswith("rm-") or (once_was and self._store.shape.sweeps):
            return LayerUse.REMOVING, f"{unnamed} any more: it waits for containerd's clean-up"
        if not self._quiet(directory, name):
            return LayerUse.UNCLAIMED, f"{unnamed}, but it or they changed lately"
        if self._store.shape.sweeps:
            return LayerUse.REMOVING, f"{unnamed}: it waits for containerd's clean-up"
        return LayerUse.ORPHAN, f"{unnamed}, and nothing about it changed lately"

    def _quiet(self, directory: str, name: str) -> bool:
        """Whether neither the snapshot nor the records changed within the grace period.

        When it lost its last claim is written down nowhere; but while the records are quiet it was before.
        """
        store = self._store
        top = f"{store.root.local}/{store.home}/{directory}/{name}"
        try:
            newest = max(os.stat(store.meta).st_mtime, os.stat(store.database).st_mtime, os.lstat(top).st_ctime)
            for path in {top, f"{top}/{store.shape.diff}"}:
                if os.path.isdir(path):
                    with os.scandir(path) as found:
                        newest = max([newest, *(entry.stat(follow_symlinks=False).st_ctime for entry in found)])
        except OSError:
            return False  # what cannot be looked at is not accused
        return not self._moment.is_new(newest)


class Judge:
    """Says what leads to a snapshot, directly or through what stands on it."""

    def __init__(self, claims: Claims, containers: frozenset[bytes], cache: frozenset[bytes] | None) -> None:
        """``containers`` are those that exist, ``cache`` the records of the build cache (None: unreadable)."""
        self._claims, self._cache = claims, cache
        own = (key for key in claims.parents if key.removesuffix(b"-init") in containers)
        self._image = self._with_ancestors(claims.images)
        self._container = self._with_ancestors(own)
        held = (key for key, leases in claims.leases.items() if self._is_cache(leases))
        # A view of a record has its name; it stays for a moment after its lease.
        named = (key for key in claims.parents if self._is_cache((key,)))
        self._cached = self._with_ancestors((*held, *named))
        self._leased = self._with_ancestors(claims.leases)
        self._labelled = self._with_ancestors(claims.others)
        self._stood_on = frozenset(claims.parents.values())

    def _with_ancestors(self, keys: Iterable[bytes]) -> frozenset[bytes]:
        found: set[bytes] = set()
        todo = list(keys)
        while todo:
            key = todo.pop()
            if key and key not in found:
                found.add(key)
                todo.append(self._claims.parents.get(key, b""))
        return frozenset(found)

    def _is_cache(self, names: Iterable[bytes]) -> bool:
        return self._cache is not None and any(buildkit.is_named_after(self._cache, name) for name in names)

    def verdict(self, key: bytes) -> _Verdict | None:
        """Return what claims a snapshot, or None when nothing does."""
        if key in self._image:
            return LayerUse.IMAGE, "an image leads to it"
        if key in self._container:
            return LayerUse.IMAGE, "a container stands on it; no image leads to it any more"
        if key in self._cached:
            return LayerUse.BUILD_CACHE, "the build cache's records or leases name it"
        if key in self._leased:
            return LayerUse.UNCLAIMED, "a lease holds it: it is being pulled, unpacked, built, made or removed"
        if key in self._labelled:
            return LayerUse.UNCLAIMED, "a label keeps it"
        if key in self._stood_on:
            return LayerUse.UNCLAIMED, "nothing leads to it, but another snapshot stands on it"
        if key not in self._claims.parents:
            return LayerUse.UNCLAIMED, "it was just being removed"
        return None


def _is_chain(key: bytes) -> bool:
    """Whether a snapshot's key is a chain ID (and not ``sha256:…-view``, which BuildKit makes of one)."""
    return key.startswith(b"sha256:") and len(key) == 71
