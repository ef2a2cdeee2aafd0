"""Data roots made on disk, as an engine leaves them: for sample nodes, for tests, and for benches.

``build`` writes what the given containers, images and volumes look like below one graph driver, or below an
engine older than 1.10, and returns the truth about it, so that a reader can be checked. All names come from a
seed: the same specification gives the same tree.
"""

import base64
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mountbook.local.records import CREATED, Recorded, config, host_config

DRIVERS: Final[tuple[str, ...]] = ("overlay2", "overlay", "fuse-overlayfs", "aufs", "vfs", "btrfs")
"""Graph drivers that can be built."""

_DIRECTORY: Final = {"aufs": "aufs/diff", "vfs": "vfs/dir", "btrfs": "btrfs/subvolumes"}
_CONTAINER_DIFF: Final = {"overlay2": "diff", "fuse-overlayfs": "diff", "overlay": "upper"}
_IMAGE_DIFF: Final = {"overlay2": "diff", "fuse-overlayfs": "diff", "overlay": "root"}


@dataclass(frozen=True, kw_only=True)
class VolumeSpec:
    """A volume of the ``local`` driver with its files (path inside the volume → content)."""

    name: str
    files: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ImageSpec:
    """An image: its tags, and the files of every layer, base first."""

    name: str
    layers: tuple[dict[str, str], ...]
    digest: bool = False


@dataclass(frozen=True, kw_only=True)
class ContainerSpec:
    """A container. ``volumes`` maps destinations to volume names, ``binds`` destinations to host paths.

    ``state`` is ``running``, ``exited``, ``created`` or ``paused``. ``init`` and ``parent`` False leave out that file.
    """

    name: str
    image: str
    state: str = "running"
    exit_code: int = 0
    labels: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    volumes: dict[str, str] = field(default_factory=dict)
    binds: dict[str, str] = field(default_factory=dict)
    environment: tuple[str, ...] = ()
    init: bool = True
    parent: bool = True


@dataclass(frozen=True, kw_only=True)
class DataRootSpec:
    """A whole data root. ``legacy``: as an engine before 1.10 left it. ``leaked`` layers are named by nothing."""

    driver: str
    seed: str = "mountbook"
    legacy: bool = False
    images: tuple[ImageSpec, ...] = ()
    containers: tuple[ContainerSpec, ...] = ()
    volumes: tuple[VolumeSpec, ...] = ()
    leaked: int = 0


@dataclass(frozen=True, kw_only=True)
class BuiltContainer:
    """The truth about one container; ``diff_path`` is relative to the data root."""

    container_id: str
    name: str
    image: str
    image_id: str
    mount_id: str
    init_id: str | None
    parent: str | None
    diff_path: str
    state: str


@dataclass(frozen=True, kw_only=True)
class BuiltImage:
    """The truth about one image: layer keys (chain IDs, or image IDs before 1.10) and their directories, base first."""

    image_id: str
    name: str
    layers: tuple[str, ...]
    cache_ids: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class BuiltRoot:
    """The truth about a data root."""

    path: Path
    driver: str
    containers: tuple[BuiltContainer, ...]
    images: dict[str, BuiltImage]
    leaked: tuple[str, ...]

    def container(self, name: str) -> BuiltContainer:
        """Return the container of that name; KeyError when there is none."""
        for one in self.containers:
            if one.name == name:
                return one
        raise KeyError(name)


def build(path: Path, spec: DataRootSpec) -> BuiltRoot:
    """Write the data root into the directory ``path``, which is made.

    Raises:
        ValueError: the driver cannot be built, or a container names an image that is not there.
        OSError: the disk does not take it.
    """
    if spec.driver not in DRIVERS:
        raise ValueError(f"data roots of {spec.driver!r} cannot be built; there are {', '.join(DRIVERS)}")
    builder = _Legacy(path, spec) if spec.legacy else _Builder(path, spec)
    return builder.build()


