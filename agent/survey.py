"""What there is to measure of an entry, and the one thread that measures it.

It has idle I/O priority and a set share of one core, and stops between two breaths.
"""

import os
import stat
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from agent.backends.discover import real_path
from agent.sizes import FileSystem, Pace, Size, file_system, idle_io, measure
from protocol.entries import Container, Entry, EntryKey, Layer, LayerUse, PathKind, Place, Role, Volume
from protocol.usage import Measurement, Part, Room

_log = structlog.stdlib.get_logger("agent.survey")

KEPT: Final = 3_000
"""So many measured entries wait to be told; the measurer rests until they are."""

_WALKED: Final = frozenset({PathKind.DIFF, PathKind.FULL_VIEW})


@dataclass(frozen=True, slots=True)
class Target:
    """An entry to measure: its parts with their paths, as the host names them. ``still``: nobody writes to it."""

    key: EntryKey
    parts: tuple[tuple[Part, str], ...]
    still: bool = False


def target(entry: Entry) -> Target | None:
    """Return what there is to measure of an entry: no devices, no datasets, no volumes of plugins, no binds."""
    match entry:
        case Container():
            return Target(entry.entry_key, tuple(_container_parts(entry)))
        case Layer() if entry.diff_path and entry.path_kind in _WALKED:
            return Target(entry.entry_key, ((Part.LAYER, entry.diff_path),), still=entry.use is LayerUse.IMAGE)
        case Layer() if entry.path_kind is None:
            places = [place for place in entry.paths if place.role is Role.LAYER and place.path.startswith("/")]
            return Target(entry.entry_key, tuple((Part.LAYER, place.path) for place in places[:1]))
        case Volume() if entry.driver == "local" and entry.mountpoint.startswith("/"):
            return Target(entry.entry_key, ((Part.VOLUME, entry.mountpoint),))
        case _:
            return None


def _container_parts(container: Container) -> Iterable[tuple[Part, str]]:
    walked = container.path_kind in _WALKED
    if walked and container.diff_path:
        yield Part.WRITABLE, container.diff_path
    roles: dict[Role, Place] = {}
    for place in container.paths:  # under the engine's own name of the data root first
        roles.setdefault(place.role, place)
    if walked and Role.INIT in roles:
        yield Part.INIT, _shown(roles[Role.INIT])
    if Role.CONTAINER_DIR in roles:
        yield Part.CONTAINER_DIR, roles[Role.CONTAINER_DIR].path


def _shown(place: Place) -> str:
    view = place.views[0] if place.views else "."
    return place.path if view == "." else f"{place.path}/{view}"


@dataclass(frozen=True, slots=True)
class Measured:
    """What one entry costs, part by part, when it was measured (monotonic), and the CPU seconds of measuring it."""

    target: Target
    sizes: tuple[tuple[Part, Size], ...]
    at: float
    cpu: float = 0.0

    @property
    def inodes(self) -> int:
        """The inodes of all its parts."""
        return sum(size.inodes for _, size in self.sizes)

    def measurements(self, now: float) -> list[Measurement]:
        """Return it as a message says it."""
        return [
            Measurement(
                entry=self.target.key,
                part=part,
                bytes=size.bytes,
                inodes=size.inodes,
                seconds_ago=round(max(0.0, now - self.at), 3),
                partial=bool(size.problems),
            )
            for part, size in self.sizes
        ]


class StoppedError(Exception):
    """The measurer was told to stop in the middle of a measurement."""


class Surveyor:
    """Measures in one thread of its own. ``share`` is the share of one core; ``host_root`` where the host's / is.

    ``take`` gives what was measured since the last call; while ``KEPT`` entries wait for that it rests.
    """

    def __init__(self, share: float, host_root: str = "", *, clock: Callable[[], float] = time.monotonic) -> None:
        self._share, self.host_root, self._clock = share, host_root, clock
        self._lock = threading.Condition()
        self._todo: list[Target] = []
        self._now: EntryKey | None = None
        self._done: list[Measured] = []
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to measure."""
        self._thread = threading.Thread(target=self._run, name="measure", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the measurement under way, and the thread."""
        self._stopping.set()
        with self._lock:
            self._lock.notify_all()
        if self._thread is not None:
            self._thread.join()

    def give(self, targets: Sequence[Target]) -> None:
        """Measure these next, in their order, in place of what was still waiting."""
        with self._lock:
            self._todo = [one for one in reversed(targets) if one.key != self._now]
            self._lock.notify_all()

    def take(self, most: int = KEPT) -> list[Measured]:
        """Return what was measured since the last call, the oldest first, at most so many."""
        with self._lock:
            done, self._done = self._done[:most], self._done[most:]
            self._lock.notify_all()
        return done

    def _run(self) -> None:
        if not idle_io():
            _log.info("the kernel gives no idle I/O priority here")
        pace = Pace(self._share, sleep=self._sleep)
        while not self._stopping.is_set():
            with self._lock:
                while not (self._todo and len(self._done) < KEPT) and not self._stopping.is_set():
                    self._lock.wait()
                if self._stopping.is_set():
                    return
                one = self._todo.pop()
                self._now = one.key
            try:
                found = self.measure(one, pace)
                pace.breathe()
            except StoppedError:
                return
            with self._lock:
                self._now = None
                self._done.append(found)

    def _sleep(self, seconds: float) -> None:
        if self._stopping.wait(seconds):
            raise StoppedError

    def measure(self, one: Target, pace: Pace | None = None) -> Measured:
        """Measure one entry; parts that are not there (any more) are left out."""
        sizes, began = [], time.thread_time()
        for part, path in one.parts:
            local = self._local(path)
            try:
                if part is Part.VOLUME and _is_mount(local):
                    continue  # another file system, perhaps another machine's
                sizes.append((part, measure(local, pace)))
            except OSError:
                continue
        return Measured(one, tuple(sizes), self._clock(), time.thread_time() - began)

    def _local(self, path: str) -> str:
        """Return where the agent reads a host path, whose links lead to host paths too."""
        return f"{self.host_root}{real_path(path, self.host_root)}" if self.host_root else path

    def rooms(self, paths: Iterable[str]) -> list[Room]:
        """Return the room on the file systems of these data roots, as far as they can be asked."""
        found = []
        for path in paths:
            try:
                room = file_system(self._local(path))
            except OSError:
                continue
            found.append(_room(path, room))
        return found


def _room(path: str, room: FileSystem) -> Room:
    return Room(
        path=path,
        device=room.device,
        total_bytes=room.total_bytes,
        free_bytes=room.free_bytes,
        total_inodes=room.total_inodes,
        free_inodes=room.free_inodes,
    )


def _is_mount(path: str) -> bool:
    top, above = os.lstat(path), os.lstat(os.path.dirname(path))
    return stat.S_ISDIR(top.st_mode) and top.st_dev != above.st_dev
