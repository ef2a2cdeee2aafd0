"""Files as they come from the collector: copied piece by piece, and looked at for their end."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import Message
from time import monotonic
from types import TracebackType
from typing import Final, Self

from mountbook.errors import UNREACHABLE, UserError
from protocol.reports import END, Format

_TAIL: Final = 512
"""Bytes of a file in which its end stands."""
_EVERY: Final = 0.2
"""Seconds between two words of progress."""
_LONGEST: Final = 64 * 1024
"""Most bytes of the head of a part."""


class Progress:
    """Says on standard error how much has come, if it is to be shown; a context manager takes the line away."""

    def __init__(self, name: str, *, shown: bool, every: float = _EVERY) -> None:
        self._name, self._shown, self._every = name, shown, every
        self._bytes = 0
        self._next = monotonic() + every

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _exc: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def add(self, count: int) -> None:
        """Count bytes that have come."""
        self._bytes += count
        if self._shown and monotonic() >= self._next:
            self._next = monotonic() + self._every
            sys.stderr.write(f"\r\x1b[K{self._name}: {self._bytes / 1e6:,.1f} MB")
            sys.stderr.flush()


class Copy:
    """One file on its way from the collector to where ``write`` puts it."""

    def __init__(self, kind: Format, write: Callable[[bytes], object], progress: Progress) -> None:
        self._kind, self._write, self._progress = kind, write, progress

    def all(self, pieces: Iterator[bytes]) -> int:
        """Copy everything; return how many rows the file says it has (0 where it does not say).

        Raises:
            UserError: it has no end.
        """
        tail = b""
        for piece in pieces:
            self._write(piece)
            self._progress.add(len(piece))
            tail = (tail + piece)[-_TAIL:]
        end = END[self._kind].search(tail)
        if end is None:
            raise cut_off()
        return int(end[1]) if end.re.groups else 0


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that is read piece by piece."""

    headers: Message
    pieces: Iterator[bytes]


def cut_off() -> UserError:
    """Return the error for a file that lacks its end."""
    return UserError("The report was cut off before its end, and is not kept. Try again.", status=UNREACHABLE)


class Parts:
    """The parts of an answer (RFC 2046); each has to be read before the next.

    Its methods raise ``UserError`` where something is missing.
    """

    def __init__(self, answer: Answer) -> None:
        boundary = (answer.headers.get_boundary("") or "").encode("ascii", "replace")
        self._divider = b"\r\n--" + boundary
        # The first divider has no line before it; a later one may come in two pieces.
        self._held, self._pieces = b"\r\n", answer.pieces
        self._skip_through(self._divider)

    def next(self) -> Iterator[bytes]:
        """Return the pieces of the next part."""
        if self._ends():
            raise cut_off()
        self._skip_through(b"\r\n\r\n")
        return self._until_divider()

    def end(self) -> None:
        """Read what follows the last part."""
        if not self._ends():
            raise cut_off()
        for _ in self._pieces:
            pass

    def _ends(self) -> bool:
        while len(self._held) < 2:
            self._more()
        return self._held.startswith(b"--")

    def _skip_through(self, end: bytes) -> None:
        while end not in self._held:
            if len(self._held) > _LONGEST:
                raise cut_off()
            self._more()
        self._held = self._held.partition(end)[2]

    def _until_divider(self) -> Iterator[bytes]:
        while self._divider not in self._held:
            whole = len(self._held) - len(self._divider)
            if whole > 0:
                yield self._held[:whole]
                self._held = self._held[whole:]
            self._more()
        part, _, self._held = self._held.partition(self._divider)
        yield part

    def _more(self) -> None:
        piece = next(self._pieces, b"")
        if not piece:
            raise cut_off()
        self._held += piece
