"""Reading small files and directories of a data root that may be broken, hostile, or changing under us."""

import os
import re
import stat
from collections.abc import Container
from typing import Final

from agent.backends.base import Problems
from protocol.entries import Kind

_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""A FIFO does not block, a link is not followed, a terminal does not become ours."""

SMALL: Final = 4096
"""Most bytes of a file that holds a few values."""
_ID_BUFFER: Final = 300
"""One byte more than a file with an ID can have: ``sha256:``, NAME_MAX and some line feeds."""
_BUFFER: Final = 16 * 1024
MAX_NAME: Final = 255
"""Most bytes of a file name on Linux (NAME_MAX)."""


class UnreadableError(Exception):
    """A file that is there and cannot be used; the message says why, without its path."""


def read(path: str, limit: int = SMALL) -> bytes | None:
    """Return what the file holds, or None when there is no such file.

    Raises:
        UnreadableError: it is longer than ``limit`` bytes, no regular file, or may not be read.
    """
    try:
        descriptor = os.open(path, _FLAGS)
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise UnreadableError(f"cannot be opened ({exc.strerror})") from exc
    try:
        return _whole(descriptor, limit)
    except OSError as exc:
        raise UnreadableError(f"cannot be read ({exc.strerror})") from exc
    finally:
        os.close(descriptor)


def _whole(descriptor: int, limit: int) -> bytes:
    # A buffer of the limit's size would cost far more than what it reads; nearly all files fit into the first one.
    most = min(limit + 1, _BUFFER)
    data = os.read(descriptor, most)
    while len(data) == most and most <= limit:
        most = min(limit + 1, 4 * most)
        data += os.read(descriptor, most - len(data))
    if len(data) > limit:
        raise UnreadableError(f"holds more than {limit} bytes")
    if not data and not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise UnreadableError("is no regular file")  # a FIFO without a writer reads like an empty file
    return data


def read_id(path: str) -> str | None:
    """Return the ID that the file holds, or None when there is no such file or it is empty (being written).

    Raises:
        UnreadableError: it holds no ID: not one printable word, or one that could lead out of its directory.
    """
    # Read thousands of times in every look, so with nothing between it and the kernel.
    try:
        descriptor = os.open(path, _FLAGS)
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise UnreadableError(f"cannot be opened ({exc.strerror})") from exc
    try:
        data = os.read(descriptor, _ID_BUFFER)
        if not data and not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UnreadableError("is no regular file")
    except OSError as exc:
        raise UnreadableError(f"cannot be read ({exc.strerror})") from exc
    finally:
        os.close(descriptor)
    if len(data) == _ID_BUFFER:
        raise UnreadableError(f"holds no ID: it has {_ID_BUFFER} bytes or more")
    text = data.decode("ascii", "replace").rstrip("\n")
    if is_name(text):
        return text
    if not text:
        return None
    raise UnreadableError(f"holds no ID: {len(data)} bytes of something else")


def is_name(text: str) -> bool:
    """Whether the text can name a layer's directory: one printable component that does not begin with a dot."""
    return (
        0 < len(text) <= MAX_NAME
        and text.isascii()
        and text.isprintable()
        and "/" not in text
        and " " not in text
        and text[0] != "."
    )


def is_sha256(text: str) -> bool:
    """Whether the text is 64 lower-case hex digits."""
    return _SHA256(text) is not None


_SHA256: Final = re.compile("[0-9a-f]{64}").fullmatch


def directories(path: str, problems: Problems, kind: Kind, known: Container[str] = frozenset()) -> list[str]:
    """Return the names of the directories in a directory, as ``names`` does; links to directories are none.

    ``known`` are names of directories for sure. What is there beside directories is recorded as a problem.
    """
    found: list[str] = []
    for name in names(path, problems, kind):
        if name in known or is_directory(f"{path}/{name}"):
            found.append(name)
        else:
            problems.add(f"{path}/{name}", "is not a directory")
    return found


def holds_directory(path: str, problems: Problems, *kinds: Kind) -> bool:
    """Whether there is a directory. That it may not be looked at is no absence: it interrupts those kinds."""
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as exc:
        for kind in kinds:
            problems.interrupted(path, f"cannot be looked at ({exc.strerror})", kind)
        return False


def is_directory(path: str) -> bool:
    """Whether there is a directory, and not a link to one."""
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def names(path: str, problems: Problems, kind: Kind) -> list[str]:
    """Return the names in a directory, in no order; none when there is no such directory.

    What else goes wrong is recorded as an interrupted enumeration of ``kind``.
    """
    try:
        return os.listdir(path)
    except FileNotFoundError:
        return []
    except OSError as exc:
        problems.interrupted(path, f"cannot be listed ({exc.strerror})", kind)
        return []
