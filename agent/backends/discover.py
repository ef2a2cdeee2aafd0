"""Which backends there are below a data root: every one that has left its records, not only the one in use."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from agent.backends import (
    aufs,
    btrfs,
    buildkit,
    containerd_roots,
    fuse_overlayfs,
    mountinfo,
    overlay,
    overlay2,
    vfs,
)
from agent.backends.atwork import engine_at_work
from agent.backends.base import BackendReader, DataRoot, Problems
from agent.backends.devicemapper import DeviceMapper
from agent.backends.files import holds_directory
from agent.backends.layerdb import LayerDB
from agent.backends.layout import Layout
from agent.backends.legacy import Legacy, is_legacy
from agent.backends.mountinfo import MountTable
from agent.backends.unclaimed import GRACE, Moment
from agent.backends.zfs import Zfs
from protocol.entries import Container, Kind
from protocol.messages import Backend
from protocol.text import clean, from_path

LAYOUTS: Final[dict[str, Layout]] = {
    module.LAYOUT.driver: module.LAYOUT for module in (overlay2, fuse_overlayfs, overlay, aufs, vfs, btrfs)
}
"""Every graph driver whose directories are known, by its name."""

DEFAULT_DATA_ROOT: Final = "/var/lib/docker"
DEFAULT_CONTAINERD_ROOT: Final = "/var/lib/containerd"
_REMAPPED: Final = re.compile(r"\d+\.\d+")
"""``<uid>.<gid>``: the data root of an engine with userns-remap lies in one without."""
_MAX_LINKS: Final = 40
"""So many links in one path are a loop (path_resolution(7))."""


@dataclass(frozen=True, slots=True)
class Disk:
    """What was found below one data root. ``driver`` is the backend that its engine uses now, ``""`` if unknown.

    ``unreadable`` says why nothing below the data root can be seen, ``""`` if it can. ``outer`` is the ID of the
    container whose volume it is, when an engine runs in a container.
    """

    root: DataRoot
    readers: tuple[BackendReader, ...]
    problems: Problems
    driver: str = ""
    unreadable: str = ""
    outer: str = ""

    def backends(self) -> tuple[Backend, ...]:
        """Return the backends as ``hello`` names them."""
        return tuple(
            Backend(
                root=self.root.host,
                name=reader.name,
                type=reader.type,
                current=reader.name == self.driver,
                directories=tuple(_own_directories(self.root, reader)),
            )
            for reader in self.readers
        )


def _own_directories(root: DataRoot, reader: BackendReader) -> Iterator[str]:
    """Yield the directories around a graph driver's layers, under each name of the data root."""
    layout = LAYOUTS.get(reader.name) if reader.type == "graph-driver" else None
    if layout is None:
        return
    below = (layout.directory, layout.links, *(other.directory for other in layout.beside))
    own = {part for relative in below if relative for part in (relative, relative.partition("/")[0])}
    for name in (root.host, *root.aliases):
        yield from (f"{name}/{relative}" for relative in sorted(own))


@dataclass(frozen=True, slots=True)
class _Sight:
    """What a look goes by: ``driver`` and its ``status`` as the engine tells, the mount table, containerd's root.

    ``live``: this machine's own data root is looked at, not a copy of another's.
    """

    moment: Moment
    driver: str
    status: Mapping[str, str]
    table: MountTable
    containerd: DataRoot | None
    live: bool


def look(
    host: str,
    *,
    driver: str = "",
    status: Mapping[str, str] | None = None,
    prefix: str = "",
    local: str = "",
    containerd: DataRoot | None = None,
    now: float | None = None,
) -> list[Disk]:
    """Find the data root that the host calls ``host``, and those of remapped engines inside it.

    ``prefix`` is where the agent sees the host's ``/``; ``local`` is where it sees the data root, when that is
    elsewhere (a dead node's disk). There, if no engine is at work, nothing is being made: there is no grace period.
    ``driver`` is what the engine uses, ``status`` what it says of it. ``containerd`` is the root of a containerd that
    is neither below nor beside the data root nor at its default place. Never raises for what is on disk.
    """
    root = DataRoot(local, from_path(host)) if local else named(host, prefix)
    moment = Moment.of(now, 0.0 if local and not engine_at_work(local) else GRACE)
    if containerd is None and not local:
        containerd = named(DEFAULT_CONTAINERD_ROOT, prefix)
    sight = _Sight(moment, driver, status or {}, mountinfo.read(prefix), containerd, live=not local)
    disks = [_disk(root, sight)]
    if not disks[0].unreadable:
        disks += [_disk(inner, replace(sight, driver="", status={})) for inner in _remapped(root)]
    return disks


def nested(disk: Disk, containers: Iterable[Container], *, now: float | None = None) -> list[Disk]:
    """Find the data roots of engines that run in these containers: volumes and binds below ``disk`` that hold one.

    What such an engine uses now and lists cannot be asked: it is read as files only.
    """
    outer: dict[str, str] = {}
    for container in containers:
        for mount in container.mounts:
            # Of several containers with the volume the engine's is the one that has it where engines keep their data.
            if mount.source.startswith(f"{disk.root.host}/") and (
                mount.source not in outer or mount.destination == DEFAULT_DATA_ROOT
            ):
                outer[mount.source] = container.key
    sight = _Sight(Moment.of(now, GRACE), "", {}, mountinfo.read(""), None, live=False)
    found = []
    for source, container_id in sorted(outer.items()):
        relative = source.removeprefix(f"{disk.root.host}/")
        local = f"{disk.root.local}/{relative}"
        if _is_data_root(local):
            aliases = tuple(f"{alias}/{relative}" for alias in disk.root.aliases)
            found.append(replace(_disk(DataRoot(local, source, aliases), sight), outer=container_id))
    return found


