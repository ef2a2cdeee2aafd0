"""Answers of the collector's query API, and of ``scan``, as JSON objects.

A field that is left out has the default that is given here; ``null`` means not known, or not there. Times are
RFC 3339 in UTC. Every answer of the collector carries its coverage: what it could not see is part of what it says.
"""

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from protocol.entries import Kind, LayerUse, Mount, PathKind, Place, ResolvedBy, Role

NodeState = Literal["observed", "incomplete", "silent", "never-seen", "superseded", "drained", "down", "left"]


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    pass


class SilentNode(_Answer, frozen=True, kw_only=True):
    """A node that is not observed, or not wholly; ``since`` is its last heartbeat (``null``: never heard).

    In an answer about a moment in the past: that it was not observed then, ``until`` when (``null``: it still is not),
    and why (``reason`` as in ``protocol.memory.Unobserved``).
    """

    cluster: str
    node: str
    hostname: str
    state: NodeState
    since: str | None
    until: str | None = None
    reason: str = ""


class Coverage(_Answer, frozen=True, kw_only=True):
    """How much of the cluster an answer speaks for. ``complete``: every node known was observed.

    ``as_of`` is when the answer was given, ``at`` the moment that it is about (``null``: then).
    """

    as_of: str
    complete: bool
    nodes_observed: int
    silent: list[SilentNode] = []
    at: str | None = None


class Bounds(_Answer, frozen=True, kw_only=True):
    """Between which two moments something began or ended: after the one, at or before the other.

    ``after`` is ``null`` when the node was not observed before.
    """

    after: str | None
    before: str


class NodeRef(_Answer, frozen=True, kw_only=True):
    """A node as answers name it."""

    cluster: str
    node: str
    hostname: str


class ContainerRow(_Answer, frozen=True, kw_only=True):
    """One container: fields as in ``protocol.entries.Container``, its key as ``container_id``.

    ``began`` and ``ended`` bound the version that is shown (``ended`` ``null``: current); ``certain`` is false
    when the asked moment lies between the bounds; ``seen`` is when the node last listed it.
    """

    cluster: str = ""
    node: str = ""
    hostname: str = ""
    container_id: str
    root: str
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
    mounts: list[Mount] = []
    paths: list[Place] = []
    ghost: bool = False
    outer: str = ""
    service: str = ""
    task: str = ""
    stack: str = ""
    began: Bounds | UnsetType = UNSET
    ended: Bounds | UnsetType | None = UNSET
    certain: bool | UnsetType = UNSET
    seen: str | UnsetType | None = UNSET


class LayerRow(_Answer, frozen=True, kw_only=True):
    """One layer directory that is no container's own; ``images`` and ``containers`` count who uses it."""

    cluster: str = ""
    node: str = ""
    hostname: str = ""
    root: str
    key: str
    backend: str = ""
    use: LayerUse = LayerUse.IMAGE
    cache_id: str = ""
    diff_id: str = ""
    parent: str = ""
    diff_path: str | None = None
    path_kind: PathKind | None = None
    evidence: str = ""
    reason: str = ""
    paths: list[Place] = []
    began: Bounds | UnsetType = UNSET
    ended: Bounds | UnsetType | None = UNSET


class ImageRow(_Answer, frozen=True, kw_only=True):
    """One image on one node."""

    cluster: str = ""
    node: str = ""
    hostname: str = ""
    root: str
    image_id: str
    tags: list[str] = []
    digests: list[str] = []
    layers: list[str] = []
    platform: str = ""
    created_at: str = ""
    backend: str = ""
    reason: str = ""
    began: Bounds | UnsetType = UNSET
    ended: Bounds | UnsetType | None = UNSET


class Scan(_Answer, frozen=True, kw_only=True):
    """What ``scan ROOT`` found; ``problems`` are sentences, each names the path it is about."""

    root: str
    containers: list[ContainerRow]
    layers: list[LayerRow]
    images: list[ImageRow]
    orphans: list[LayerRow]
    problems: list[str]


class Containers(_Answer, frozen=True, kw_only=True):
    """A page of containers; ``next`` is the cursor of the following page."""

    containers: list[ContainerRow]
    coverage: Coverage
    next: str | None = None


class Layers(_Answer, frozen=True, kw_only=True):
    """A page of layers."""

    layers: list[LayerRow]
    coverage: Coverage
    next: str | None = None


