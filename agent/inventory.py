"""The node's full state as entries: the engine's lists joined with what is on disk.

The engine says which containers there are, what they are called and what they do; the disk says where they lie. Each
works without the other: ``listing`` None means that the disk says both (*files only*), and what cannot be read
from disk is left to the engine's ``inspect``, or reported as unresolved with its reason.
"""

import os
import re
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from agent import config_v2
from agent.backends.base import DataRoot, Problems, Resolution
from agent.backends.discover import Disk, nested
from agent.backends.files import UnreadableError, directories, is_sha256
from agent.backends.inspected import from_inspect
from agent.config_v2 import Life, Record, from_unix, moment
from agent.listing import ListedContainer, ListedMount, Listing
from agent.storage import binds, images, volumes
from protocol.entries import Container, Entry, EntryKey, Kind, Layer, Mount, Place, Role
from protocol.messages import Backend
from protocol.text import clean, is_clean

SETTLED: Final = 600.0
"""Seconds after which a container on disk that the engine does not list is no longer one that is being made."""

_EXITED: Final = re.compile(r"Exited \((\d+)\)")
_ENDED: Final = frozenset({"exited", "dead", "removing"})
_EMPTY: Final = Record()


@dataclass(frozen=True, slots=True)
class Inventory:
    """What one look found. ``complete`` says per kind whether it was enumerated to its end.

    ``uncertain`` are containers that a limited look did not find, and that may be there all the same.
    """

    entries: list[Entry]
    complete: dict[Kind, bool]
    problems: tuple[str, ...]
    backends: tuple[Backend, ...]
    uncertain: frozenset[EntryKey] = frozenset()


@dataclass(slots=True)
class _Look:
    """One look at one data root."""

    disk: Disk
    listing: Listing | None
    records: Problems = field(default_factory=Problems)
    uncertain: set[EntryKey] = field(default_factory=set)
    unread: bool = False
    """Whether the record of a container that nobody listed could not be read: what it mounts is not known."""

    @property
    def root(self) -> DataRoot:
        return self.disk.root


def take(
    disks: Sequence[Disk],
    listing: Listing | None,
    *,
    only: frozenset[str] | None = None,
    now: float | None = None,
) -> Inventory:
    """Take stock of a node.

    ``disks`` are its data roots as ``agent.backends.discover.look`` found them, the engine's own first; they serve for
    one look. ``listing`` is what the engine says, None for files only. ``only`` limits the look to some containers
    (the listing then names no others); nothing is complete after that. ``now`` is in seconds since 1970.
    """
    now = time.time() if now is None else now
    entries: list[Entry] = []
    problems: list[str] = []
    incomplete: set[Kind] = set()
    backends: list[Backend] = []
    uncertain: set[EntryKey] = set()
    unread = False
    left = deque(disks)
    while left:
        disk = left.popleft()
        look = _Look(disk, listing if disk is disks[0] else None)
        listed = listing is not None and not disk.outer
        backends += disk.backends()
        containers = list(_containers(look, only, listed=listed, now=now))
        entries += containers
        if only is None:
            left += nested(disk, containers, now=now)
            entries += images(disk, look.listing)
            entries += _layers(disk)
            entries += volumes(disk, look.listing)
            entries += binds(disk, containers)
        uncertain |= look.uncertain
        unread |= look.unread
        for found in (disk.problems, look.records, *(reader.problems for reader in disk.readers)):
            problems += found.sentences
            incomplete |= found.incomplete - _known_otherwise(look, found)
    incomplete.discard(Kind.BIND)
    if unread or Kind.CONTAINER in incomplete:
        incomplete.add(Kind.BIND)  # bind sources are found in the containers' mounts
    return Inventory(
        entries=entries,
        complete={} if only is not None else {kind: kind not in incomplete for kind in Kind},
        problems=tuple(dict.fromkeys(problems)),
        backends=tuple(backends),
        uncertain=frozenset(uncertain),
    )


def _layers(disk: Disk) -> Iterator[Layer]:
    """Yield the layers of every backend. Content that two of them hold is two directories, so two entries."""
    seen: set[str] = set()
    for reader in disk.readers:  # the backend in use is the first
        for layer in reader.layers():
            key = layer.key if layer.key not in seen else f"{reader.name}/{layer.key}"
            seen.add(key)
            yield layer if key == layer.key else msgspec.structs.replace(layer, key=key)


