"""The layer store that all graph drivers share: ``<data root>/image/<driver>/layerdb``.

``mounts/<container>/{mount-id,init-id,parent}`` name a container's layers, ``sha256/<chain>/{cache-id,diff,parent}`` an
image's. The files of one container are not written at once, and the layer's directory appears before and goes before
them: a half-written entry is a normal moment, never an error.
Source: moby ``daemon/internal/layer/filestore.go`` and ``layer_store.go``.
"""

import os
import re
from collections.abc import Iterator
from typing import Final

from agent.backends import imagedb
from agent.backends.base import DataRoot, Problems, Resolution
from agent.backends.files import UnreadableError, directories, is_directory, is_sha256, names, read_id
from agent.backends.layout import Layout
from agent.backends.unclaimed import Claims, Moment, classify, unread
from protocol.entries import BackendType, Image, Kind, Layer, LayerUse, Place, ResolvedBy, Role
from protocol.text import clean

_BUILD_STEP: Final = re.compile("[a-z0-9]{25}")
"""BuildKit keeps the layer of a step that runs now here too, under a name that it made (BuildKit ``identity``)."""
_INIT: Final = "-init"


class LayerDB:
    """One graph driver below one data root. Lives for one look at the disk."""

    type: BackendType = "graph-driver"

    def __init__(self, root: DataRoot, layout: Layout, claims: Claims, moment: Moment) -> None:
        self.name = layout.driver
        self.problems = Problems()
        self._root = root
        self._layout = layout
        self._claims = claims
        self._moment = moment
        store = f"{root.local}/image/{layout.driver}"
        self._mounts = f"{store}/layerdb/mounts"
        self._chains = f"{store}/layerdb/sha256"
        self._images = store
        self._local = f"{root.local}/{layout.directory}/"
        self._host = f"{root.host}/{layout.directory}/"
        self._diff = f"/{layout.diff}" if layout.diff else ""
        self._image_diff = f"/{layout.image_diff}" if layout.image_diff else ""
        self._known: set[str] = set()
        self._owners: dict[str, str] = {}
        self._asked: set[str] = set()
        self._doubts: list[str] = []
        self._container_ids: list[str] | None = None
        self._recorded = f"{root.local}/containers"

    def container_ids(self) -> list[str]:
        """Return the IDs of every container that has a writable layer here."""
        if self._container_ids is None:
            self._container_ids = []
            recorded = _listed(self._recorded)
            for name in directories(self._mounts, self.problems, Kind.CONTAINER, self._asked):
                if name in self._asked or (is_sha256(name) and (recorded is None or name in recorded)):
                    self._container_ids.append(name)
                elif is_sha256(name):
                    if not self._is_left_over(name):
                        self._container_ids.append(name)
                elif not _BUILD_STEP.fullmatch(name):
                    self.problems.add(f"{self._mounts}/{clean(name)}", "is no container's: it is not named by an ID")
        return self._container_ids

    def _is_left_over(self, container_id: str) -> bool:
        """Whether an entry names no layer, and will not: its making or removal was cut short when an engine was killed.

        The container has no record either, so no engine takes it up again; what is left is a problem, not a container.
        Source: moby ``daemon/internal/layer/layer_store.go`` (``loadMount``, ``ReleaseRWLayer``).
        """
        base = f"{self._mounts}/{container_id}"
        try:
            if read_id(f"{base}/mount-id") is not None or self._moment.is_new(os.lstat(base).st_ctime):
                return False
        except (UnreadableError, OSError):
            return False
        self.problems.add(base, "is left of a container that is gone: it names no layer, and does no harm")
        return True

    def resolve(self, container_id: str) -> Resolution | None:
        """Return where the container's layers are, or None when this layer store has never heard of it."""
        base = f"{self._mounts}/{container_id}"
        reason = ""
        try:
            mount_id = read_id(f"{base}/mount-id")
            init_id = read_id(f"{base}/init-id")
            parent = read_id(f"{base}/parent")
        except UnreadableError:
            (mount_id, init_id, parent), reason = self._read_each(base, "mount-id", "init-id", "parent")
        if mount_id is None:
            return self._unwritten(container_id, init_id, parent, reason)
        self._asked.add(container_id)
        self._known.add(mount_id)
        if init_id is not None:
            self._known.add(init_id)
        if self._owners.setdefault(mount_id, container_id) != container_id:
            reason = f"its mount-id is also that of container {self._owners[mount_id]}; one of the two is wrong"
            self.problems.add(f"{base}/mount-id", reason)
        paths, doubt = self._places(container_id, mount_id, init_id)
        return Resolution(
            self.name,
            mount_id,
            init_id,
            f"{self._host}{mount_id}{self._diff}",
            self._layout.path_kind,
            parent,
            ResolvedBy.LAYERDB,
            reason or doubt,
            paths,
        )

    def _read_each(self, base: str, *files: str) -> tuple[list[str | None], str]:
        """Return what each of the files holds as far as it can be read, and what is wrong with the others."""
        found: list[str | None] = []
        wrong = []
        for name in files:
            try:
                found.append(read_id(f"{base}/{name}"))
            except UnreadableError as exc:
                self.problems.add(f"{base}/{name}", str(exc))
                wrong.append(f"its {name} {exc}")
                found.append(None)
        return found, "; ".join(wrong)

    def _unwritten(self, container_id: str, init_id: str | None, parent: str | None, reason: str) -> Resolution | None:
        """Return what is known of a container without a mount-id; None when it has no entry at all."""
        base = f"{self._mounts}/{container_id}"
        if not os.path.lexists(base):
            return None
        self._asked.add(container_id)
        reason = reason or self._incomplete(base, "mount-id", "container")
        paths: tuple[Place, ...] = self._root.places(self._entry(container_id), Role.METADATA)
        if init_id is not None and init_id.endswith(_INIT):
            # The init layer has the name of the container's: enough to say whose directory it is, not to trust it.
            own = init_id.removesuffix(_INIT)
            self._known |= {init_id, own}
            paths = self._places(container_id, own, init_id)[0]
            reason = f"{reason}; by its init-id it is {own}"
        else:
            self._doubts.append(f"the mount-id of container {container_id[:12]} cannot be read")
        return Resolution(self.name, init_id=init_id, parent_chain_id=parent, reason=reason, paths=paths)

    def _incomplete(self, base: str, file: str, what: str) -> str:
        """Return why a file is not there or empty: a normal moment, unless it lasts."""
        try:
            new = self._moment.is_new(os.lstat(base).st_ctime)
        except OSError:
            new = True
        if new:
            return f"its {file} is missing or empty: the {what} is just being made or removed"
        reason = f"its {file} is missing or empty: its making was interrupted, or the disk was damaged"
        self.problems.add(base, reason)
        return reason

    def _entry(self, container_id: str) -> str:
        return f"image/{self.name}/layerdb/mounts/{container_id}"

    def _places(self, container_id: str, mount_id: str, init_id: str | None) -> tuple[tuple[Place, ...], str]:
        """Return the container's own places, and what is doubtful about them."""
        layout, root = self._layout, self._root
        reason = ""
        link = self._link(mount_id) if layout.link else None
        if init_id is None and is_directory(f"{self._local}{mount_id}{_INIT}"):
            init_id = f"{mount_id}{_INIT}"  # made, and not written down yet
            self._known.add(init_id)
        if link is None and not os.path.lexists(f"{self._local}{mount_id}"):
            reason = "its layer's directory is gone: the container is being removed, or the disk was changed by hand"
        if not root.aliases and not layout.beside:  # the usual case, once for each of thousands of containers
            places = [
                Place(f"{self._host}{mount_id}", Role.WRITABLE, layout.views),
                Place(f"{root.host}/{self._entry(container_id)}", Role.METADATA),
            ]
            if link is not None:
                places.append(Place(f"{root.host}/{layout.links}/{link}", Role.LINK, (".",)))
            if init_id is not None:
                places.append(Place(f"{self._host}{init_id}", Role.INIT, layout.views))
                if layout.link and (link := self._link(init_id)) is not None:
                    places.append(Place(f"{root.host}/{layout.links}/{link}", Role.INIT, (".",)))
            return tuple(places), reason
        return (
            *root.places(f"{layout.directory}/{mount_id}", Role.WRITABLE, layout.views),
            *root.places(self._entry(container_id), Role.METADATA),
            *self._beside(mount_id, link, Role.LINK),
            *(root.places(f"{layout.directory}/{init_id}", Role.INIT, layout.views) if init_id else ()),
            *(self._beside(init_id, self._link(init_id) if layout.link else None, Role.INIT) if init_id else ()),
        ), reason

    def _link(self, name: str) -> str | None:
        """Return the short name of a layer's directory, None when it has none (yet)."""
        path = f"{self._local}{name}/{self._layout.link}"
        try:
            return read_id(path)
        except UnreadableError as exc:
            self.problems.add(path, str(exc))
            return None

    def _beside(self, name: str, link: str | None, role: Role) -> tuple[Place, ...]:
        """Return the other places of a layer: its short name (in that role), and what the driver keeps elsewhere."""
        places: tuple[Place, ...] = ()
        if link is not None:
            places = self._root.places(f"{self._layout.links}/{link}", role, (".",))
        for other in self._layout.beside:
            below = f"/{other.below}" if other.below else ""
            places += self._root.places(f"{other.directory}/{name}{below}", other.role, other.views)
        return places

    def layers(self) -> Iterator[Layer]:
        """Yield every image layer, and every other directory that is neither one nor a container's.

        Call it after every container was resolved: what they did not name is looked at as unclaimed.
        """
        for container_id in self.container_ids():
            if container_id not in self._asked:
                self.resolve(container_id)  # nobody asked about it (it is too new, say), but it names its layers
        for name in directories(self._chains, self.problems, Kind.LAYER):
            if is_sha256(name):
                yield self._image_layer(name)
            elif not name.endswith("-removing"):
                self.problems.add(f"{self._chains}/{clean(name)}", "is no layer's: its name is not 64 hex digits")
        yield from self._others()

    def _image_layer(self, chain: str) -> Layer:
        base = f"{self._chains}/{chain}"
        (cache_id, diff_id, parent), reason = self._read_each(base, "cache-id", "diff", "parent")
        if cache_id is None:
            self._doubts.append(f"the cache-id of layer sha256:{chain[:12]} cannot be read")
            reason = reason or self._incomplete(base, "cache-id", "layer")
        metadata = self._root.places(f"image/{self.name}/layerdb/sha256/{chain}", Role.METADATA)
        diff_path = kind = None
        places: tuple[Place, ...] = ()
        if cache_id is not None:
            self._known.add(cache_id)
            diff_path, kind = f"{self._host}{cache_id}{self._image_diff}", self._layout.path_kind
            places = self._directory_places(cache_id)
        return Layer(
            root=self._root.host,
            key=f"sha256:{chain}",
            paths=(*places, *metadata),
            backend=self.name,
            use=LayerUse.IMAGE,
            cache_id=cache_id or "",
            diff_id=diff_id or "",
            parent=parent or "",
            diff_path=diff_path,
            path_kind=kind,
            reason=reason,
        )

    def _directory_places(self, name: str) -> tuple[Place, ...]:
        layout = self._layout
        places = self._root.places(f"{layout.directory}/{name}", Role.LAYER, layout.image_views)
        return places + self._beside(name, self._link(name) if layout.link else None, Role.LINK)

    def _others(self) -> Iterator[Layer]:
        """Yield the directories that no container and no image layer names."""
        present = names(self._local.rstrip("/"), self.problems, Kind.LAYER)
        unnamed = [name for name in present if name not in self._known and name not in self._layout.reserved]
        if not unnamed:
            return
        claimed = self._claims()
        doubt = next(iter(self._doubts), "") or unread(self.problems)
        for name in sorted(unnamed):
            top = self._local + name
            shown = clean(name)
            if not is_directory(top):
                self.problems.add(top, "is no layer's: it is not a directory")
                continue
            tops = tuple(dict.fromkeys((top, top + self._image_diff, top + self._diff)))
            use, evidence = classify(name, tops, claimed=claimed, doubt=doubt, moment=self._moment)
            yield Layer(
                root=self._root.host,
                key=f"{self.name}/{shown}",
                paths=self._directory_places(name),
                backend=self.name,
                use=use,
                cache_id=shown,
                diff_path=f"{self._host}{shown}{self._image_diff}",
                path_kind=self._layout.path_kind,
                evidence=evidence,
            )

    def images(self) -> Iterator[Image]:
        """Yield every image whose layers are kept here."""
        yield from imagedb.images(self._root, self._images, self.name, self.problems)


def _listed(directory: str) -> frozenset[str] | None:
    """Return what is in a directory, None when that cannot be told."""
    try:
        return frozenset(os.listdir(directory))
    except OSError:
        return None
