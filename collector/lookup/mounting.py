"""The command that shows a container's files without changing them; pure: it is printed, never run.

What the engine mounts for a container to write to is mounted here with nothing to write to: the same layers, all of
them lower ones. Sources: moby ``daemon/graphdriver/*`` (``Get``), mount(8), the kernel's
``Documentation/filesystems/overlayfs.rst``.
"""

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from os.path import commonpath, dirname, relpath
from typing import Final

from protocol.answers import ContainerRow
from protocol.entries import Container, Layer, PathKind, Place, ResolvedBy, Role

TARGET: Final = "/mnt"
"""Where the printed command mounts."""

_PAGE: Final = 4096
"""mount(2) takes one page of options, its closing NUL included."""
_STRING: Final = 255
"""fsconfig(2), which newer mount(8) prefers, takes no longer value."""
_CLASSIC: Final = "LIBMOUNT_FORCE_MOUNT2=always "
"""Makes mount(8) use mount(2); older ones, which know nothing else, do not heed it."""
_PLAIN: Final = re.compile(r"[A-Za-z0-9_./@%+=-]+")
"""What neither mount(8), nor overlayfs (``:`` and ``\\``), nor a shell takes for anything else."""
_OVERLAYS: Final = frozenset({"overlay2", "overlayfs", "stargz"})
_FUSE: Final = "fuse-overlayfs"
"""It writes down whiteouts as the kernel does, and as files ``.wh.NAME``, which only it understands."""
_KNOWN_BASE: Final = frozenset({ResolvedBy.LAYERDB, ResolvedBy.SNAPSHOT_DB})
"""Ways to resolve a container that also tell which layer it stands on: without one it stands on none."""


class UnmountableError(Exception):
    """There is no command; the message says why."""


@dataclass(frozen=True, slots=True)
class Command:
    """What to type as root on the node, the directories that it shows (the container's own first), and remarks."""

    text: str
    layers: tuple[str, ...]
    remarks: tuple[str, ...] = ()


def mount_command(container: ContainerRow, layers: Mapping[str, Layer]) -> Command:
    """Return the command for a container; ``layers`` are those of its backend, as ``by_name`` returns them.

    Raises:
        UnmountableError: its directory or a layer below it is not known, or nobody knows how to mount its backend.
    """
    own = container.diff_path
    if own is None:
        raise UnmountableError(f"its directory is not known{': ' + container.reason if container.reason else ''}")
    match container.path_kind:
        case PathKind.DATASET:
            command = Command(f"mount -t zfs -o ro {shlex.quote(own)} {TARGET}", (own,))
        case PathKind.BLOCK_DEVICE:
            command = _device(container, own)
        case PathKind.FULL_VIEW:
            command = Command(f"mount --bind -o ro {shlex.quote(own)} {TARGET}", (own,))
        case _ if container.backend in _OVERLAYS:
            command = _overlay(container, own, _lower(container, layers))
        case _ if container.backend == _FUSE:
            command = _overlay(container, own, _lower(container, layers), fuse=True)
        case _ if container.backend == "overlay":
            top = _lower(container, layers)[:1]  # an image layer of this driver is a whole tree, the init layer copied
            command = _stacked([own, *(_directory(layer) for layer in top)], {})
        case _ if container.backend == "aufs":
            command = _aufs([own, *_init(container), *(_directory(layer) for layer in _lower(container, layers))])
        case _:
            raise UnmountableError(f"how to mount what {container.backend or 'its backend'} keeps is not known here")
    return Command(command.text, command.layers, (*command.remarks, *_running(container)))


def by_name(layers: Iterable[Layer], containers: Iterable[Container]) -> dict[str, Layer]:
    """Return layers of one backend by what those above them call them: their chain ID, or their key.

    What ``docker commit`` makes in the containerd image store stands on the init snapshot of the container that it was
    made from: as long as that is there, its init layer is a link of the chain.
    """
    named: dict[str, Layer] = {}
    for container in containers:
        init = next((place for place in container.paths if place.role is Role.INIT), None)
        if container.init_id and init is not None:
            key = f"{container.backend}/{container.init_id}"
            parent = container.parent_chain_id or ""
            named[key] = Layer(root=container.root, key=key, parent=parent, diff_path=_shown(init))
    for layer in layers:
        named[layer.key] = layer
        chain = layer.key.rpartition("/")[2]
        if chain.startswith("sha256:"):
            named[chain] = layer
    return named


def stands_on_init(layers: Mapping[str, Layer]) -> set[str]:
    """Return the numbers of the init snapshots that layers stand on and that are not among them."""
    parents = {layer.parent for layer in layers.values() if layer.parent and layer.parent not in layers}
    return {parent.rpartition("/")[2] for parent in parents if "/" in parent}


