"""Host paths as people give them: made regular, split into ancestors, seen from inside.

A path is only text here. No function of this module, or of its callers, touches a file system.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from collector.errors import ProblemError
from protocol.entries import Place
from protocol.problems import ProblemType

_HALF: Final = re.compile("[\ud800-\udfff]")
"""Half of a surrogate pair."""
MAX_PATH: Final = 4096
"""Most bytes of one path: Linux' ``PATH_MAX``."""


@dataclass(frozen=True, slots=True)
class HostPath:
    """A regular path: no empty, ``.`` or ``..`` parts. ``absolute`` is false for directory IDs and datasets."""

    absolute: bool
    parts: tuple[str, ...]

    @property
    def text(self) -> str:
        """The path as one text; ``/`` for the root directory."""
        return ("/" if self.absolute else "") + "/".join(self.parts)

    def ancestors(self) -> list[str]:
        """Return the path itself and every directory above it, nearest first; ``/`` is the last of an absolute one."""
        lead = "/" if self.absolute else ""
        above = [lead + "/".join(self.parts[:count]) for count in range(len(self.parts), 0, -1)]
        return [*above, "/"] if self.absolute else above


def normalise(text: str) -> HostPath:
    """Read a path as a person typed it: ``//``, ``.``, ``..`` and a trailing slash are taken out, by text alone.

    ``..`` at the top stays at the top, as in a file system. Symbolic links are not followed: agents report every
    name that a directory has.

    Raises:
        ProblemError: ``bad-request``, it is empty, too long, or holds a NUL or half of a surrogate pair.
    """
    if not text.strip("\r\n"):
        raise ProblemError(
            ProblemType.BAD_REQUEST,
            "the path is empty; give a host path such as /var/lib/docker/overlay2/…",
            field="path",
        )
    if len(text) > MAX_PATH or len(text.encode("utf-8", "surrogatepass")) > MAX_PATH:
        raise ProblemError(
            ProblemType.BAD_REQUEST,
            f"the path is longer than {MAX_PATH} bytes, which no path on Linux is; it begins {text[:60]!r}",
            field="path",
        )
    if "\x00" in text or _HALF.search(text):
        raise ProblemError(
            ProblemType.BAD_REQUEST,
            f"the path {text[:60]!r} holds a character that no name can hold here (NUL or half a surrogate pair); "
            "write a byte that is not UTF-8 as \\xNN, as ls --escape does",
            field="path",
        )
    parts: list[str] = []
    for part in text.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in {"", "."}:
            parts.append(part)
    absolute = text.startswith("/")
    if not absolute and not parts:
        raise ProblemError(
            ProblemType.BAD_REQUEST,
            f"{text[:60]!r} names no directory; give a host path or a directory ID",
            field="path",
        )
    return HostPath(absolute, tuple(parts))


def below(place: str, path: HostPath) -> str | None:
    """Return ``path`` relative to the place that holds it, ``""`` for the place itself, ``None`` when it is not below.

    A path that is not absolute is below a place whose last parts are the first of the path: a bare directory ID
    followed by what lies in it.

    >>> below("/d/overlay2/3f2a", HostPath(False, ("3f2a", "diff", "etc")))
    'diff/etc'
    """
    if path.absolute:
        whole = path.text
        if place == "/":
            return whole[1:]
        if whole == place:
            return ""
        return whole[len(place) + 1 :] if whole.startswith(place + "/") else None
    for count in range(len(path.parts), 0, -1):
        head = "/".join(path.parts[:count])
        if place == head or place.endswith("/" + head):
            return "/".join(path.parts[count:])
    return None


def inside(rest: str, views: Iterable[str]) -> str | None:
    """Return a path below a place as the container sees it, or ``None`` where no container sees it.

    Args:
        rest: the path relative to the place, ``""`` for the place itself.
        views: the sub-directories of the place that show a root file system, ``"."`` for the place itself.

    >>> inside("diff/etc/passwd", ("diff", "merged"))
    '/etc/passwd'
    """
    for view in views:
        if view == ".":
            return "/" + rest
        if rest == view or rest.startswith(view + "/"):
            return "/" + rest[len(view) + 1 :]
    return None


def join(directory: str, inner: str) -> str:
    """Return ``inner``, a path that begins with a slash, as seen below ``directory``."""
    if inner == "/":
        return directory or "/"
    return directory.rstrip("/") + inner


def nearest(places: Iterable[Place], path: HostPath) -> tuple[Place, str] | None:
    """Return the place that holds ``path`` most closely, with the rest of the path below it."""
    best: tuple[Place, str] | None = None
    for place in places:
        rest = below(place.path, path)
        if rest is not None and (best is None or len(rest) < len(best[1])):
            best = (place, rest)
    return best
