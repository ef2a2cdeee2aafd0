"""The layer store that all graph drivers share: ``<data root>/image/<driver>/layerdb``.

``mounts/<container>/{mount-id,init-id,parent}`` name a container's layers, ``sha256/<chain>/{cache-id,diff,parent}`` an
image's. The files of one container are not written at once, and the layer's directory appears before and goes before
them: a half-written entry is a normal moment, never an error.
Source: moby ``daemon/internal/layer/filestore.go`` and ``layer_store.go``.
"""

import os
import time
from collections.abc import Callable, Iterator
from typing import Final

from agent.backends import imagedb
from agent.backends.base import DataRoot, Problems, Resolution
from agent.backends.files import UnreadableError, is_sha256, names, read_id
from agent.backends.layout import Layout
from protocol.entries import BackendType, Image, Kind, Layer, LayerUse, PathKind, Place, ResolvedBy, Role
from protocol.text import clean

GRACE: Final = 600.0
"""Seconds for which nothing about a directory may have changed before it is called an orphan."""

Claims = Callable[[], frozenset[str] | None]
"""Names of layer directories that the build cache claims; None: it has records, and they cannot be read."""


class LayerDB:
    """One graph driver below one data root. Lives for one look at the disk."""

    type: BackendType = "graph-driver"

    def __init__(self, root: DataRoot, layout: Layout, claims: Claims, *, now: float | None = None) -> None:
        self.name = layout.driver
        self.problems = Problems()
        self._root = root
        self._layout = layout
        self._claims = claims
        self._now = time.time() if now is None else now
        store = f"{root.local}/image/{layout.driver}"
        self._mounts = f"{store}/layerdb/mounts"
        self._chains = f"{store}/layerdb/sha256"
        self._images = store
        self._local = f"{root.local}/{layout.directory}/"
        self._host = f"{root.host}/{layout.directory}/"
        self._diff = f"/{layout.diff}" if layout.diff else ""
        self._image_diff = f"/{layout.image_diff}" if layout.image_diff else ""
        self._known: set[str] = set()
        self._resolved: set[str] = set()
        self._container_ids: list[str] | None = None

    def container_ids(self) -> list[str]:
        """Return the IDs of every container that has a writable layer here."""
        if self._container_ids is None:
            self._container_ids = []
            for name in names(self._mounts, self.problems, Kind.CONTAINER):
                if is_sha256(name):
                    self._container_ids.append(name)
                else:
                    self.problems.add(f"{self._mounts}/{clean(name)}", "is no container's: it is not named by an ID")
        return self._container_ids

    def resolve(self, container_id: str) -> Resolution | None:
        """Return where the container's layers are, or None when this layer store has never heard of it."""
        base = f"{self._mounts}/{container_id}"
        parent: str | None = None
        init_id: str | None = None
        try:
            mount_id = read_id(f"{base}/mount-id")
            if mount_id is None:
                return self._unwritten(base)
            init_id = read_id(f"{base}/init-id")
            parent = read_id(f"{base}/parent")
        except UnreadableError as exc:
            reason = self._unreadable(base, str(exc))
            return Resolution(self.name, parent_chain_id=parent, reason=reason)
        self._resolved.add(container_id)
        self._known.add(mount_id)
        if init_id is not None:
            self._known.add(init_id)
        paths, reason = self._places(container_id, mount_id, init_id)
        return Resolution(
            self.name,
            mount_id,
            init_id,
            f"{self._host}{mount_id}{self._diff}",
            self._layout.path_kind,
            parent,
            ResolvedBy.LAYERDB,
            reason,
            paths,
        )

    def _unwritten(self, base: str) -> Resolution | None:
        if not os.path.isdir(base):
            return None
        return Resolution(
            self.name, reason="its mount-id is missing or empty: the container is just being made or removed"
        )

    def _unreadable(self, base: str, why: str) -> str:
        for name in ("mount-id", "init-id", "parent"):
            try:
                read_id(f"{base}/{name}")
            except UnreadableError as exc:
                self.problems.add(f"{base}/{name}", str(exc))
                return f"its {name} {exc}"
        return f"its layer store entry was being written ({why})"

    def _places(self, container_id: str, mount_id: str, init_id: str | None) -> tuple[tuple[Place, ...], str]:
        """Return the container's own places, and what is doubtful about them."""
        layout, root = self._layout, self._root
        reason = ""
        link: str | None = None
        if layout.link:
            try:
                link = read_id(f"{self._local}{mount_id}/{layout.link}")
            except UnreadableError as exc:
                self.problems.add(f"{self._local}{mount_id}/{layout.link}", str(exc))
        if link is None and not os.path.lexists(f"{self._local}{mount_id}"):
            reason = "its layer's directory is gone: the container is being removed, or the disk was changed by hand"
        if not root.aliases and not layout.beside:  # the usual case, once for each of thousands of containers
            places = [
                Place(f"{self._host}{mount_id}", Role.WRITABLE, layout.views),
                Place(f"{root.host}/image/{self.name}/layerdb/mounts/{container_id}", Role.METADATA),
            ]
            if init_id is not None:
                places.append(Place(f"{self._host}{init_id}", Role.INIT, layout.views))
            if link is not None:
                places.append(Place(f"{root.host}/{layout.links}/{link}", Role.LINK, (".",)))
            return tuple(places), reason
        return (
            *root.places(f"{layout.directory}/{mount_id}", Role.WRITABLE, layout.views),
            *root.places(f"image/{self.name}/layerdb/mounts/{container_id}", Role.METADATA),
            *(root.places(f"{layout.directory}/{init_id}", Role.INIT, layout.views) if init_id else ()),
            *(root.places(f"{layout.links}/{link}", Role.LINK, (".",)) if link else ()),
            *self._beside(mount_id),
            *(self._beside(init_id) if init_id else ()),
        ), reason

    def _beside(self, name: str) -> tuple[Place, ...]:
        return tuple(
            place
            for other in self._layout.beside
            for place in self._root.places(
                f"{other.directory}/{name}{f'/{other.below}' if other.below else ''}", other.role, other.views
            )
        )

    def layers(self) -> Iterator[Layer]:
        """Yield every image layer, and every other directory that is neither one nor a container's.

        Call it after every container was resolved: what they did not name is looked at as unclaimed.
        """
        for container_id in self.container_ids():
            if container_id not in self._resolved:
                self._claim(container_id)
        for name in names(self._chains, self.problems, Kind.LAYER):
            if is_sha256(name):
                yield self._image_layer(name)
            elif not name.endswith("-removing"):
                self.problems.add(f"{self._chains}/{clean(name)}", "is no layer's: its name is not 64 hex digits")
        yield from self._others()

    def _claim(self, container_id: str) -> None:
        """Note the directories of a container that nobody asked about (a ghost's, say)."""
        for name in ("mount-id", "init-id"):
            try:
                named = read_id(f"{self._mounts}/{container_id}/{name}")
            except UnreadableError:
                continue  # reported when the container is resolved
            if named is not None:
                self._known.add(named)

    def _image_layer(self, chain: str) -> Layer:
        base = f"{self._chains}/{chain}"
        values: dict[str, str] = {}
        reason = ""
        for name in ("cache-id", "diff", "parent"):
            try:
                value = read_id(f"{base}/{name}")
            except UnreadableError as exc:
                self.problems.add(f"{base}/{name}", str(exc))
                reason = f"its {name} {exc}"
            else:
                values[name] = value or ""
        cache_id = values.get("cache-id", "")
        if not cache_id and not reason:
            reason = "its cache-id is missing or empty: the layer is being made or removed"
        metadata = self._root.places(f"image/{self.name}/layerdb/sha256/{chain}", Role.METADATA)
        diff_path = kind = None
        places: tuple[Place, ...] = ()
        if cache_id:
            self._known.add(cache_id)
            diff_path, kind = f"{self._host}{cache_id}{self._image_diff}", self._layout.path_kind
            places = self._directory_places(cache_id)
        return Layer(
            root=self._root.host,
            key=f"sha256:{chain}",
            paths=(*places, *metadata),
            backend=self.name,
            use=LayerUse.IMAGE,
            cache_id=cache_id,
            diff_id=values.get("diff", ""),
            parent=values.get("parent", ""),
            diff_path=diff_path,
            path_kind=kind,
            reason=reason,
        )

    def _directory_places(self, name: str) -> tuple[Place, ...]:
        layout = self._layout
        places = self._root.places(f"{layout.directory}/{name}", Role.LAYER, layout.image_views)
        link: str | None = None
        if layout.link:
            try:
                link = read_id(f"{self._local}{name}/{layout.link}")
            except UnreadableError as exc:
                self.problems.add(f"{self._local}{clean(name)}/{layout.link}", str(exc))
        if link is not None:
            places += self._root.places(f"{layout.links}/{link}", Role.LINK, (".",))
        return places + self._beside(name)

    def _others(self) -> Iterator[Layer]:
        """Yield the directories that no container and no image layer names."""
        present = names(self._local.rstrip("/"), self.problems, Kind.LAYER)
        unnamed = [name for name in present if name not in self._known and name not in self._layout.reserved]
        if not unnamed:
            return
        claimed = self._claims()
        for name in sorted(unnamed):
            use, evidence = self._classify(name, claimed)
            shown = clean(name)
            yield Layer(
                root=self._root.host,
                key=f"{self.name}/{shown}",
                paths=self._directory_places(name),
                backend=self.name,
                use=use,
                cache_id=shown,
                diff_path=f"{self._host}{shown}{self._image_diff}",
                path_kind=self._layout.path_kind if self._layout.path_kind is not PathKind.BLOCK_DEVICE else None,
                evidence=evidence,
            )

    def _classify(self, name: str, claimed: frozenset[str] | None) -> tuple[LayerUse, str]:
        if name.endswith("-removing"):
            return LayerUse.REMOVING, "its name ends in -removing: the engine was interrupted while it deleted it"
        if claimed is None:
            return LayerUse.UNCLAIMED, "no container and no image names it; the build cache's records cannot be read"
        if name.removesuffix("-init") in claimed or name in claimed:
            return LayerUse.BUILD_CACHE, "the build cache's records name it"
        if self.problems.incomplete:
            return LayerUse.UNCLAIMED, "no container and no image that could be read names it; not all could be read"
        if self._changed_lately(name):
            return LayerUse.UNCLAIMED, "no container, image or build cache names it, but it was changed lately"
        return LayerUse.ORPHAN, "no container, image or build cache names it, and nothing about it changed lately"

    def _changed_lately(self, name: str) -> bool:
        """Whether the directory, or anything directly in it or in its files' top, changed within the grace period."""
        top = self._local + name
        newest = 0.0
        for directory in (top, top + self._image_diff, top + self._diff):
            try:
                newest = max(newest, os.lstat(directory).st_ctime)
                with os.scandir(directory) as found:
                    newest = max([newest, *(entry.stat(follow_symlinks=False).st_ctime for entry in found)])
            except FileNotFoundError:
                continue
            except OSError:
                return True  # what cannot be looked at is not accused
        return self._now - newest < GRACE

    def images(self) -> Iterator[Image]:
        """Yield every image whose layers are kept here."""
        yield from imagedb.images(self._root, self._images, self.name, self.problems)