def _lower(container: ContainerRow, layers: Mapping[str, Layer]) -> list[Layer]:
    """Return the image's layers, the uppermost first.

    Raises:
        UnmountableError: one is missing.
    """
    chain = container.parent_chain_id
    if not chain and container.resolved_by not in _KNOWN_BASE:
        raise UnmountableError(
            f"it was found by {container.resolved_by.value}, which does not tell the image's layers below its own"
        )
    found: list[Layer] = []
    seen: set[str] = set()
    above = "the container"
    while chain:
        layer = layers.get(chain)
        if layer is None:
            raise UnmountableError(f"the layer {chain} below {above} is not in the register, so the chain has a gap")
        if chain in seen:
            raise UnmountableError(f"the layers below {above} lead back to {chain}: the backend's records are damaged")
        seen.add(chain)
        found.append(layer)
        above, chain = chain, layer.parent
    return found


def _directory(layer: Layer) -> str:
    if layer.diff_path is None:
        why = f": {layer.reason}" if layer.reason else ""
        raise UnmountableError(f"the directory of the layer {layer.key} is not known{why}")
    return layer.diff_path


def _init(container: ContainerRow) -> list[str]:
    """Return the directory of the init layer, which has mount points such as ``/etc/hosts``; some have none."""
    return [_shown(place) for place in container.paths if place.role is Role.INIT][:1]


def _shown(place: Place) -> str:
    view = place.views[0] if place.views else "."
    return place.path if view == "." else f"{place.path}/{view}"


def _overlay(container: ContainerRow, own: str, lower: Sequence[Layer], *, fuse: bool = False) -> Command:
    links: dict[str, str] = {}
    for layer in lower:
        for place in layer.paths:
            if place.role is Role.LINK:
                links.setdefault(_directory(layer), place.path)
    return _stacked([own, *_init(container), *map(_directory, lower)], links, fuse=fuse)


def _stacked(paths: list[str], links: Mapping[str, str], *, fuse: bool = False) -> Command:
    """Mount directories over one another, the first uppermost. ``links`` are shorter names for some of them."""
    if len(paths) == 1:  # overlayfs wants two at the least
        return Command(f"mount --bind -o ro {shlex.quote(paths[0])} {TARGET}", tuple(paths))
    if _fits(paths):
        return Command(_mount_overlay(paths, fuse=fuse), tuple(paths))
    base = commonpath([dirname(path) for path in paths])
    short = [relpath(links.get(path, path), base) for path in paths]
    if _fits(short):
        return Command(f"(cd {shlex.quote(base)} && {_mount_overlay(short, fuse=fuse)})", tuple(paths))
    numbers = [str(number) for number in range(len(paths))]
    made = " && ".join(f'ln -s {shlex.quote(path)} "$d/{number}"' for path, number in zip(paths, numbers, strict=True))
    remark = "the names are too long, or too odd, for mount's options: it makes links to them in a temporary directory"
    text = f'(d=$(mktemp -d) && {made} && cd "$d" && {_mount_overlay(numbers, fuse=fuse)})'
    return Command(text, tuple(paths), (remark,))


def _fits(names: Sequence[str]) -> bool:
    return len(_lowerdir(names)) < _PAGE and all(map(_PLAIN.fullmatch, names))


def _lowerdir(names: Sequence[str]) -> str:
    return f"lowerdir={':'.join(names)}"


def _mount_overlay(names: Sequence[str], *, fuse: bool) -> str:
    option = _lowerdir(names)
    if fuse:
        return f"{_FUSE} -o ro,{option} {TARGET}"
    classic = _CLASSIC if len(option) > _STRING else ""
    return f"{classic}mount -t overlay overlay -o ro,{option} {TARGET}"


def _aufs(paths: list[str]) -> Command:
    """Every branch read-only; ``wh`` makes those below heed whiteouts.

    Raises:
        UnmountableError: the options do not fit into a page, or a name cannot stand in them.
    """
    branches = ":".join([f"{paths[0]}=ro+wh", *(f"{path}=ro+wh" for path in paths[1:])])
    if not all(map(_PLAIN.fullmatch, paths)):
        raise UnmountableError("a directory's name has a character that cannot stand in the options of aufs")
    if len(f"br:{branches}") < _PAGE:
        return Command(f"mount -t aufs -o ro,br:{branches} none {TARGET}", tuple(paths))
    first, rest = paths[0], paths[1:]
    added = " && ".join(f"mount -o remount,append:{path}=ro+wh {TARGET}" for path in rest)
    text = f"mount -t aufs -o ro,br:{first}=ro+wh none {TARGET} && {added}"
    return Command(text, tuple(paths), ("the branches are added one by one: together they do not fit into a page",))


def _device(container: ContainerRow, own: str) -> Command:
    remarks = ["on xfs write norecovery in place of noload"]
    if container.backend == "devicemapper":
        remarks.append("the device is there only while the engine has activated it; the files are below rootfs")
        return Command(f"mount -o ro,noload {shlex.quote(own)} {TARGET}", (own,), tuple(remarks))
    return Command(f"mount -o ro,loop,noload {shlex.quote(own)} {TARGET}", (own,), tuple(remarks))


def _running(container: ContainerRow) -> tuple[str, ...]:
    if container.state not in {"running", "paused", "restarting"}:
        return ()
    return (f"it is {container.state}: what it changes while this is mounted may be shown late or wrongly",)
