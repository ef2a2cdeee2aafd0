"""Entries: the facts that an agent reports about one node.

An entry has a kind, the data root it belongs to, a key that is unique below that root, the
absolute host paths that are its own, and the fields of its kind. All text is as
``protocol.text`` makes it; paths are as the host sees them, whatever the agent's own mounts are.

Every field is part of the state hash unless ``statehash.FIELDS`` leaves it out; what ticks by
itself (sizes, health, "Up 3 minutes") is not an entry's business but that of ``usage``.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import ClassVar, Final, Literal

import msgspec


class Kind(StrEnum):
    """What an entry is about."""

    CONTAINER = "container"
    LAYER = "layer"
    IMAGE = "image"
    VOLUME = "volume"
    BIND = "bind"


class PathKind(StrEnum):
    """What is found at a diff path."""

    DIFF = "diff"
    """Only what was changed (overlay2, aufs, …)."""
    FULL_VIEW = "full-view"
    """A whole tree (btrfs, vfs, native, mounted zfs)."""
    BLOCK_DEVICE = "block-device"
    """A device or an image file that must be mounted to be read (devicemapper, blockfile)."""
    DATASET = "dataset"
    """A ZFS dataset; its name is given, not a path."""


class ResolvedBy(StrEnum):
    """Which source named a container's directory; the first that answers wins."""

    LAYERDB = "layerdb"
    LEGACY = "legacy"
    """Engine before 1.10: the mount-id is the container ID."""
    MOUNTINFO = "mountinfo"
    SNAPSHOT_DB = "snapshot-db"
    CONTAINERD_API = "containerd-api"
    INSPECT = "inspect"
    UNRESOLVED = "unresolved"


class Role(StrEnum):
    """What a path is to the entry that owns it."""

    WRITABLE = "writable"
    """The container's own layer directory."""
    INIT = "init"
    """The container's init layer directory."""
    LAYER = "layer"
    """The directory of an image layer, of build cache, or of what nothing claims."""
    LINK = "link"
    """A short name: ``overlay2/l/XXXX``."""
    MOUNT = "mount"
    """Where the merged view is mounted while the container runs."""
    CONTAINER_DIR = "container-dir"
    """``containers/<cid>``: log files, configuration, hosts and resolv.conf."""
    METADATA = "metadata"
    """The backend's records: ``layerdb/…``, ``aufs/layers/…``."""
    VOLUME = "volume"
    """A volume's mount point (its contents)."""
    VOLUME_DIR = "volume-dir"
    """The directory around a local volume's contents."""
    SOURCE = "source"
    """A bind's source on the host."""
    BACKEND = "backend"
    """A directory of the storage backend itself, around its layers. No entry has it; answers name it."""


class LayerUse(StrEnum):
    """Why a layer directory that is no container's is there."""

    IMAGE = "image"
    BUILD_CACHE = "build-cache"
    REMOVING = "removing"
    """Named ``*-removing``: the engine was interrupted while it deleted it."""
    UNCLAIMED = "unclaimed"
    """Nothing claims it, but it is younger than the grace period: perhaps being made."""
    ORPHAN = "orphan"
    """Nothing claims it and nothing about it changed for the grace period."""


