"""Data roots older than Engine 1.10: no ``image/``, the mount-id *is* the container ID, layers are named by image IDs.

Images lie in ``graph/<id>/json``, their names in ``repositories-<driver>``, containers in
``containers/<id>/config.json``. Sources: moby 1.9 ``graph/graph.go``, ``graph/tags.go``, ``container/container.go``.
"""

import os
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

import msgspec

from agent import config_v2
from agent.backends.base import DataRoot, Problems, Resolution
from agent.backends.files import UnreadableError, is_directory, is_sha256, names, read
from agent.backends.layout import Layout
from agent.backends.unclaimed import Moment, classify, unread
from protocol.entries import BackendType, Image, Kind, Layer, Place, ResolvedBy, Role
from protocol.text import clean

_LIMIT: Final = 4 * 1024 * 1024


class _ImageRecord(msgspec.Struct, frozen=True):
    id: str = ""
    parent: str = ""
    created: str = ""
    os: str = ""
    architecture: str = ""


class _Repositories(msgspec.Struct, frozen=True, rename="pascal"):
    repositories: dict[str, dict[str, str]] = {}


_IMAGE: Final = msgspec.json.Decoder(_ImageRecord)
_REPOSITORIES: Final = msgspec.json.Decoder(_Repositories)


def is_legacy(local: str) -> bool:
    """Whether the directory is a data root from before Engine 1.10 that no newer engine has converted."""
    return os.path.isdir(f"{local}/graph") and not os.path.isdir(f"{local}/image")


class Legacy:
    """One graph driver of an engine before 1.10. Lives for one look at the disk."""

    type: BackendType = "graph-driver"

    def __init__(self, root: DataRoot, layout: Layout, moment: Moment) -> None:
        self.name = layout.driver
        self.problems = Problems()
        self._root, self._layout, self._moment = root, layout, moment
        self._local = f"{root.local}/{layout.directory}"
        self._host = f"{root.host}/{layout.directory}"
        self._images: dict[str, tuple[_ImageRecord, str]] | None = None

    def container_ids(self) -> list[str]:
        """Return the IDs of every container whose record says that it uses this driver."""
        return [
            name
            for name in names(f"{self._root.local}/containers", self.problems, Kind.CONTAINER)
            if is_sha256(name) and os.path.lexists(f"{self._local}/{name}")
        ]

    def resolve(self, container_id: str) -> Resolution | None:
        """Return where the container's layers are, or None when this driver has no directory for it."""
        if not os.path.lexists(f"{self._local}/{container_id}"):
            return None
        init_id = f"{container_id}-init"
        has_init = os.path.lexists(f"{self._local}/{init_id}")
        layout = self._layout
        diff = f"/{layout.diff}" if layout.diff else ""
        return Resolution(
            self.name,
            container_id,
            init_id if has_init else None,
            f"{self._host}/{container_id}{diff}",
            layout.path_kind,
            self._parent(container_id),
            ResolvedBy.LEGACY,
            "",
            (
                *self._places(container_id, Role.WRITABLE, layout.views),
                *(self._places(init_id, Role.INIT, layout.views) if has_init else ()),
            ),
        )

    def _parent(self, container_id: str) -> str | None:
        try:
            record = config_v2.load(f"{self._root.local}/containers/{container_id}", "config.json")
        except UnreadableError:
            return None  # reported with the container
        return clean(record.image) or None if record is not None else None

    def _places(self, name: str, role: Role, views: tuple[str, ...]) -> tuple[Place, ...]:
        places = self._root.places(f"{self._layout.directory}/{name}", role, views)
        for other in self._layout.beside:
            places += self._root.places(f"{other.directory}/{name}", other.role, other.views)
        return places

    def layers(self) -> Iterator[Layer]:
        """Yield the layer of every image, and every directory that neither an image nor a container names."""
        images = self._records()
        diff = f"/{self._layout.image_diff}" if self._layout.image_diff else ""
        for image_id, (record, reason) in images.items():
            yield Layer(
                root=self._root.host,
                key=image_id,
                paths=(
                    *self._places(image_id, Role.LAYER, self._layout.image_views),
                    *self._root.places(f"graph/{image_id}", Role.METADATA),
                ),
                backend=self.name,
                cache_id=image_id,
                parent=clean(record.parent),
                diff_path=f"{self._host}/{image_id}{diff}",
                path_kind=self._layout.path_kind,
                reason=reason,
            )
        containers = set(names(f"{self._root.local}/containers", self.problems, Kind.CONTAINER))
        for name in sorted(names(self._local, self.problems, Kind.LAYER)):
            if name in images or name.removesuffix("-init") in containers or name in self._layout.reserved:
                continue
            top = f"{self._local}/{name}"
            if not is_directory(top):
                self.problems.add(top, "is no layer's: it is not a directory")
                continue
            # An engine of that time keeps no build cache.
            use, evidence = classify(
                name, (top,), claimed=frozenset(), doubt=unread(self.problems), moment=self._moment
            )
            yield Layer(
                root=self._root.host,
                key=f"{self.name}/{clean(name)}",
                paths=self._places(name, Role.LAYER, self._layout.image_views),
                backend=self.name,
                use=use,
                cache_id=clean(name),
                diff_path=f"{self._host}/{clean(name)}{diff}",
                path_kind=self._layout.path_kind,
                evidence=evidence,
            )

    def images(self) -> Iterator[Image]:
        """Yield every image; its layers are named by the IDs of its ancestors, base first."""
        records = self._records()
        tags = self._names()
        for image_id, (record, reason) in records.items():
            chain: list[str] = []
            below: str | None = image_id
            while below in records and below not in chain:
                chain.append(below)
                below = records[below][0].parent
            yield Image(
                root=self._root.host,
                key=image_id,
                paths=self._root.places(f"graph/{image_id}", Role.METADATA),
                tags=tuple(sorted(tags.get(image_id, []))),
                layers=tuple(reversed(chain)),
                platform=clean("/".join(part for part in (record.os, record.architecture) if part)),
                created_at=clean(record.created),
                backend=self.name,
                reason=reason,
            )

    def _records(self) -> dict[str, tuple[_ImageRecord, str]]:
        if self._images is None:
            self._images = {}
            graph = f"{self._root.local}/graph"
            for name in names(graph, self.problems, Kind.IMAGE):
                if is_sha256(name):
                    self._images[name] = self._record(f"{graph}/{name}/json")
        return self._images

    def _record(self, path: str) -> tuple[_ImageRecord, str]:
        try:
            return _IMAGE.decode(read(path, _LIMIT) or b""), ""
        except (UnreadableError, msgspec.DecodeError, UnicodeDecodeError) as exc:
            self.problems.add(path, str(exc))
            return _ImageRecord(), f"its record cannot be used: {exc}"

    def _names(self) -> dict[str, list[str]]:
        path = f"{self._root.local}/repositories-{self.name}"
        found: dict[str, list[str]] = defaultdict(list)
        try:
            data = read(path, _LIMIT)
            repositories = _REPOSITORIES.decode(data).repositories if data else {}
        except (UnreadableError, msgspec.DecodeError, UnicodeDecodeError) as exc:
            self.problems.interrupted(path, f"the images' names cannot be used: {exc}", Kind.IMAGE)
            return found
        for repository, tagged in repositories.items():
            for tag, image_id in tagged.items():
                found[image_id].append(clean(f"{repository}:{tag}"))
        return found