class _Builder:
    """One data root with ``image/<driver>/layerdb``."""

    def __init__(self, path: Path, spec: DataRootSpec) -> None:
        self.path, self.spec = path, spec
        self.layers_dir = _DIRECTORY.get(spec.driver, spec.driver)
        self.store = path / "image" / spec.driver
        self.chain_of: dict[str, str] = {}

    def build(self) -> BuiltRoot:
        for directory in (self.path / "containers", self.path / "volumes", self.path / self.layers_dir):
            directory.mkdir(parents=True, exist_ok=True)
        self.make_stores()
        images = {image.name: self.image(image) for image in self.spec.images}
        self.repositories(images)
        for volume in self.spec.volumes:
            _write(self.path / "volumes" / volume.name / "_data", volume.files)
        containers = []
        for container in self.spec.containers:
            if container.image not in images:
                raise ValueError(
                    f"container {container.name!r} names the image {container.image!r}, which is not there"
                )
            containers.append(self.container(container, images[container.image]))
        leaked = tuple(self.id("leaked", str(number)) for number in range(self.spec.leaked))
        for name in leaked:
            self.layer_directory(name, {"var/cache/left-behind": "nobody's\n" * 1000}, image=True, parents=())
        return BuiltRoot(
            path=self.path, driver=self.spec.driver, containers=tuple(containers), images=images, leaked=leaked
        )

    def id(self, *parts: str) -> str:
        return hashlib.sha256("\0".join((self.spec.seed, self.spec.driver, *parts)).encode()).hexdigest()

    def make_stores(self) -> None:
        for name in ("layerdb/mounts", "layerdb/sha256", "imagedb/content/sha256"):
            (self.store / name).mkdir(parents=True, exist_ok=True)

    def image(self, spec: ImageSpec) -> BuiltImage:
        diff_ids = [f"sha256:{_digest(files)}" for files in spec.layers]
        chains: list[str] = []
        caches: list[str] = []
        for diff_id, files in zip(diff_ids, spec.layers, strict=True):
            chain = diff_id if not chains else f"sha256:{_sha256(f'{chains[-1]} {diff_id}')}"
            self.image_layer(chain, diff_id, chains[-1] if chains else None, files, tuple(reversed(caches)))
            chains.append(chain)
            caches.append(self.chain_of[chain])
        content = {
            "architecture": "amd64",
            "os": "linux",
            "created": CREATED,
            "config": {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin"], "Cmd": ["sh"]},
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "history": [{"created": CREATED, "created_by": f"layer {number}"} for number in range(len(diff_ids))],
        }
        text = json.dumps(content, separators=(",", ":"))
        image_id = _sha256(text)
        (self.store / "imagedb/content/sha256" / image_id).write_text(text)
        return BuiltImage(image_id=f"sha256:{image_id}", name=spec.name, layers=tuple(chains), cache_ids=tuple(caches))

    def image_layer(
        self, chain: str, diff_id: str, parent: str | None, files: dict[str, str], parents: tuple[str, ...]
    ) -> None:
        if chain in self.chain_of:
            return
        cache_id = self.chain_of[chain] = self.id("cache", chain)
        directory = self.store / "layerdb/sha256" / chain.removeprefix("sha256:")
        directory.mkdir()
        _put(directory / "cache-id", cache_id)
        _put(directory / "diff", diff_id)
        _put(directory / "size", str(sum(map(len, files.values()))))
        if parent is not None:
            _put(directory / "parent", parent)
        self.layer_directory(cache_id, files, image=True, parents=parents)

    def repositories(self, images: dict[str, BuiltImage]) -> None:
        names: dict[str, dict[str, str]] = {}
        for spec in self.spec.images:
            repository = spec.name.rpartition(":")[0] or spec.name
            references = names.setdefault(repository, {})
            references[spec.name] = images[spec.name].image_id
            if spec.digest:
                references[f"{repository}@sha256:{self.id('digest', spec.name)}"] = images[spec.name].image_id
        (self.store / "repositories.json").write_text(json.dumps({"Repositories": names}))

    def layer_directory(self, name: str, files: dict[str, str], *, image: bool, parents: Sequence[str]) -> None:
        """Write the directory of one layer and what the driver keeps beside it; ``parents`` are the nearest first."""
        driver = self.spec.driver
        base = self.path / self.layers_dir / name
        below = (_IMAGE_DIFF if image else _CONTAINER_DIFF).get(driver, "")
        _write(base / below if below else base, files)
        if driver in {"overlay2", "fuse-overlayfs"}:
            self.overlay2_names(base, name, parents)
        elif driver == "overlay" and not image:
            for extra in ("work", "merged"):
                (base / extra).mkdir(exist_ok=True)
            if parents:
                _put(base / "lower-id", parents[-1])
        elif driver == "btrfs":
            (self.path / "btrfs/quotas").mkdir(exist_ok=True)
            _put(self.path / "btrfs/quotas" / name, "0")
        elif driver == "aufs":
            for directory in ("layers", "mnt"):
                (self.path / "aufs" / directory).mkdir(exist_ok=True)
            _put(self.path / "aufs/layers" / name, "".join(f"{parent}\n" for parent in parents))
            (self.path / "aufs/mnt" / name).mkdir(exist_ok=True)

    def overlay2_names(self, base: Path, name: str, parents: Sequence[str]) -> None:
        links = self.path / self.layers_dir / "l"
        links.mkdir(exist_ok=True)
        _put(base / "link", _short(name))
        (links / _short(name)).symlink_to(f"../{name}/diff")
        if parents:
            _put(base / "lower", ":".join(f"l/{_short(parent)}" for parent in parents))
            (base / "work").mkdir(exist_ok=True)

    def container(self, spec: ContainerSpec, image: BuiltImage) -> BuiltContainer:
        container_id = self.id("container", spec.name)
        mount_id = self.id("mount", spec.name)
        init_id = f"{mount_id}-init" if spec.init else None
        below = tuple(reversed(image.cache_ids))
        if init_id is not None:
            self.layer_directory(init_id, {"etc/hosts": "", "etc/hostname": ""}, image=False, parents=below)
            below = (init_id, *below)
        self.layer_directory(mount_id, spec.files, image=False, parents=below)
        parent = image.layers[-1] if spec.parent else None
        mounts = self.store / "layerdb/mounts" / container_id
        mounts.mkdir()
        _put(mounts / "mount-id", mount_id)
        if init_id is not None:
            _put(mounts / "init-id", init_id)
        if parent is not None:
            _put(mounts / "parent", parent)
        self.record(container_id, spec, image, "config.v2.json")
        diff = "/".join(filter(None, (self.layers_dir, mount_id, _CONTAINER_DIFF.get(self.spec.driver, ""))))
        return self.built(spec, image, container_id, mount_id, init_id, parent, diff)

    def built(
        self,
        spec: ContainerSpec,
        image: BuiltImage,
        container_id: str,
        mount_id: str,
        init_id: str | None,
        parent: str | None,
        diff_path: str,
    ) -> BuiltContainer:
        return BuiltContainer(
            container_id=container_id,
            name=spec.name,
            image=spec.image,
            image_id=image.image_id,
            mount_id=mount_id,
            init_id=init_id,
            parent=parent,
            diff_path=diff_path,
            state=spec.state,
        )

    def record(self, container_id: str, spec: ContainerSpec, image: BuiltImage, file: str) -> None:
        directory = self.path / "containers" / container_id
        directory.mkdir()
        recorded = Recorded(
            container_id=container_id,
            name=spec.name,
            image=spec.image,
            image_id=image.image_id,
            driver=self.spec.driver,
            state=spec.state,
            exit_code=spec.exit_code,
            labels=spec.labels,
            environment=spec.environment,
            volumes=spec.volumes,
            binds=spec.binds,
        )
        _put(directory / file, json.dumps(config(recorded), separators=(",", ":")))
        _put(directory / "hostconfig.json", json.dumps(host_config(recorded), separators=(",", ":")))
        _put(directory / "hostname", f"{container_id[:12]}\n")
        _put(directory / f"{container_id}-json.log", '{"log":"ready\\n","stream":"stdout"}\n')


class _Legacy(_Builder):
    """One data root of an engine before 1.10: layers are named by image IDs, a mount-id is the container's."""

    def make_stores(self) -> None:
        (self.path / "graph").mkdir(parents=True, exist_ok=True)

    def image(self, spec: ImageSpec) -> BuiltImage:
        ids: list[str] = []
        for number, files in enumerate(spec.layers):
            image_id = self.id("image", spec.name, str(number))
            directory = self.path / "graph" / image_id
            directory.mkdir()
            record = {"id": image_id, "created": CREATED, "os": "linux", "architecture": "amd64"}
            if ids:
                record["parent"] = ids[-1]
            (directory / "json").write_text(json.dumps(record))
            self.layer_directory(image_id, files, image=True, parents=tuple(reversed(ids)))
            ids.append(image_id)
        return BuiltImage(image_id=ids[-1], name=spec.name, layers=tuple(ids), cache_ids=tuple(ids))

    def repositories(self, images: dict[str, BuiltImage]) -> None:
        names: dict[str, dict[str, str]] = {}
        for name, image in images.items():
            repository, _, tag = name.rpartition(":")
            names.setdefault(repository or name, {})[tag if repository else "latest"] = image.image_id
        (self.path / f"repositories-{self.spec.driver}").write_text(json.dumps({"Repositories": names}))

    def container(self, spec: ContainerSpec, image: BuiltImage) -> BuiltContainer:
        container_id = self.id("container", spec.name)
        init_id = f"{container_id}-init"
        below = tuple(reversed(image.cache_ids))
        self.layer_directory(init_id, {"etc/hosts": ""}, image=False, parents=below)
        self.layer_directory(container_id, spec.files, image=False, parents=(init_id, *below))
        self.record(container_id, spec, image, "config.json")
        diff = "/".join(filter(None, (self.layers_dir, container_id, _CONTAINER_DIFF.get(self.spec.driver, ""))))
        return self.built(spec, image, container_id, container_id, init_id, image.image_id, diff)


def _put(path: Path, text: str) -> None:
    """Write a small file; thousands of them are made for benches, so without Path's layers."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _write(directory: Path, files: dict[str, str]) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        target = directory / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)


def _short(name: str) -> str:
    """Return overlay2's short name of a layer: 26 capital letters and digits."""
    return base64.b32encode(hashlib.sha256(f"link {name}".encode()).digest())[:26].decode()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _digest(files: dict[str, str]) -> str:
    return _sha256(json.dumps(files, sort_keys=True))