class Place(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One absolute path that is an entry's own: ``[path, role, views]`` on the wire.

    ``views`` names the sub-directories that show a root file system: for an overlay2 layer
    ``("diff", "merged")``, for one of vfs ``(".",)``, for a metadata file none. They let a reader turn
    a host path into the path inside the container without knowing any backend.
    A ZFS dataset is a place too; its name has no leading slash.
    """

    path: str
    role: Role
    views: tuple[str, ...] = ()


class Mount(msgspec.Struct, frozen=True, gc=False):
    """One mount of a container, with the names the engine's API uses in lower case.

    ``name`` is a volume's name; ``source`` the host path (``""`` for tmpfs); ``rw`` whether it is writable.
    """

    type: str
    destination: str
    name: str = ""
    source: str = ""
    driver: str = ""
    mode: str = ""
    rw: bool = True
    propagation: str = ""


class EntryKey(msgspec.Struct, frozen=True, array_like=True, gc=False, order=True):
    """What names an entry on its node: ``[kind, root, key]`` on the wire."""

    kind: Kind
    root: str
    key: str


class _Entry(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", omit_defaults=True):
    """``root`` is the data root as the host names it; ``paths`` are the entry's own places."""

    KIND: ClassVar[Kind]

    root: str
    key: str
    paths: tuple[Place, ...] = ()

    @property
    def entry_key(self) -> EntryKey:
        """The entry's name on its node."""
        return EntryKey(self.KIND, self.root, self.key)


class Container(_Entry, frozen=True, kw_only=True, tag="container"):
    """A container; its key is its 64-digit ID.

    ``backend`` is the graph driver or snapshotter (``"overlay2"``, ``"overlayfs"``); ``mount_id`` and
    ``init_id`` are the names of its layers there (the snapshot ids, as text, of a snapshotter).
    ``parent_chain_id`` is the image layer its own layers stand on. ``diff_path`` is a dataset's name when
    ``path_kind`` is ``dataset``, a device when it is ``block-device``.
    Times are the engine's, RFC 3339 in UTC, ``""`` when unknown or never. ``reason`` says why the
    container is ``unresolved``, or what is doubtful. ``ghost``: on disk, but the engine no longer lists it.
    ``outer`` is the ID of the container whose volume holds this engine's data root (Docker in Docker).
    """

    KIND: ClassVar[Kind] = Kind.CONTAINER

    name: str = ""
    backend: str = ""
    mount_id: str | None = None
    init_id: str | None = None
    diff_path: str | None = None
    path_kind: PathKind | None = None
    parent_chain_id: str | None = None
    resolved_by: ResolvedBy = ResolvedBy.UNRESOLVED
    reason: str = ""
    image: str = ""
    image_id: str = ""
    state: str = ""
    exit_code: int | None = None
    oom_killed: bool = False
    created_at: str = ""
    started_at: str = ""
    finished_at: str = ""
    labels: dict[str, str] = {}
    mounts: tuple[Mount, ...] = ()
    ghost: bool = False
    outer: str = ""


class Layer(_Entry, frozen=True, kw_only=True, tag="layer"):
    """A layer directory that is no container's own.

    An image layer's key is its chain ID, after ``<backend>/`` where the backend in use holds the same content too; any
    other's is ``<backend>/<directory name>``. ``parent`` is the chain ID of the layer below. ``cache_id`` is the
    name of its directory. ``evidence`` says what was looked at to classify it.
    """

    KIND: ClassVar[Kind] = Kind.LAYER

    backend: str = ""
    use: LayerUse = LayerUse.IMAGE
    cache_id: str = ""
    diff_id: str = ""
    parent: str = ""
    diff_path: str | None = None
    path_kind: PathKind | None = None
    evidence: str = ""
    reason: str = ""


class Image(_Entry, frozen=True, kw_only=True, tag="image"):
    """An image; its key is its ID (``sha256:…``). ``layers`` are layer keys, base first."""

    KIND: ClassVar[Kind] = Kind.IMAGE

    tags: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    platform: str = ""
    created_at: str = ""
    backend: str = ""
    reason: str = ""


class Volume(_Entry, frozen=True, kw_only=True, tag="volume"):
    """A volume; its key is its name.

    The driver's options are left out: they carry passwords (NFS, CIFS, plugins).
    """

    KIND: ClassVar[Kind] = Kind.VOLUME

    driver: str = ""
    mountpoint: str = ""
    created_at: str = ""
    labels: dict[str, str] = {}
    reason: str = ""


class Bind(_Entry, frozen=True, kw_only=True, tag="bind"):
    """A host path that containers mount; its key is that path. Who uses it stands in their mounts."""

    KIND: ClassVar[Kind] = Kind.BIND

    reason: str = ""


Entry = Container | Layer | Image | Volume | Bind

ENTRY_TYPES: Final[dict[Kind, type[Entry]]] = {
    Kind.CONTAINER: Container,
    Kind.LAYER: Layer,
    Kind.IMAGE: Image,
    Kind.VOLUME: Volume,
    Kind.BIND: Bind,
}


LABEL_CLUSTER_NODE: Final = "com.docker.swarm.node.id"
LABEL_SERVICE_ID: Final = "com.docker.swarm.service.id"
LABEL_SERVICE: Final = "com.docker.swarm.service.name"
LABEL_TASK_ID: Final = "com.docker.swarm.task.id"
LABEL_TASK: Final = "com.docker.swarm.task.name"
LABEL_STACK: Final = "com.docker.stack.namespace"
LABEL_COMPOSE_PROJECT: Final = "com.docker.compose.project"
LABEL_COMPOSE_SERVICE: Final = "com.docker.compose.service"
"""Labels that the Swarm and Compose put on containers (moby ``daemon/cluster/executor``, Compose ``api/labels``)."""

SERVICE_LABELS: Final = (LABEL_SERVICE, LABEL_COMPOSE_SERVICE)
"""The first of these that is not empty names a container's service."""
STACK_LABELS: Final = (LABEL_STACK, LABEL_COMPOSE_PROJECT)
"""The first of these that is not empty names the stack."""


def first_label(labels: Mapping[str, str], names: Sequence[str]) -> str:
    """Return the first of these labels that is not empty, else ``""``.

    >>> first_label({LABEL_SERVICE: "", LABEL_COMPOSE_SERVICE: "db"}, SERVICE_LABELS)
    'db'
    """
    return next((labels[name] for name in names if labels.get(name)), "")


BackendType = Literal["graph-driver", "snapshotter"]
