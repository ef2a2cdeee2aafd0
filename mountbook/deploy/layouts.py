"""Nodes whose data root or containerd root lies elsewhere: each layout is an agent service of its own.

A node's layout stands in its label ``mountbook.layout``, as ``ROOT`` or ``ROOT:CONTAINERD``; the label
``mountbook.agent=false`` keeps the stack's own agent off that node.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Self

from mountbook.deploy.facts import Node
from mountbook.errors import UserError
from protocol.answers import NodeRow

LABEL: Final = "mountbook.layout"
KEPT_OFF: Final = "mountbook.agent"
"""The label that keeps the stack's own agent off a node when it is ``false``."""
DATA_ROOT: Final = "/var/lib/docker"
CONTAINERD_ROOT: Final = "/var/lib/containerd"
_BIND: Final = re.compile(r" *- \{type: bind, source: (\S+), target: /host\S+, .*propagation: rslave.*")
"""A part of the host in ``stack.yml``."""
_DEFAULT: Final = "default"
"""Gives a node back to the stack's own agent."""
_PATH: Final = re.compile(r"(/[A-Za-z0-9._-]+)+")
"""What Swarm's constraints can compare, and a compose file can hold as it is."""
_REMAPPED: Final = re.compile(r"/\d+\.\d+$")
"""End of the data root of an engine with userns-remap: ``<uid>.<gid>``."""
_SNAPSHOTTERS: Final = frozenset({"overlayfs", "native", "stargz", "nydus", "soci", "blockfile", "erofs"})
"""Drivers that only an engine with the containerd image store has; btrfs and zfs are of both kinds."""


@dataclass(frozen=True, slots=True, order=True)
class Layout:
    """Where a node's engine and its containerd keep their data; ``containerd`` is ``""`` where that goes unsaid."""

    root: str
    containerd: str = ""

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the layout that ``ROOT`` or ``ROOT:CONTAINERD`` describes.

        Raises:
            UserError: it describes none.
        """
        root, _, containerd = text.partition(":")
        layout = cls(root.rstrip("/"), containerd.rstrip("/"))
        for path in filter(None, (layout.root or "nothing", layout.containerd)):
            if not _PATH.fullmatch(path) or "/." in path:
                raise UserError(
                    f"The layout {text!r} names {path!r}; write ROOT or ROOT:CONTAINERD, absolute paths of letters, "
                    "digits, '.', '_' and '-'."
                )
        return layout

    @property
    def label(self) -> str:
        """The value of the node's label."""
        return f"{self.root}:{self.containerd}" if self.containerd else self.root

    @property
    def service(self) -> str:
        """The name of the layout's service in the stack."""
        return f"agent-{_slug(self.label)}"

    @property
    def paths(self) -> tuple[str, ...]:
        """What its agent has to see of the host."""
        return (self.root, self.containerd) if self.containerd else (self.root,)


def read_option(text: str) -> tuple[str, Layout | None]:
    """Return the node and the layout of ``NODE=ROOT`` or ``NODE=ROOT:CONTAINERD``, None for ``NODE=default``.

    Raises:
        UserError: it is neither.
    """
    node, equals, layout = text.partition("=")
    if not node or not equals:
        raise UserError(f"--layout {text!r} says nothing; write NODE=ROOT, such as --layout node7=/srv/docker.")
    return node, None if layout == _DEFAULT else Layout.read(layout)


def kept(nodes: Iterable[Node]) -> dict[str, Layout]:
    """Return the layouts that nodes have by their labels, by node ID.

    Raises:
        UserError: a label says nothing that can be used.
    """
    found = {}
    for node in nodes:
        if text := node.labels.get(LABEL, ""):
            try:
                found[node.id] = Layout.read(text)
            except UserError as exc:
                raise UserError(f"The label {LABEL} of {node.name}: {exc}") from exc
    return found


def asked(nodes: Iterable[Node], options: Iterable[tuple[str, Layout | None]]) -> dict[str, Layout | None]:
    """Return the layouts of ``--layout``, by node ID.

    Raises:
        UserError: a node is not there, or several are called so.
    """
    known = list(nodes)
    found: dict[str, Layout | None] = {}
    for name, layout in options:
        matching = [node for node in known if name in (node.id, node.hostname)]
        if len(matching) != 1:
            what = "There is no node" if not matching else f"{len(matching)} nodes are called"
            raise UserError(f"{what} {name!r}; see `docker node ls`, and give the ID.")
        found[matching[0].id] = layout
    return found