def _known_otherwise(look: _Look, found: Problems) -> set[Kind]:
    """Return the kinds that are complete whatever could not be read from disk: the engine listed them.

    Only ``containers`` on disk, which could be listed at other times, tells of ghosts that the engine does not know.
    """
    if look.listing is None:
        return set()
    known = {Kind.VOLUME} if found is look.records else {Kind.VOLUME, Kind.CONTAINER}
    return known if look.disk.readers else known | {Kind.IMAGE}


def _containers(look: _Look, only: frozenset[str] | None, *, listed: bool, now: float) -> Iterator[Container]:
    if look.listing is not None:
        for item in look.listing.containers:
            yield _listed(look, item)
    known = {item.id for item in look.listing.containers} if look.listing is not None else set()
    for container_id in _on_disk(look, known) if only is None else only - known:
        record = _record(look, container_id)
        if record is None and only is not None:
            if look.listing is None and not _absent(look, container_id):
                look.uncertain.add(EntryKey(Kind.CONTAINER, look.root.host, container_id))
            continue  # it is gone, or going, or cannot be read
        if listed and not _settled(look, container_id, record or _EMPTY, now):
            continue
        yield _recorded(look, container_id, record, ghost=listed)


def _on_disk(look: _Look, known: set[str]) -> list[str]:
    """Return the IDs of all other containers that have left a record or a layer below the data root."""
    if look.disk.unreadable:
        return []
    found = set()
    for name in set(directories(f"{look.root.local}/containers", look.records, Kind.CONTAINER, known)) - known:
        if is_sha256(name):
            found.add(name)
        else:
            look.records.add(f"{look.root.local}/containers/{clean(name)}", "is no container's directory")
    for reader in look.disk.readers:
        found.update(reader.container_ids())
    return sorted(found - known)


def _settled(look: _Look, container_id: str, record: Record, now: float) -> bool:
    """Whether a container that the engine does not list really is a ghost, and not one between two lists."""
    if look.disk.driver and record.driver and record.driver != look.disk.driver:
        return True
    own = [f"containers/{container_id}"]
    own += (f"image/{reader.name}/layerdb/mounts/{container_id}" for reader in look.disk.readers)
    for path in own:
        try:
            return now - os.lstat(f"{look.root.local}/{path}").st_ctime >= SETTLED
        except OSError:
            continue
    return False


def _absent(look: _Look, container_id: str) -> bool:
    """Whether the disk shows that there is no such container, and not merely that it cannot be read."""
    if look.disk.unreadable or not os.path.isdir(f"{look.root.local}/containers"):
        return False
    try:
        os.lstat(f"{look.root.local}/containers/{container_id}")
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def _record(look: _Look, container_id: str) -> Record | None:
    """Return the container's own record, if it can be read; what is wrong with it becomes a problem."""
    if look.disk.unreadable:
        return None
    directory = f"{look.root.local}/containers/{container_id}"
    for file in ("config.v2.json", "config.json") if look.listing is None else ("config.v2.json",):
        try:
            record = config_v2.load(directory, file)
        except UnreadableError as exc:
            look.records.add(f"{directory}/{file}", str(exc))
            look.unread = True
            return None
        if record is not None:
            return record
    return None


def _life(look: _Look, container_id: str) -> Life:
    """Return what only the record of a listed container says; what is wrong with it becomes a problem."""
    if look.disk.unreadable:
        return _EMPTY
    directory = f"{look.root.local}/containers/{container_id}"
    try:
        return config_v2.load_life(directory) or _EMPTY
    except UnreadableError as exc:
        look.records.add(f"{directory}/config.v2.json", str(exc))
        return _EMPTY


def _resolve(look: _Look, container_id: str, driver: str) -> Resolution:
    """Return where the files lie: from the first backend that knows the container, the one it was made with first."""
    readers = look.disk.readers
    if driver and len(readers) > 1:
        readers = tuple(sorted(readers, key=lambda reader: reader.name != driver))
    for reader in readers:
        found = reader.resolve(container_id)
        if found is not None:
            return found
    inspected = look.listing.drivers.get(container_id) if look.listing is not None else None
    if inspected is not None:
        return from_inspect(inspected, look.root, look.disk.unreadable)
    backend = driver or look.disk.driver
    if look.disk.unreadable:
        return Resolution(backend, reason=f"{look.root.host}: {look.disk.unreadable}")
    uses = f"; its backend is {backend}" if backend else ""
    return Resolution(backend, reason=f"no storage backend that can be read below {look.root.host} knows it{uses}")


