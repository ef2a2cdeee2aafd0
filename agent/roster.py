"""What a manager's engine says of its Swarm, as the roster that is sent.

Formats: Engine API, ``GET /nodes`` and ``GET /services``. Specifications hold secrets of the operator (environment,
arguments, mounts): none of that is decoded.
"""

import msgspec

from protocol.entries import LABEL_STACK
from protocol.roster import Roster, RosterNode, RosterService
from protocol.text import clean


class _Version(msgspec.Struct, frozen=True, rename="pascal"):
    index: int = 0


class _NodeSpec(msgspec.Struct, frozen=True, rename="pascal"):
    role: str = ""
    availability: str = ""


class _Platform(msgspec.Struct, frozen=True, rename="pascal"):
    architecture: str = ""
    os: str = msgspec.field(default="", name="OS")


class _NodeEngine(msgspec.Struct, frozen=True, rename="pascal"):
    engine_version: str = ""


class _Description(msgspec.Struct, frozen=True, rename="pascal"):
    hostname: str = ""
    platform: _Platform = _Platform()
    engine: _NodeEngine = _NodeEngine()


class _Status(msgspec.Struct, frozen=True, rename="pascal"):
    state: str = ""
    addr: str = ""


class _ManagerStatus(msgspec.Struct, frozen=True, rename="pascal"):
    leader: bool = False


class SwarmNode(msgspec.Struct, frozen=True, rename="pascal"):
    """The part of one element of ``GET /nodes`` that is decoded."""

    id: str = msgspec.field(name="ID")
    version: _Version = _Version()
    spec: _NodeSpec = _NodeSpec()
    description: _Description = _Description()
    status: _Status = _Status()
    manager_status: _ManagerStatus | None = None


class _ContainerSpec(msgspec.Struct, frozen=True, rename="pascal"):
    image: str = ""


class _TaskTemplate(msgspec.Struct, frozen=True, rename="pascal"):
    container_spec: _ContainerSpec | None = None


class _Replicated(msgspec.Struct, frozen=True, rename="pascal"):
    replicas: int | None = None
    total_completions: int | None = None


class _ServiceSpec(msgspec.Struct, frozen=True, rename="pascal"):
    name: str = ""
    labels: dict[str, str] | None = None
    mode: dict[str, _Replicated | None] = {}
    task_template: _TaskTemplate = _TaskTemplate()


class SwarmService(msgspec.Struct, frozen=True, rename="pascal"):
    """The part of one element of ``GET /services`` that is decoded."""

    id: str = msgspec.field(name="ID")
    version: _Version = _Version()
    spec: _ServiceSpec = _ServiceSpec()


def roster(nodes: list[SwarmNode], services: list[SwarmService], read_ago: float = 0.0) -> Roster:
    """Return what is sent of a Swarm that was read ``read_ago`` seconds ago; in the order of IDs."""
    return Roster(
        version=max([0, *(node.version.index for node in nodes), *(service.version.index for service in services)]),
        nodes=[_node(node) for node in sorted(nodes, key=lambda node: node.id)],
        services=[_service(service) for service in sorted(services, key=lambda service: service.id)],
        read_ago=read_ago,
    )


def _node(node: SwarmNode) -> RosterNode:
    described, spec = node.description, node.spec
    return RosterNode(
        node=_short(node.id),
        hostname=_short(described.hostname),
        role=_short(spec.role),
        availability=_short(spec.availability),
        state=_short(node.status.state),
        address=_short(node.status.addr),
        engine=_short(described.engine.engine_version),
        os=_short(described.platform.os),
        arch=_short(described.platform.architecture),
        leader=node.manager_status is not None and node.manager_status.leader,
    )


def _service(service: SwarmService) -> RosterService:
    spec = service.spec
    mode, replicated = next(iter(spec.mode.items()), ("", None))
    container = spec.task_template.container_spec
    replicas = None if replicated is None else (replicated.replicas or replicated.total_completions)
    if mode == "Replicated" and replicas is None:
        replicas = 0
    return RosterService(
        service=_short(service.id),
        name=_short(spec.name),
        stack=_short((spec.labels or {}).get(LABEL_STACK, "")),
        image=clean(container.image)[:1024] if container is not None else "",
        mode=_short(mode.lower()),
        replicas=replicas,
    )


def _short(text: str) -> str:
    return clean(text)[:256]