def reported(rows: Mapping[str, NodeRow], known: Mapping[str, Layout]) -> dict[str, Layout]:
    """Return the layouts of nodes whose agents cannot read a data root that is not at the default place."""
    found = {}
    for node, row in rows.items():
        root = str(row.engine.get("data_root", ""))
        blind = row.state == "observed" and row.engine.get("socket") and not row.engine.get("readable")
        if not blind or node in known or root == DATA_ROOT or is_remapped(root) or not _PATH.fullmatch(root):
            continue
        found[node] = Layout(root, CONTAINERD_ROOT if row.engine.get("driver") in _SNAPSHOTTERS else "")
    return found


def is_remapped(root: str) -> bool:
    """Whether this is the data root of an engine with userns-remap."""
    return _REMAPPED.search(root) is not None


def rendered(stack: str, layouts: Iterable[Layout], *, hardened: bool = False) -> str:
    """Return the text of ``stack.yml`` with an agent for each layout beside its own.

    ``hardened``: agents have no socket, are not uid 0, and see a view of the disk in which nothing is mounted: neither
    file systems of running containers nor their secrets, which a bind would bring along.
    """
    found = re.search(r"^  agent:\n(?:    .*\n)+", stack, re.MULTILINE)
    if found is None:
        raise RuntimeError("stack.yml has no service agent")
    own = found[0].splitlines()
    agents = [own, *(_elsewhere(own, layout) for layout in sorted(set(layouts)))]
    volumes: dict[str, str] = {}
    if hardened:
        agents = [[_hardened(line, volumes) for line in agent] for agent in agents]
    text = stack.replace(found[0], "\n".join("\n".join((*agent, "")) for agent in agents))
    return text.replace("\nvolumes:\n", "\n".join(("\nvolumes:", *volumes.values(), "")))


def _elsewhere(agent: list[str], layout: Layout) -> list[str]:
    """Return the lines of a layout's service: the agent's own, with other binds on other nodes."""
    lines: list[str] = []
    for line in agent:
        if line == "  agent:":
            lines.append(f"  {layout.service}:")
        elif "source: /var/lib," in line:
            lines += [line.replace("/var/lib,", f"{path},") for path in layout.paths]
        elif "target: /host/var/lib/docker/swarm" in line:
            lines.append(line.replace(DATA_ROOT, layout.root))
        elif "MOUNTBOOK_HOST_ROOT:" in line:
            lines += [line, f"      MOUNTBOOK_DATA_ROOT: {layout.root}"]
            lines += [f"      MOUNTBOOK_CONTAINERD_ROOT: {layout.containerd}"] if layout.containerd else []
        elif "placement:" in line:
            wanted = f"node.platform.os == linux, 'node.labels.{LABEL} == {layout.label}'"
            lines.append(f"      placement: {{constraints: [{wanted}]}}")
        else:
            # What an anchor names is there already.
            lines.append(re.sub(r"&logging \{.*\}", "*logging", line))
    return [line for line in lines if not line.lstrip().startswith("#")]


def _hardened(line: str, volumes: dict[str, str]) -> str:
    """Return a line of a hardened agent; the volumes that it needs are added, by path."""
    view = _BIND.fullmatch(line)
    if view is None:
        return line.replace("/agent:", "/agent-hardened:").replace("source: /var/run/docker.sock", "source: /dev/null")
    path = view[1]
    name = f"agent-{_slug(path)}"
    # A local volume's bind is not recursive.
    volumes[path] = f'  {name}: {{driver_opts: {{type: none, o: "bind,ro,private", device: {path}}}}}'
    mount = f"type: volume, source: {name}, target: /host{path}, read_only: true, volume: {{nocopy: true}}"
    return f"      - {{{mount}}}"


def _slug(text: str) -> str:
    """Return a part of a name in a stack that a path has for itself."""
    words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:30].rstrip("-")
    return f"{words}-{hashlib.sha256(text.encode()).hexdigest()[:4]}"
