"""What there is before a deployment: the engine, the Swarm, its nodes, networks, ports and secrets.

Formats: ``docker info``, ``docker node inspect``, ``docker network inspect``, ``docker service inspect``.
"""

import ipaddress
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from mountbook.deploy import probes
from mountbook.deploy.docker import Docker
from mountbook.errors import UserError

SECRETS: Final = (
    "mountbook_postgres_password",
    "mountbook_join_secret",
    "mountbook_admin_token",
    "mountbook_signing_key",
)
GOSSIP: Final = 7946
"""TCP and UDP port on which nodes tell each other of overlay networks; an engine in a Swarm listens there."""
POSTGRES_VOLUME: Final = "mountbook_postgres"
_NO_LEADER: Final = ("does not have a leader", "no leader", "quorum", "deadline exceeded")


class _Cluster(msgspec.Struct, frozen=True):
    id: str = msgspec.field(default="", name="ID")


class _SwarmInfo(msgspec.Struct, frozen=True, rename="pascal"):
    local_node_state: str = "inactive"
    node_id: str = msgspec.field(default="", name="NodeID")
    node_addr: str = ""
    control_available: bool = False
    cluster: _Cluster | None = None
    remote_managers: list[dict[str, str]] | None = None


class Info(msgspec.Struct, frozen=True, rename="pascal"):
    """The part of ``docker info`` that is decoded."""

    swarm: _SwarmInfo = _SwarmInfo()
    docker_root_dir: str = ""
    security_options: list[str] | None = None
    server_version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One node of the Swarm."""

    id: str
    hostname: str = ""
    role: str = "worker"
    availability: str = "active"
    state: str = "ready"
    address: str = ""
    engine: str = ""
    os: str = "linux"
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What to call it in a sentence."""
        return self.hostname or self.id

    @property
    def runs_tasks(self) -> bool:
        """Whether Swarm starts an agent there, the stack's own or one of a layout."""
        wanted = self.labels.get("mountbook.agent") != "false" or "mountbook.layout" in self.labels
        return wanted and self.os == "linux" and self.availability != "drain" and self.state == "ready"

    @property
    def takes_collectors(self) -> bool:
        """Whether Swarm may start a collector there now."""
        wanted = self.os == "linux" and self.labels.get("mountbook.collector") != "false"
        return wanted and self.availability == "active" and self.state == "ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that the checks look at. ``no_quorum`` is docker's own sentence when managers have no leader.

    ``cluster`` is what the deployed agents call this Swarm. ``subnets`` are those of other networks by name, ``ports``
    those that other services publish, by port. ``listening`` are the nodes where something else already has the
    collectors' port, ``deaf`` those whose port for overlay networks this manager cannot reach, both by ID. ``mounts``
    is the mount table of this manager's engine, ``""`` when it cannot be known; ``volumes`` are this engine's.
    """

    info: Info
    nodes: tuple[Node, ...] = ()
    no_quorum: str = ""
    subnets: tuple[tuple[str, str], ...] = ()
    ports: dict[int, str] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()
    deployed: bool = False
    cluster: str = ""
    local_images: frozenset[str] = frozenset()
    listening: frozenset[str] = frozenset()
    deaf: frozenset[str] = frozenset()
    mounts: str = ""
    volumes: frozenset[str] = frozenset()


def read(docker: Docker, stack: str, images: tuple[str, ...], port: int) -> Facts:
    """Ask docker for everything that the checks look at, and nodes whether ``port`` is taken; changes nothing.

    Raises:
        UserError: docker cannot be asked.
    """
    info = docker.read(Info, "info", "--format", "{{json .}}")
    if not info.swarm.control_available:
        return Facts(info=info)
    try:
        nodes = read_nodes(docker)
    except UserError as exc:
        if not any(text in str(exc) for text in _NO_LEADER):
            raise
        return Facts(info=info, no_quorum=str(exc))
    services = docker.inspect(dict[str, Any], "service", docker.names("service", "ls", "--quiet"))
    networks = docker.inspect(dict[str, Any], "network", docker.names("network", "ls", "--quiet"))
    here = probes.is_here(info.swarm.node_addr)
    return Facts(
        info=info,
        nodes=nodes,
        subnets=tuple(_subnets(networks, stack)),
        ports=_ports(services, stack),
        secrets=frozenset(docker.names("secret", "ls", "--format", "{{.Name}}")),
        deployed=any(_stack(service.get("Spec", {})) == stack for service in services),
        cluster=next((_cluster(service) for service in services if _name(service) == f"{stack}_agent"), ""),
        local_images=frozenset(image for image in images if _is_local(docker, image)),
        listening=_listening(nodes, port) if port not in _ports(services, stack, own=True) else frozenset(),
        deaf=_deaf(nodes, info.swarm.node_id) if here else frozenset(),
        mounts=probes.engines_mounts() if here else "",
        volumes=frozenset(docker.names("volume", "ls", "--quiet")),
    )


def read_nodes(docker: Docker) -> tuple[Node, ...]:
    """Return every node of the Swarm.

    Raises:
        UserError: docker cannot be asked.
    """
    names = docker.names("node", "ls", "--quiet")
    return tuple(_node(node) for node in docker.inspect(dict[str, Any], "node", names))


def _listening(nodes: tuple[Node, ...], port: int) -> frozenset[str]:
    able = [node for node in nodes if node.takes_collectors]
    answering = probes.answering((node.address for node in able), port)
    return frozenset(node.id for node in able if node.address in answering)


def _deaf(nodes: tuple[Node, ...], this: str) -> frozenset[str]:
    others = [node for node in nodes if node.id != this and node.runs_tasks]
    answering = probes.answering((node.address for node in others), GOSSIP)
    return frozenset(node.id for node in others if node.address not in answering)


def _node(node: dict[str, Any]) -> Node:
    spec, described, status = (node.get(name) or {} for name in ("Spec", "Description", "Status"))
    return Node(
        id=node["ID"],
        hostname=described.get("Hostname", ""),
        role=spec.get("Role", ""),
        availability=spec.get("Availability", ""),
        state=status.get("State", ""),
        address=status.get("Addr", ""),
        engine=(described.get("Engine") or {}).get("EngineVersion", ""),
        os=(described.get("Platform") or {}).get("OS", "linux"),
        labels=spec.get("Labels") or {},
    )


def _name(service: dict[str, Any]) -> str:
    return str(service.get("Spec", {}).get("Name", ""))


def _cluster(service: dict[str, Any]) -> str:
    container = service.get("Spec", {}).get("TaskTemplate", {}).get("ContainerSpec", {})
    values = dict(text.partition("=")[::2] for text in container.get("Env") or [])
    return str(values.get("MOUNTBOOK_CLUSTER", ""))


def _stack(labelled: dict[str, Any]) -> str:
    return str((labelled.get("Labels") or {}).get("com.docker.stack.namespace", ""))


def _subnets(networks: list[dict[str, Any]], stack: str) -> list[tuple[str, str]]:
    return [
        (network["Name"], config["Subnet"])
        for network in networks
        if _stack(network) != stack
        for config in (network.get("IPAM") or {}).get("Config") or []
        if _is_subnet(config.get("Subnet", ""))
    ]


def _is_subnet(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _ports(services: list[dict[str, Any]], stack: str, *, own: bool = False) -> dict[int, str]:
    """Return the ports that services publish: other ones than the stack's, or its own."""
    taken = {}
    for service in services:
        spec = service.get("Spec", {})
        if (_stack(spec) == stack) is own:
            for port in (service.get("Endpoint") or {}).get("Ports") or []:
                taken[int(port.get("PublishedPort", 0))] = str(spec.get("Name", ""))
    return taken


def _is_local(docker: Docker, image: str) -> bool:
    """Whether this engine has the image, and no registry is known to."""
    try:
        (found,) = docker.read(list[dict[str, Any]], "image", "inspect", image)
    except UserError:
        return False
    return not found.get("RepoDigests")