def _listed(look: _Look, item: ListedContainer) -> Container:
    life = _life(look, item.id)
    state = life.state
    found = _resolve(look, item.id, life.driver)
    word = item.state or state.word
    return Container(
        root=look.root.host,
        key=item.id,
        paths=_places(look, item.id, found),
        name=clean(_own_name(item.names or ())),
        backend=found.backend,
        mount_id=found.mount_id,
        init_id=found.init_id,
        diff_path=found.diff_path,
        path_kind=found.path_kind,
        parent_chain_id=found.parent_chain_id,
        resolved_by=found.resolved_by,
        reason=found.reason,
        image=clean(item.image),
        image_id=clean(item.image_id),
        state=word,
        exit_code=_exit_code(item, life) if word in _ENDED else None,
        oom_killed=state.oom_killed,
        created_at=moment(life.created) or from_unix(item.created),
        started_at=moment(state.started_at),
        finished_at=moment(state.finished_at),
        labels=_labels(item.labels),
        mounts=_mounts(item.mounts),
    )


def _recorded(look: _Look, container_id: str, record: Record | None, *, ghost: bool) -> Container:
    """Return a container as only its own record tells of it."""
    known = record or _EMPTY
    found = _resolve(look, container_id, known.driver)
    word = known.state.word if record is not None else ""
    reason = found.reason
    if record is None:
        reason = "; ".join(filter(None, (reason, "its own record (config.v2.json) is missing or cannot be used")))
    return Container(
        root=look.root.host,
        key=container_id,
        paths=_places(look, container_id, found),
        name=clean(known.name.removeprefix("/")),
        backend=found.backend,
        mount_id=found.mount_id,
        init_id=found.init_id,
        diff_path=found.diff_path,
        path_kind=found.path_kind,
        parent_chain_id=found.parent_chain_id,
        resolved_by=found.resolved_by,
        reason=reason,
        image=clean(known.config.image),
        image_id=clean(known.image),
        state=word,
        exit_code=known.state.exit_code if word in _ENDED else None,
        oom_killed=known.state.oom_killed,
        created_at=moment(known.created),
        started_at=moment(known.state.started_at),
        finished_at=moment(known.state.finished_at),
        labels=_labels(known.config.labels),
        mounts=known.mounts(look.root.host),
        ghost=ghost,
        outer=look.disk.outer,
    )


def _places(look: _Look, container_id: str, found: Resolution) -> tuple[Place, ...]:
    root = look.root
    if not root.aliases:
        return (*found.paths, Place(f"{root.host}/containers/{container_id}", Role.CONTAINER_DIR))
    return (*found.paths, *root.places(f"containers/{container_id}", Role.CONTAINER_DIR))


def _own_name(listed: Sequence[str]) -> str:
    """Return the container's own name: the others are links (``/web/db``) from containers that name it."""
    for name in listed:
        if "/" not in name[1:]:
            return name.removeprefix("/")
    return ""


def _exit_code(item: ListedContainer, life: Life) -> int | None:
    if life is not _EMPTY:
        return life.state.exit_code
    said = _EXITED.match(item.status)
    return int(said[1]) if said else None


def _labels(labels: dict[str, str] | None) -> dict[str, str]:
    if not labels:
        return {}
    if is_clean("".join(labels)) and is_clean("".join(labels.values())):
        return labels
    return {clean(name): clean(value) for name, value in labels.items()}


def _mounts(listed: Sequence[ListedMount] | None) -> tuple[Mount, ...]:
    if not listed:
        return ()
    if len(listed) == 1:
        return (_mount(listed[0]),)
    return tuple(sorted(map(_mount, listed), key=_destination))


def _mount(mount: ListedMount) -> Mount:
    kind, to, name, source, driver, mode = (
        mount.type,
        mount.destination,
        mount.name,
        mount.source,
        mount.driver,
        mount.mode,
    )
    if not is_clean(f"{kind}{to}{name}{source}{driver}{mode}"):
        kind, to, name, source, driver, mode = map(clean, (kind, to, name, source, driver, mode))
    return Mount(kind, to, name, source, driver, mode, mount.rw, clean(mount.propagation))


def _destination(mount: Mount) -> str:
    return mount.destination
