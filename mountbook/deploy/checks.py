"""Whether a Swarm can take the stack: decided from facts alone, so that nothing is changed before."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from mountbook.deploy import probes
from mountbook.deploy.facts import GOSSIP, POSTGRES_VOLUME, SECRETS, Facts, Node
from mountbook.deploy.layouts import DATA_ROOT, KEPT_OFF, LABEL, Layout, is_remapped

OLDEST_ENGINE: Final = (20, 10)
"""The first engine whose Swarm services can drop and add capabilities."""
_LABEL: Final = "mountbook.postgres"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be deployed. ``loaded``: the operator says that every node has the images.

    ``layouts`` are those of nodes whose data lies elsewhere, by node ID.
    """

    subnet: str
    port: int
    images: tuple[str, ...]
    loaded: bool = False
    external_database: bool = False
    layouts: Mapping[str, Layout] = field(default_factory=dict)


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
        *_local_engine(facts, wanted),
        *_layouts(wanted.layouts),
        *_subnet(facts, wanted.subnet),
        *_gossip(facts),
        *_port(facts, wanted.port),
        *_images(facts, wanted),
        *_database(facts, wanted),
        *_secrets(facts, wanted),
    ]


def remarks(facts: Facts) -> list[str]:
    """Return what an operator should know although the stack can be deployed."""
    said = [
        f"{node.name} runs Windows, which is not supported: it stays unobserved."
        for node in facts.nodes
        if node.os == "windows"
    ]
    said += [
        f"{node.name} is {node.state}: it reports when it is back. If it runs, it cannot reach managers on 2377/tcp."
        for node in facts.nodes
        if node.state != "ready"
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


def _local_engine(facts: Facts, wanted: Wanted) -> list[str]:
    this = next((node for node in facts.nodes if node.id == facts.info.swarm.node_id), None)
    if this is None:
        return []
    layout = wanted.layouts.get(this.id)
    if layout is None and this.labels.get(KEPT_OFF) == "false" and LABEL not in this.labels:
        return []  # kept off by the operator, not because of a layout that is given up now
    off = f"`docker node update --label-add {KEPT_OFF}=false {this.name}`"
    root = facts.info.docker_root_dir
    options = " ".join(facts.info.security_options or [])
    if "name=userns" in options or is_remapped(root):
        sentence = (
            f"{this.name}'s engine remaps user IDs; a service cannot opt out. Keep the agent off with {off}, and run "
            "one with `docker run --userns=host` (deploy prints the line)."
        )
        return [sentence]
    said = []
    if layout is None and root and root != DATA_ROOT:
        said.append(
            f"{this.name}'s data root is {root}, which the stack's agent does not see; give that node an agent of its "
            f"own: --layout {this.name}={root}"
        )
    if layout is not None and root and root != layout.root:
        said.append(
            f"{this.name}'s data root is {root}, not {layout.root}; say --layout {this.name}={root}, or give the node "
            f"back to the stack's own agent with --layout {this.name}=default."
        )
    if "name=selinux" in options:
        said.append(
            f"{this.name} enforces SELinux labels on containers, so the agent could not read the data root. Keep it "
            f"off with {off}, and run one with `docker run --security-opt label=disable` (docs/operations.md)."
        )
    bound = (layout.root, layout.containerd) if layout is not None else ("/var/lib",)
    said += [
        f"On {this.name}, {path} is on a mount that is not shared, so that an agent could not be started (its bind has "
        "the propagation rslave). Type `mount --make-rshared /` there, and see to it that it is done at every start; "
        "systemd does it."
        for path in bound
        if path and probes.is_private(facts.mounts, path)
    ]
    return said


def _layouts(layouts: Mapping[str, Layout]) -> list[str]:
    """Swarm compares labels without regard to case: such two layouts would put two agents on a node."""
    spelt: dict[str, set[str]] = {}
    for layout in layouts.values():
        spelt.setdefault(layout.label.lower(), set()).add(layout.label)
    return [
        f"The layouts {' and '.join(sorted(labels))} differ in upper and lower case only, which Swarm's labels cannot "
        "tell apart: run the agent of one of these nodes beside the stack (docs/operations.md, Other data roots)."
        for labels in spelt.values()
        if len(labels) > 1
    ]


def _gossip(facts: Facts) -> list[str]:
    return [
        f"{node.name} cannot be reached on {GOSSIP}/tcp ({node.address}), so that no overlay network would reach it. "
        f"Open {GOSSIP}/tcp, {GOSSIP}/udp and 4789/udp between all nodes, and 2377/tcp towards managers."
        for node in facts.nodes
        if node.id in facts.deaf
    ]


def _subnet(facts: Facts, subnet: str) -> list[str]:
    try:
        ours = ipaddress.ip_network(subnet)
    except ValueError as exc:
        return [f"The subnet {subnet!r} is none ({exc}); write one such as 10.222.0.0/16."]
    said = [
        f"The subnet {subnet} overlaps {theirs} of the network {name}; choose another with --subnet."
        for name, theirs in facts.subnets
        if _overlaps(ours, theirs)
    ]
    said += [
        f"The subnet {subnet} holds {node.name}'s own address {node.address}; choose another with --subnet."
        for node in facts.nodes
        if _holds(ours, node.address)
    ]
    return said


def _holds(network: ipaddress.IPv4Network | ipaddress.IPv6Network, address: str) -> bool:
    try:
        return ipaddress.ip_address(address) in network
    except ValueError:  # a node that was never heard has none
        return False


def _overlaps(ours: ipaddress.IPv4Network | ipaddress.IPv6Network, text: str) -> bool:
    theirs = ipaddress.ip_network(text, strict=False)
    if isinstance(ours, ipaddress.IPv4Network) and isinstance(theirs, ipaddress.IPv4Network):
        return ours.overlaps(theirs)
    if isinstance(ours, ipaddress.IPv6Network) and isinstance(theirs, ipaddress.IPv6Network):
        return ours.overlaps(theirs)
    return False


def _port(facts: Facts, port: int) -> list[str]:
    holder = facts.ports.get(port)
    if holder:
        return [f"Port {port} is published by the service {holder}; choose another with --port."]
    return [
        f"On {node.name} something else listens on port {port} already ({node.address}:{port} answers). Choose another "
        f"with --port, or keep collectors off that node: `docker node update --label-add mountbook.collector=false "
        f"{node.name}`."
        for node in facts.nodes
        if node.id in facts.listening
    ]


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


def _secrets(facts: Facts, wanted: Wanted) -> list[str]:
    """A password that belongs to a database which is there already cannot be made up."""
    password = SECRETS[0]
    if password in facts.secrets:
        return []
    make = f"`printf %s PASSWORD | docker secret create {password} -`"
    if wanted.external_database:
        return [f"There is no secret {password}, which holds the external database's password; make it with {make}."]
    keeper = postgres_node(facts)
    here = keeper is None or keeper.id == facts.info.swarm.node_id
    if here and POSTGRES_VOLUME in facts.volumes:
        sentence = (
            f"This engine has a volume {POSTGRES_VOLUME}, and there is no secret {password}, its database's password. "
            f"Make it again with {make}; or, if that register is not wanted, `docker volume rm {POSTGRES_VOLUME}`."
        )
        return [sentence]
    return []