class Images(_Answer, frozen=True, kw_only=True):
    """A page of images."""

    images: list[ImageRow]
    coverage: Coverage
    next: str | None = None


class StreamEnd(_Answer, frozen=True, kw_only=True):
    """Last line of a streamed list: how many rows came before it. A stream without it is incomplete."""

    rows: int
    coverage: Coverage


class Where(_Answer, frozen=True, kw_only=True):
    """Answer to ``where?ref=``: every container that the reference names.

    ``matched`` says as what it was taken (``id``, ``name``, ``service``, …), ``exact`` whether whole or as a prefix.
    """

    ref: str
    matched: str
    exact: bool
    containers: list[ContainerRow]
    coverage: Coverage
    at: str | None = None
    next: str | None = None


class ContainerBrief(_Answer, frozen=True, kw_only=True):
    """Enough of a container to name it.

    ``destination`` is where it mounts the thing asked about, ``inside`` the path asked about as it sees it there.
    """

    container_id: str
    name: str
    state: str
    image: str
    service: str = ""
    stack: str = ""
    task: str = ""
    destination: str | None = None
    inside: str | None = None


class Owner(_Answer, frozen=True, kw_only=True):
    """What owns a path on one node.

    ``kind`` and ``role`` say what and how; ``matched`` is the ancestor of the path (or the path itself) that is the
    owner's own; ``inside`` is the path as seen inside the container or layer, ``null`` where no container sees it.
    For a volume or bind it is set when all its containers see the path alike; each container has its own.
    ``key`` is the container ID, layer key, image ID, volume name or bind source. At most 100 ``containers`` and
    ``images`` are listed; the totals count all. ``sentence`` says it all in words.
    """

    cluster: str
    node: str
    hostname: str
    kind: Kind
    role: Role
    key: str
    root: str
    matched: str
    inside: str | None
    name: str = ""
    image: str = ""
    service: str = ""
    stack: str = ""
    use: LayerUse | None = None
    containers: list[ContainerBrief] = []
    images: list[str] = []
    containers_total: int = 0
    images_total: int = 0
    sentence: str = ""
    began: Bounds | UnsetType = UNSET
    ended: Bounds | UnsetType | None = UNSET
    certain: bool | UnsetType = UNSET


class Whose(_Answer, frozen=True, kw_only=True):
    """Answer to ``whose?path=``: the nearest owner on every node where the path means something.

    At most 1,000 ``owners`` are listed (``node=`` asks about one node); ``owners_total`` counts all.
    ``also_visible`` are farther ancestors (a container that binds ``/``) on the owners' nodes; at most 100 are listed.
    ``former`` are, where there is no owner, those that owned it last, one a node, the latest end first: each has
    ``ended``.
    """

    path: str
    owners: list[Owner]
    owners_total: int = 0
    also_visible: list[Owner] = []
    also_visible_total: int = 0
    former: list[Owner] = []
    at: str | None = None


class WhoseAnswer(_Answer, frozen=True, kw_only=True):
    """Answer to ``whose``: one item for every path asked, in that order."""

    answers: list[Whose]
    coverage: Coverage


class NodeRow(_Answer, frozen=True, kw_only=True):
    """One node of a Swarm, or an engine outside one.

    ``skew`` is the node's clock minus PostgreSQL's, in seconds; ``problems`` are the agent's own sentences.
    ``role``, ``availability``, ``swarm_state`` and ``leader`` are what the roster says, in the engine's words.
    """

    cluster: str
    node: str
    hostname: str
    state: NodeState
    since: str | None
    seen: str | None
    engine: dict[str, Any] = {}
    backends: list[dict[str, Any]] = []
    agent: str = ""
    containers: int = 0
    unresolved: int = 0
    skew: float | None = None
    lost_events: int = 0
    conflict: bool = False
    problems: list[str] = []
    role: str = ""
    availability: str = ""
    swarm_state: str = ""
    leader: bool = False


class RosterRead(_Answer, frozen=True, kw_only=True):
    """The roster of one cluster: when it was read, by the agent of which manager, and how many nodes it names."""

    cluster: str
    node: str
    hostname: str
    read_at: str
    nodes: int
    services: int


class Nodes(_Answer, frozen=True, kw_only=True):
    """Every node that the register knows, from agents and from rosters."""

    nodes: list[NodeRow]
    coverage: Coverage
    rosters: list[RosterRead] = []


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """The database can be used by this release. ``alerts``: what somebody has to look at all the same."""

    status: str
    alerts: list[str] = []
