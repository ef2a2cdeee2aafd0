"""Answers about sizes: what takes up the room, what grows, what is left over, and how to look into a container.

As in ``protocol.answers`` absent and ``null`` mean the same, times are RFC 3339 in UTC, and every answer
carries its coverage. Bytes are allocated blocks; what has not been measured (yet) is counted and never guessed.
"""

from typing import Literal

import msgspec

from protocol.answers import Bounds, Coverage
from protocol.entries import LayerUse, PathKind, ResolvedBy

Share = Literal["writable", "images", "build-cache", "volumes", "logs", "orphans", "unclaimed", "ghosts"]
"""What the bytes of a node are spent on.

``writable``: containers' own layers with their init layers; ``logs``: ``containers/<cid>``; ``unclaimed``: what nothing
claims but is too young to be called an orphan, or is being removed; ``ghosts``: all of containers that the engine no
longer lists.
"""

TopBy = Literal["container", "service", "stack", "image", "volume", "node"]
"""By what sizes are added up; ``image`` adds up what the containers of an image have written."""

TopOrder = Literal["size", "growth"]


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    pass


class Size(_Answer, frozen=True, kw_only=True):
    """A sum over ``entries``, of which only ``measured`` have a size; ``partial``: of how many it is a lower bound."""

    entries: int = 0
    measured: int = 0
    partial: int = 0
    bytes: int = 0
    inodes: int = 0


class RoomRow(_Answer, frozen=True, kw_only=True):
    """A file system that holds data roots: ``paths``, as the host names them. Free is what others than root may use."""

    paths: list[str]
    total_bytes: int
    free_bytes: int
    total_inodes: int
    free_inodes: int
    measured_at: str


class RoomSum(_Answer, frozen=True, kw_only=True):
    """The room on several file systems, each counted once."""

    file_systems: int = 0
    total_bytes: int = 0
    free_bytes: int = 0
    total_inodes: int = 0
    free_inodes: int = 0


class NodeUse(_Answer, frozen=True, kw_only=True):
    """Where the bytes of one node are; a share that is absent has no entry there."""

    cluster: str
    node: str
    hostname: str
    shares: dict[Share, Size] = {}
    total: Size = Size()
    rooms: list[RoomRow] = []


class ClusterUse(_Answer, frozen=True, kw_only=True):
    """Where the bytes of one cluster are."""

    cluster: str
    nodes: int
    shares: dict[Share, Size] = {}
    total: Size = Size()
    room: RoomSum = RoomSum()


class DiskUse(_Answer, frozen=True, kw_only=True):
    """Answer to ``df``."""

    nodes: list[NodeUse]
    clusters: list[ClusterUse]
    coverage: Coverage


class TopRow(_Answer, frozen=True, kw_only=True):
    """One container, service, stack, image, volume or node, with what it costs.

    ``key`` is the container ID, the node ID, or the name; ``node`` is empty where several nodes are added up.
    ``grown`` is how many bytes came since the moment asked about (less than 0: fewer now), ``null`` when none was;
    of what was measured for the first time after that moment it counts from ``grown_from`` on.
    """

    cluster: str
    node: str = ""
    hostname: str = ""
    key: str
    name: str = ""
    image: str = ""
    service: str = ""
    stack: str = ""
    nodes: int = 1
    size: Size
    grown: int | None = None
    grown_from: str | None = None
    measured_at: str | None = None


class Top(_Answer, frozen=True, kw_only=True):
    """Answer to ``top``: largest first. ``total`` is over everything, also what is not on this page or not measured."""

    by: TopBy
    order: TopOrder
    since: str | None
    rows: list[TopRow]
    total: Size
    coverage: Coverage
    next: str | None = None


class NodeSize(_Answer, frozen=True, kw_only=True):
    """What something costs on one node."""

    cluster: str
    node: str
    hostname: str
    size: Size


class OrphanRow(_Answer, frozen=True, kw_only=True):
    """A directory that nothing claims, and why that is believed.

    ``first_seen`` bounds when the register first knew of it as nobody's; ``age`` is the time since then in seconds, at
    the least. ``bytes`` is ``null`` until it is measured, ``partial`` says that it is a lower bound.
    """

    cluster: str
    node: str
    hostname: str
    root: str
    key: str
    backend: str
    use: LayerUse
    diff_path: str | None = None
    path_kind: PathKind | None = None
    evidence: str = ""
    reason: str = ""
    first_seen: Bounds
    age: float
    bytes: int | None = None
    inodes: int | None = None
    partial: bool = False
    measured_at: str | None = None


class Orphans(_Answer, frozen=True, kw_only=True):
    """A page of orphans; ``nodes`` and ``total`` are over all of them."""

    orphans: list[OrphanRow]
    nodes: list[NodeSize]
    total: Size
    coverage: Coverage
    next: str | None = None


class GhostRow(_Answer, frozen=True, kw_only=True):
    """A container on disk that its engine no longer lists; fields as in ``OrphanRow``."""

    cluster: str
    node: str
    hostname: str
    root: str
    container_id: str
    name: str
    image: str
    service: str = ""
    stack: str = ""
    state: str = ""
    backend: str = ""
    diff_path: str | None = None
    path_kind: PathKind | None = None
    resolved_by: ResolvedBy = ResolvedBy.UNRESOLVED
    evidence: str = ""
    reason: str = ""
    first_seen: Bounds
    age: float
    bytes: int | None = None
    inodes: int | None = None
    partial: bool = False
    measured_at: str | None = None


class Ghosts(_Answer, frozen=True, kw_only=True):
    """A page of ghosts; ``nodes`` and ``total`` are over all of them."""

    ghosts: list[GhostRow]
    nodes: list[NodeSize]
    total: Size
    coverage: Coverage
    next: str | None = None


class MountCommand(_Answer, frozen=True, kw_only=True):
    """How to look at a container's files on its node without changing them.

    ``command`` is for a shell of root on the node, ``null`` when ``reason`` says why there is none; it mounts at
    ``target``. ``layers`` are the directories from the container's own down to the base of its image. ``remarks``
    are what should be known before.
    """

    cluster: str
    node: str
    hostname: str
    container_id: str
    name: str
    backend: str
    target: str
    command: str | None
    layers: list[str] = []
    reason: str = ""
    remarks: list[str] = []


class MountCommands(_Answer, frozen=True, kw_only=True):
    """Answer to ``mount-command``: one for every container that the reference names."""

    ref: str
    matched: str
    exact: bool
    commands: list[MountCommand]
    coverage: Coverage
    next: str | None = None
