"""Whether a Swarm can take the stack: decided from facts alone, so that nothing is changed before."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

from mountbook.deploy.facts import Facts, Node

DATA_ROOT: Final = "/var/lib/docker"
OLDEST_ENGINE: Final = (20, 10)
"""The first engine whose Swarm services can drop and add capabilities."""
_LABEL: Final = "mountbook.postgres"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be deployed. ``loaded``: the operator says that every node has the images."""

    subnet: str
    port: int
    images: tuple[str, ...]
    loaded: bool = False
    external_database: bool = False


def problems(facts: Facts, wanted: Wanted) -> list[str]:
    """Return everything that keeps the stack from being deployed: what is wrong, and what to do."""
    swarm = facts.info.swarm
    if swarm.local_node_state != "active":
        return [f"This engine is not in a Swarm ({swarm.local_node_state}); make one with `docker swarm init`."]
    if not swarm.control_available:
        managers = ", ".join(manager.get("Addr", "") for manager in swarm.remote_managers or []) or "unknown"
        return [f"This engine is a worker; run it on a manager (they are at {managers}), or use its docker context."]
    if facts.no_quorum:
        sentence = (
            f"The Swarm has no leader ({facts.no_quorum}). Bring managers back until more than half of them run; "
            "if they are lost for good, `docker swarm init --force-new-cluster` on the one that is left."
        )
        return [sentence]
    return [
        *_engines(facts.nodes),
        *_local_engine(facts),
        *_subnet(facts, wanted.subnet),
        *_port(facts, wanted.port),
        *_images(facts, wanted),
        *_database(facts, wanted),
    ]


def remarks(facts: Facts) -> list[str]:
    """Return what an operator should know although the stack can be deployed."""
    said = [
        f"{node.name} runs Windows, which is not supported: it stays unobserved."
        for node in facts.nodes
        if node.os == "windows"
    ]
    said += [
        f"{node.name} is {node.state}: it reports when it is back." for node in facts.nodes if node.state != "ready"
    ]
    return said


def postgres_node(facts: Facts) -> Node | None:
    """Return the node whose disk holds the register, None when none is chosen yet."""
    return next((node for node in facts.nodes if node.labels.get(_LABEL) == "true"), None)


def missing_secrets(facts: Facts, names: tuple[str, ...]) -> list[str]:
    """Return the secrets that have to be made."""
    return [name for name in names if name not in facts.secrets]


def _engines(nodes: tuple[Node, ...]) -> list[str]:
    old = [node for node in nodes if node.os == "linux" and _version(node.engine) < OLDEST_ENGINE]
    return [
        f"{node.name} runs engine {node.engine or 'of an unknown release'}; services need 20.10 or newer: upgrade it, "
        f"or keep agents off it with `docker node update --label-add mountbook.agent=false {node.name}`."
        for node in old
        if node.labels.get("mountbook.agent") != "false"
    ]


def _version(text: str) -> tuple[int, int]:
    found = re.match(r"(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _local_engine(facts: Facts) -> list[str]:
    this = next((node for node in facts.nodes if node.id == facts.info.swarm.node_id), None)
    if this is None or this.labels.get("mountbook.agent") == "false":
        return []
    said = []
    off = f"`docker node update --label-add mountbook.agent=false {this.name}`"
    root = facts.info.docker_root_dir
    options = " ".join(facts.info.security_options or [])
    if root and not root.startswith(f"{DATA_ROOT}") and not root.startswith("/var/lib/"):
        said.append(
            f"{this.name}'s data root is {root}; the stack's agent sees /var/lib only. Keep it off with {off}, and run "
            "one beside the stack (docs/operations.md, Other data roots)."
        )
    if "name=userns" in options:
        said.append(
            f"{this.name}'s engine remaps user IDs; a service cannot opt out. Keep the agent off with {off}, and run "
            "one with `docker run --userns=host` (docs/operations.md, Other data roots)."
        )
    if "name=selinux" in options:
        said.append(
            f"{this.name} enforces SELinux labels on containers, so the agent could not read the data root. Keep it "
            f"off with {off}, and run one with `docker run --security-opt label=disable` (docs/operations.md)."
        )
    return said


def _subnet(facts: Facts, subnet: str) -> list[str]:
    try:
        ours = ipaddress.ip_network(subnet)
    except ValueError as exc:
        return [f"The subnet {subnet!r} is none ({exc}); write one such as 10.222.0.0/16."]
    return [
        f"The subnet {subnet} overlaps {theirs} of the network {name}; choose another with --subnet."
        for name, theirs in facts.subnets
        if _overlaps(ours, theirs)
    ]


def _overlaps(ours: ipaddress.IPv4Network | ipaddress.IPv6Network, text: str) -> bool:
    theirs = ipaddress.ip_network(text, strict=False)
    if isinstance(ours, ipaddress.IPv4Network) and isinstance(theirs, ipaddress.IPv4Network):
        return ours.overlaps(theirs)
    if isinstance(ours, ipaddress.IPv6Network) and isinstance(theirs, ipaddress.IPv6Network):
        return ours.overlaps(theirs)
    return False


def _port(facts: Facts, port: int) -> list[str]:
    holder = facts.ports.get(port)
    return [f"Port {port} is published by the service {holder}; choose another with --port."] if holder else []


def _images(facts: Facts, wanted: Wanted) -> list[str]:
    others = [node for node in facts.nodes if node.id != facts.info.swarm.node_id and node.os == "linux"]
    if wanted.loaded or not others:
        return []
    return [
        f"The image {image} is on this machine only, and the Swarm has {len(others)} other "
        f"node{'s' if len(others) > 1 else ''}. Push it with --push REGISTRY, name one that is in a registry with "
        "--image, or load it into every node (`docker save`, `docker load`) and say --loaded."
        for image in wanted.images
        if image in facts.local_images
    ]


def _database(facts: Facts, wanted: Wanted) -> list[str]:
    labelled = [node.name for node in facts.nodes if node.labels.get(_LABEL) == "true"]
    said = ""
    if wanted.external_database and labelled:
        said = (
            f"{', '.join(labelled)} has the label {_LABEL}, so that a PostgreSQL would run there beside the external "
            f"one; take it off with `docker node update --label-rm {_LABEL} {labelled[0]}`."
        )
    elif len(labelled) > 1:
        said = (
            f"{len(labelled)} nodes have the label {_LABEL}=true ({', '.join(labelled)}); the register can be on one "
            "disk only: take the label off the others, or an empty database may start."
        )
    elif not labelled and facts.deployed and not wanted.external_database:
        said = (
            f"No node has the label {_LABEL}=true any more, although the stack is deployed. Give it back to the node "
            f"with the volume mountbook_postgres: `docker node update --label-add {_LABEL}=true NODE`."
        )
    return [said] if said else []
