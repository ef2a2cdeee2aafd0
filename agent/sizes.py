"""What directories cost: blocks and inodes, measured slowly enough that nobody notices.

A tree is walked by directory descriptors: shorter look-ups in the kernel, and a name that is swapped for a link while
the walk is under way leads nowhere. Bytes are allocated blocks, so sparse files count what they use; a file
with several names counts once per measurement; other file systems mounted below are not entered (an overlay that is
mounted inside its own layer directory would count twice).
"""

import ctypes
import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from protocol.text import from_path

_OPEN: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_BLOCK: Final = 512
"""Unit of ``st_blocks`` in bytes, whatever the file system's own block is (stat(2))."""
_BREATH: Final = 4096
"""So many entries are read between two looks at the clock."""
_MAX_DEPTH: Final = 400
"""Directories open at once: below the usual limit of 1024 descriptors, beyond any path that is in use (PATH_MAX)."""
_MAX_PROBLEMS: Final = 20


@dataclass(frozen=True, slots=True)
class Size:
    """What one tree costs. ``problems`` are sentences about what could not be read; then it is a lower bound."""

    bytes: int
    inodes: int
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileSystem:
    """Room on the file system that a path is on, in bytes and inodes. ``device`` tells file systems apart."""

    device: int
    total_bytes: int
    free_bytes: int
    total_inodes: int
    free_inodes: int


class Pace:
    """Keeps the calling thread at a share of one core, by sleeping in proportion to the CPU time it used.

    ``share`` is between 0 (exclusive) and 1; 1 never sleeps. Clock and sleep can be replaced for tests.
    """

    def __init__(
        self,
        share: float,
        *,
        cpu: Callable[[], float] = time.thread_time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not 0 < share <= 1:
            raise ValueError(f"the share of a core must be above 0 and at most 1, not {share}")
        self._rest = 1 / share - 1
        self._cpu, self._sleep = cpu, sleep
        self._since = cpu()

    def breathe(self) -> None:
        """Sleep for as long as the CPU time since the last call deserves."""
        used = self._cpu() - self._since
        if self._rest and used > 0:
            self._sleep(used * self._rest)
        self._since = self._cpu()


def measure(path: str, pace: Pace | None = None) -> Size:
    """Return what the tree at ``path`` costs, the directory itself included.

    What vanishes meanwhile is left out; what cannot be read becomes a problem.

    Raises:
        FileNotFoundError: there is nothing at ``path``.
        OSError: ``path`` itself cannot be looked at.
    """
    top = os.lstat(path)
    if not stat.S_ISDIR(top.st_mode):
        return Size(top.st_blocks * _BLOCK, 1)
    walk = _Walk(top.st_dev, pace)
    descriptor = os.open(path, _OPEN)
    try:
        walk.count(descriptor, path)
    finally:
        os.close(descriptor)
    return Size((walk.blocks + top.st_blocks) * _BLOCK, walk.inodes + 1, tuple(walk.problems))


class _Walk:
    def __init__(self, device: int, pace: Pace | None) -> None:
        self.blocks = 0
        self.inodes = 0
        self.problems: list[str] = []
        self._device = device
        self._pace = pace
        self._linked: set[int] = set()
        self._unpaced = 0

    def count(self, top: int, path: str) -> None:
        """Walk depth first with an explicit stack: trees on a victim's disk may be deeper than Python's."""
        open_directories: list[tuple[int, Iterator[str], str]] = [(top, iter(self._read(top, path)), path)]
        try:
            while open_directories:
                descriptor, names, where = open_directories[-1]
                name = next(names, None)
                if name is None:
                    open_directories.pop()
                    if open_directories:
                        os.close(descriptor)
                    continue
                below = f"{where}/{name}"
                if len(open_directories) >= _MAX_DEPTH:
                    self._problem(below, f"deeper than {_MAX_DEPTH} directories; not measured")
                    continue
                try:
                    child = os.open(name, _OPEN, dir_fd=descriptor)
                except FileNotFoundError:
                    continue
                except OSError as exc:
                    self._problem(below, f"cannot be opened ({exc.strerror})")
                    continue
                open_directories.append((child, iter(()), below))
                open_directories[-1] = (child, iter(self._read(child, below)), below)
        finally:
            for descriptor, _, _ in open_directories[1:]:
                os.close(descriptor)

    def _read(self, descriptor: int, path: str) -> list[str]:
        """Count the entries of one directory; return the names of its own directories."""
        blocks = inodes = 0
        directories: list[str] = []
        linked, device = self._linked, self._device
        try:
            with os.scandir(descriptor) as entries:
                for entry in entries:
                    try:
                        found = entry.stat(follow_symlinks=False)
                    except OSError:
                        continue  # gone since the directory was read
                    # A file with several names, or a directory (on btrfs it has one link): most are neither.
                    if found.st_nlink > 1 or entry.is_dir(follow_symlinks=False):
                        if stat.S_ISDIR(found.st_mode):
                            if found.st_dev != device:
                                continue
                            directories.append(entry.name)
                        elif found.st_ino in linked:
                            continue
                        else:
                            linked.add(found.st_ino)
                    blocks += found.st_blocks
                    inodes += 1
        except OSError as exc:
            self._problem(path, f"cannot be read to its end ({exc.strerror})")
        self.blocks += blocks
        self.inodes += inodes
        self._unpaced += inodes + 1
        if self._pace is not None and self._unpaced >= _BREATH:
            self._unpaced = 0
            self._pace.breathe()
        return directories

    def _problem(self, path: str, what: str) -> None:
        if len(self.problems) < _MAX_PROBLEMS:
            self.problems.append(f"{from_path(path)}: {what}")


def file_system(path: str) -> FileSystem:
    """Return the room on the file system at ``path``; free is what is left for others than root.

    Raises:
        OSError: it cannot be asked.
    """
    room = os.statvfs(path)
    return FileSystem(
        device=os.stat(path).st_dev,
        total_bytes=room.f_blocks * room.f_frsize,
        free_bytes=room.f_bavail * room.f_frsize,
        total_inodes=room.f_files,
        free_inodes=room.f_favail,
    )


_SYS_IOPRIO_SET: Final = {"x86_64": 251, "aarch64": 30}
_IOPRIO_WHO_PROCESS: Final = 1
_IOPRIO_IDLE: Final = 3 << 13


def idle_io() -> bool:
    """Give the calling thread idle I/O priority (ioprio_set(2)); return whether the kernel took it."""
    number = _SYS_IOPRIO_SET.get(os.uname().machine)
    if number is None:
        return False
    refused: int = ctypes.CDLL(None, use_errno=True).syscall(number, _IOPRIO_WHO_PROCESS, 0, _IOPRIO_IDLE)
    return refused == 0
