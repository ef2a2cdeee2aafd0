"""What there is before a deployment: the engine, the Swarm, its nodes, networks, ports and secrets.

Formats: ``docker info``, ``docker node inspect``, ``docker network inspect``, ``docker service inspect``.
"""

import ipaddress
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from mountbook.deploy.docker import Docker
from mountbook.errors import UserError

SECRETS: Final = (
    "mountbook_postgres_password",
    "mountbook_join_secret",
    "mountbook_admin_token",
    "mountbook_signing_key",
)
_NO_LEADER: Final = ("does not have a leader", "no leader", "quorum", "deadline exceeded")


class _Cluster(msgspec.Struct, frozen=True):
    id: str = msgspec.field(default="", name="ID")


class _SwarmInfo(msgspec.Struct, frozen=True, rename="pascal"):
    local_node_state: str = "inactive"
    node_id: str = msgspec.field(default="", name="NodeID")
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
        """Whether Swarm starts the agent there."""
        wanted = self.os == "linux" and self.labels.get("mountbook.agent") != "false"
        return wanted and self.availability != "drain" and self.state == "ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that the checks look at. ``no_quorum`` is docker's own sentence when managers have no leader.

    ``cluster`` is what the deployed agents call this Swarm. ``subnets`` are those of other networks by name, ``ports``
    those that other services publish, by port.
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


def read(docker: Docker, stack: str, images: tuple[str, ...]) -> Facts:
    """Ask docker for everything that the checks look at; changes nothing.

    Raises:
        UserError: docker cannot be asked.
    """
    info = docker.read(Info, "info", "--format", "{{json .}}")
    if not info.swarm.control_available:
        return Facts(info=info)
    try:
        nodes = docker.inspect(dict[str, Any], "node", docker.names("node", "ls", "--quiet"))
    except UserError as exc:
        if not any(text in str(exc) for text in _NO_LEADER):
            raise
        return Facts(info=info, no_quorum=str(exc))
    services = docker.inspect(dict[str, Any], "service", docker.names("service", "ls", "--quiet"))
    networks = docker.inspect(dict[str, Any], "network", docker.names("network", "ls", "--quiet"))
    return Facts(
        info=info,
        nodes=tuple(_node(node) for node in nodes),
        subnets=tuple(_subnets(networks, stack)),
        ports=_ports(services, stack),
        secrets=frozenset(docker.names("secret", "ls", "--format", "{{.Name}}")),
        deployed=any(_stack(service.get("Spec", {})) == stack for service in services),
        cluster=next((_cluster(service) for service in services if _name(service) == f"{stack}_agent"), ""),
        local_images=frozenset(image for image in images if _is_local(docker, image)),
    )


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


def _ports(services: list[dict[str, Any]], stack: str) -> dict[int, str]:
    taken = {}
    for service in services:
        spec = service.get("Spec", {})
        if _stack(spec) != stack:
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