def _is_data_root(local: str) -> bool:
    """Whether an engine has kept its data there: containers, and images in any of the ways there have been."""
    return os.path.isdir(f"{local}/containers") and any(
        os.path.isdir(f"{local}/{name}") for name in ("image", "containerd", "graph")
    )


def _remapped(root: DataRoot) -> list[DataRoot]:
    """Return the data roots of engines with userns-remap that lie in this one."""
    try:
        found = sorted(filter(_REMAPPED.fullmatch, os.listdir(root.local)))
    except OSError:
        return []  # it could be listed a moment ago: it is going
    return [
        DataRoot(f"{root.local}/{name}", f"{root.host}/{name}", tuple(f"{alias}/{name}" for alias in root.aliases))
        for name in found
        if os.path.isdir(f"{root.local}/{name}")
    ]


def named(host: str, prefix: str) -> DataRoot:
    """Return a root with all its host names: the engine's, the real one, and the usual one if it is a link."""
    real = real_path(host, prefix)
    usual = (DEFAULT_DATA_ROOT,) if real_path(DEFAULT_DATA_ROOT, prefix) == real else ()
    named = from_path(host).rstrip("/")
    aliases = dict.fromkeys(from_path(name) for name in (real, *usual))
    aliases.pop(named, None)
    return DataRoot(prefix + real, named, tuple(aliases))


def real_path(host_path: str, prefix: str) -> str:
    """Return a host path with its links followed as the host would, though the agent sees the host below ``prefix``."""
    done: list[str] = []
    todo = [part for part in reversed(host_path.split("/")) if part]
    links = 0
    while todo:
        part = todo.pop()
        if part in {".", ".."}:
            done = done[:-1] if part == ".." else done
            continue
        here = "/".join(("", *done, part))
        try:
            target = os.readlink(prefix + here)
        except OSError:  # no link, or nothing there: then its name is all that is known
            done.append(part)
            continue
        links += 1
        if links > _MAX_LINKS:
            return host_path
        if target.startswith("/"):
            done = []
        todo.extend(part for part in reversed(target.split("/")) if part)
    return "/".join(("", *done))


def _disk(root: DataRoot, sight: _Sight) -> Disk:
    problems = Problems()
    driver = sight.driver
    try:
        top = os.listdir(root.local)
    except OSError as exc:
        return _unseen(root, driver, problems, f"the data root cannot be read ({exc.strerror})")
    readers: list[BackendReader] = []
    if is_legacy(root.local):
        readers += [Legacy(root, layout, sight.moment) for name, layout in LAYOUTS.items() if name in top]
    for name in _drivers(root, problems):
        reader = _graph_driver(name, root, sight)
        if reader is not None:
            readers.append(reader)
        else:
            problems.add(f"{root.local}/image/{clean(name)}", "is a storage backend that is not known here")
    readers += containerd_roots.readers(
        root, problems, sight.table, sight.moment, driver=driver, system=sight.containerd
    )
    if containerd_roots.MARK in sight.status.get("driver-type", "") and not containerd_roots.found(
        root, sight.containerd
    ):
        where = "is nowhere known; name it with MOUNTBOOK_CONTAINERD_ROOT, and let the agent see it"
        problems.interrupted(f"{root.host}: the engine's containerd root", where, Kind.LAYER)
        problems.incomplete.update((Kind.CONTAINER, Kind.IMAGE))
    if not readers and "containers" not in top:
        # Every engine makes that directory at its first start: this is where a disk belongs that is not there.
        why = "this is no engine's data root: it has no directory containers; perhaps its disk is not mounted"
        return _unseen(root, driver, problems, why)
    readers.sort(key=lambda reader: (reader.name != driver, reader.name))
    return Disk(root, tuple(readers), problems, driver)


def _unseen(root: DataRoot, driver: str, problems: Problems, why: str) -> Disk:
    """Return a data root below which nothing can be seen: then nothing is known to be absent."""
    problems.add(root.local, why)
    problems.incomplete.update(Kind)
    return Disk(root, (), problems, driver, why)


def _graph_driver(name: str, root: DataRoot, sight: _Sight) -> BackendReader | None:
    """Return what reads the graph driver of that name, None when it is not known."""
    claims = partial(buildkit.claims, root)
    if name in LAYOUTS:
        return LayerDB(root, LAYOUTS[name], claims, sight.moment)
    if name == Zfs.name:
        return Zfs(root, claims, sight.table, sight.status, sight.moment)
    if name == DeviceMapper.name:
        return DeviceMapper(root, claims, sight.table, sight.status, sight.moment, live=sight.live)
    return None


def _drivers(root: DataRoot, problems: Problems) -> list[str]:
    images = f"{root.local}/image"
    kinds = (Kind.CONTAINER, Kind.LAYER, Kind.IMAGE)
    try:
        return sorted(n for n in os.listdir(images) if holds_directory(f"{images}/{n}/layerdb", problems, *kinds))
    except FileNotFoundError:
        return []
    except OSError as exc:
        problems.add(images, f"cannot be listed ({exc.strerror})")
        problems.incomplete.update(kinds)
        return []
