"""Paths from standard input: one a line, alone or behind ``du``'s size; read in batches as they come."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from mountbook.errors import UserError
from protocol.text import from_path

BATCH: Final = 500
"""Most lines of one batch: one question to the collector."""
MAX_PATH: Final = 4096
"""Most bytes of a path: Linux' ``PATH_MAX``."""
_MAX_LINE: Final = 1024 * 1024
_CHUNK: Final = 64 * 1024

# du writes "SIZE<TAB>PATH"; with --time the time stands between them. A size can be "1.5G" or "1,5G".
_DU: Final = re.compile(rb"(\d+(?:[.,]\d+)?[A-Za-z]{0,3})\t(?:\d{4}-\d\d-\d\d \d\d:\d\d\t)?(.+)", re.DOTALL)


class Readable(Protocol):
    """What can be read as it comes, such as ``sys.stdin.buffer``."""

    def read1(self, size: int, /) -> bytes:
        """Return what is there, at most ``size`` bytes; nothing at the end."""


@dataclass(frozen=True, slots=True)
class PathLine:
    """One line. ``asked`` is the path to ask about, ``None`` when there is none; ``problem`` says why."""

    raw: bytes
    size: str | None
    asked: str | None
    problem: str = ""


def batches(stream: Readable, separator: bytes) -> Iterator[list[PathLine]]:
    """Yield the lines of a stream in their order, as many at a time as there are, ``BATCH`` at most.

    Raises:
        UserError: there is no separator for a whole mebibyte.
    """
    rest = b""
    while chunk := stream.read1(_CHUNK):
        *whole, rest = (rest + chunk).split(separator)
        if len(rest) > _MAX_LINE:
            raise UserError(
                "Standard input has a line of more than a mebibyte. Are these paths that end in NUL? Then add -0."
            )
        yield from _grouped(whole)
    if rest:
        yield from _grouped([rest])


def _grouped(lines: list[bytes]) -> Iterator[list[PathLine]]:
    for start in range(0, len(lines), BATCH):
        yield [read(line) for line in lines[start : start + BATCH]]


def read(line: bytes) -> PathLine:
    """Take one line apart."""
    match = _DU.fullmatch(line)
    size, path = (match[1].decode(), match[2]) if match else (None, line)
    if not path:
        return PathLine(line, size, None)
    if size is not None and path == b"total":  # the last line of du --total
        return PathLine(line, size, None, "the sum")
    try:
        return PathLine(line, size, asked(path))
    except UserError as exc:
        return PathLine(line, size, None, str(exc))


def asked(path: bytes) -> str:
    """Return the path to ask about: one that begins with a dot is below the current directory.

    Any other is taken as it is: ``3f2a…/diff`` without a slash in front begins with the ID of a directory.

    Raises:
        UserError: it is empty or longer than any path can be.
    """
    if not path.strip(b"\r\n"):
        raise UserError("The path is empty; give a host path such as /var/lib/docker/overlay2/….")
    if path in (b".", b"..") or path.startswith((b"./", b"../")):
        path = os.path.normpath(os.path.join(os.getcwdb(), path))
    text = from_path(path)
    if len(text.encode()) > MAX_PATH:
        raise UserError(
            f"The path is longer than {MAX_PATH} bytes, which no path on Linux is; it begins {text[:60]!r}."
        )
    if not text.startswith("/") and os.path.normpath(f"/{text}") == "/":
        raise UserError(f"{text!r} names no directory; give a host path or the ID of a directory.")
    return text
