"""The agent's own mount table: which container's merged view stands on which directories.

Source: proc_pid_mountinfo(5); the kernel's ``fs/overlayfs/params.c`` for the options of an overlay. The table tells
paths as the process that made the mount saw them, which is the host's way, not the agent's.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from protocol.text import from_path

OWN: Final = "/proc/self/mountinfo"
_THROUGH_A_PROCESS: Final = re.compile(r"(.*/proc/\d+)/root")
"""The host as one of its processes sees it: then that process's table counts."""
_ESCAPED: Final = re.compile(rb"\\([0-7]{3})")
_BETWEEN: Final = re.compile(rb"(?<!\\):")
_QUOTED: Final = re.compile(rb"\\([\\:])")
"""Lower directories are separated by colons; one in a name has a backslash before it."""
_LIMIT: Final = 256 * 1024 * 1024
"""Most bytes of a table; ten thousand containers make about twenty million."""


@dataclass(frozen=True, slots=True)
class Mounted:
    """One line of the table.

    ``root`` is the directory of the file system that is shown at ``point``; ``source`` is the device, or a ZFS dataset.
    ``upper`` and ``lower`` are an overlay's writable directory and what lies below it, uppermost first.
    """

    point: str
    root: str
    kind: str
    source: str
    upper: str = ""
    lower: tuple[str, ...] = ()


class MountTable:
    """What is mounted where; look-ups are by the agent's own paths."""

    def __init__(self, text: bytes = b"", prefix: str = "") -> None:
        """Keep the table's text; ``prefix`` is what the agent's paths have in front of those in it."""
        self._text = text
        self._prefix = prefix

    def below(self, directory: str) -> dict[str, Mounted]:
        """Return what is mounted directly in a directory, by name; of several on one name the uppermost."""
        inside = self._theirs(directory)
        if inside is None:
            return {}
        wanted = inside.rstrip("/") + "/"
        found = {}
        for mounted in self._lines(b" " + _escape(wanted)):
            name = mounted.point[len(wanted) :]
            if mounted.point.startswith(wanted) and "/" not in name:
                found[name] = mounted
        return found

    def covering(self, path: str) -> Mounted | None:
        """Return the mount that the path lies on, or None when the table does not say."""
        inside = self._theirs(path)
        if inside is None:
            return None
        best: Mounted | None = None
        for mounted in self._lines(b" /"):
            point = mounted.point.rstrip("/")
            if (inside == point or inside.startswith(point + "/")) and (
                best is None or len(point) >= len(best.point.rstrip("/"))
            ):
                best = mounted
        return best

    def _theirs(self, path: str) -> str | None:
        """Return the agent's path as the table has it."""
        if not self._prefix:
            return path
        return path.removeprefix(self._prefix) or "/" if path.startswith(self._prefix) else None

    def _lines(self, holding: bytes) -> Iterator[Mounted]:
        """Yield the lines with these bytes: most are not worth taking apart."""
        for line in self._text.splitlines():
            if holding in line:
                mounted = _line(line)
                if mounted is not None:
                    yield mounted


def is_through_a_process(prefix: str) -> bool:
    """Whether the host is seen below that prefix as one of its processes sees it."""
    return _THROUGH_A_PROCESS.fullmatch(prefix) is not None


def read(prefix: str = "") -> MountTable:
    """Return the mount table of an agent that sees the host below ``prefix``; an empty one when it cannot be read."""
    through = _THROUGH_A_PROCESS.fullmatch(prefix)
    try:
        with open(f"{through[1]}/mountinfo" if through else OWN, "rb") as file:
            return MountTable(file.read(_LIMIT), prefix if through else "")
    except OSError:
        return MountTable()


def _line(line: bytes) -> Mounted | None:
    before, _, after = line.partition(b" - ")
    fields, kind = before.split(b" "), after.split(b" ")
    if len(fields) < 6 or len(kind) < 3:
        return None
    point, root, source = _plain(fields[4]), _plain(fields[3]), _plain(kind[1])
    if kind[0] != b"overlay":
        return Mounted(point, root, from_path(kind[0]), source)
    upper, lower = "", []
    for option in kind[2].split(b","):
        name, _, value = option.partition(b"=")
        if name == b"upperdir":
            upper = _plain(value)
        elif name == b"lowerdir":
            lower += [from_path(_QUOTED.sub(rb"\1", part)) for part in _BETWEEN.split(_unescaped(value))]
        elif name in {b"lowerdir+", b"datadir+"}:
            lower.append(_plain(value))
    return Mounted(point, root, "overlay", source, upper, tuple(lower))


def _plain(escaped: bytes) -> str:
    return from_path(_unescaped(escaped))


def _unescaped(text: bytes) -> bytes:
    """Return it without the kernel's octal escapes for space, tab, newline, backslash, comma and the like."""
    return _ESCAPED.sub(lambda match: bytes((int(match[1], 8) & 0xFF,)), text)


def _escape(path: str) -> bytes:
    """Return a path as the kernel writes it in a mount point (``fs/proc_namespace.c``)."""
    return re.sub(rb"[ \t\n\\#]", lambda match: b"\\%03o" % match[0][0], path.encode("utf-8", "surrogateescape"))
