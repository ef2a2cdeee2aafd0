"""Reading small files and directories of a data root that may be broken, hostile, or changing under us."""

import os
import stat
from typing import Final

from agent.backends.base import Problems
from protocol.entries import Kind

_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""A FIFO does not block, a link is not followed, a terminal does not become ours."""

SMALL: Final = 4096
"""Most bytes of a file that holds one ID."""
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
    data = read(path)
    if not data:
        return None
    text = data.rstrip(b"\n").decode("ascii", "replace")
    if not text:
        return None
    if not is_name(text.removeprefix("sha256:")):
        raise UnreadableError(f"holds no ID but {text[:40]!r}")
    return text


def is_name(text: str) -> bool:
    """Whether the text can name a layer's directory: one printable component that does not begin with a dot."""
    if not 0 < len(text) <= MAX_NAME or not text.isascii():
        return False
    return text.isalnum() or (text.isprintable() and "/" not in text and " " not in text and text[0] != ".")


def is_sha256(text: str) -> bool:
    """Whether the text is 64 lower-case hex digits."""
    return len(text) == 64 and not set(text) - _HEX


_HEX: Final = frozenset("0123456789abcdef")


def directories(path: str, problems: Problems, kind: Kind) -> list[str]:
    """Return the names of the directories in a directory, as ``names`` does; links to directories are none.

    What is there beside them is recorded as a problem.
    """
    found: list[str] = []
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    found.append(entry.name)
                else:
                    problems.add(entry.path, "is not a directory")
    except FileNotFoundError:
        return found
    except OSError as exc:
        problems.interrupted(path, f"cannot be listed ({exc.strerror})", kind)
    return found


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
