"""Checkpoints: signed words outside the database about where the chain stood.

One line of JSON each, appended to a file and synced; every collector writes a file of its own, a new one every month:
``checkpoints-NAME-2026-11.jsonl``. Several collectors may share a directory.
"""

import os
import re
import socket
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from collector.errors import CollectorError
from collector.ledger.signing import PublicKey, SigningKey
from collector.store.ledger import Head
from protocol.times import to_text

PURPOSE: Final = "checkpoint"
_LONGEST: Final = 4096
"""Bytes of a line beyond which it is no checkpoint."""


class CheckpointError(CollectorError):
    """Checkpoints cannot be written or read; the sentence names the file."""


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Entry ``seq`` of register ``register`` had this hash at ``at``, says who holds ``key`` (its public half)."""

    register: str
    seq: int
    hash: str
    at: str
    key: str
    signature: str = ""

    def signed(self) -> bytes:
        """Return what the signature is of: this without it."""
        return msgspec.json.encode(msgspec.structs.replace(self, signature=""))

    def holds(self, key: PublicKey) -> bool:
        """Whether it is signed with this key."""
        try:
            signature = bytes.fromhex(self.signature)
        except ValueError:
            return False
        return self.key == key.text and key.verifies(PURPOSE, self.signed(), signature)


@dataclass(frozen=True, slots=True)
class Read:
    """A checkpoint and its place, ``FILE:LINE``; None for a line that is none (one half written, say)."""

    place: str
    checkpoint: Checkpoint | None


_DECODER: Final = msgspec.json.Decoder(Checkpoint)


def make(head: Head, now: datetime, key: SigningKey) -> Checkpoint:
    """Return a signed checkpoint of where the chain stands."""
    unsigned = Checkpoint(
        register=str(head.register), seq=head.seq, hash=head.hash.hex(), at=to_text(now), key=key.public.text
    )
    return msgspec.structs.replace(unsigned, signature=key.sign(PURPOSE, unsigned.signed()).hex())


class CheckpointFile:
    """Where one collector appends its checkpoints: a directory, and a name of its own in it."""

    def __init__(self, directory: Path, name: str = "") -> None:
        self._directory = directory
        self._name = re.sub(r"[^A-Za-z0-9_.]", "_", name or socket.gethostname())[:100]

    def append(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint; it is on the disk when this returns.

        Raises:
            CheckpointError: it could not be written.
        """
        path = self._directory / f"checkpoints-{self._name}-{checkpoint.at[:7]}.jsonl"
        try:
            made = not path.exists()
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                size = os.fstat(handle).st_size
                # One that was torn, by a full disk say, ends here, and does not spoil the next.
                torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
                _write_all(handle, b"\n" * torn + msgspec.json.encode(checkpoint) + b"\n")
                os.fsync(handle)
            finally:
                os.close(handle)
            if made:
                _sync(self._directory)
        except OSError as exc:
            raise CheckpointError(f"the checkpoint could not be written to {path}: {exc.strerror}") from exc

    def check(self) -> None:
        """Look whether checkpoints can be written.

        Raises:
            CheckpointError: they cannot.
        """
        if not self._directory.is_dir():
            raise CheckpointError(f"{self._directory}, where checkpoints are to be kept, is not a directory")
        if not os.access(self._directory, os.W_OK | os.X_OK):
            raise CheckpointError(
                f"{self._directory}, where checkpoints are to be kept, cannot be written by user {os.getuid()}"
            )

    def newest(self, register: str) -> Checkpoint | None:
        """Return the checkpoint of this register with the highest number in the directory's two newest months.

        Raises:
            CheckpointError: a file cannot be read.
        """
        names = files(self._directory)
        months = sorted({name.name[-13:] for name in names})[-2:]
        recent = [name for name in names if name.name[-13:] in months]
        found = [one.checkpoint for one in read(recent) if one.checkpoint is not None]
        return max((one for one in found if one.register == register), key=lambda one: one.seq, default=None)


def files(place: Path) -> list[Path]:
    """Return the files with checkpoints: the file itself, or those of a directory."""
    return sorted(place.glob("checkpoints-*.jsonl")) if place.is_dir() else [place]


def read(paths: Iterable[Path]) -> Iterator[Read]:
    """Yield what the files say, line by line.

    Raises:
        CheckpointError: one cannot be read.
    """
    for path in paths:
        try:
            with path.open("rb") as file:
                for number, line in enumerate(iter(lambda: file.readline(_LONGEST), b""), 1):
                    if line.strip():
                        yield Read(f"{path}:{number}", _decoded(line))
        except OSError as exc:
            raise CheckpointError(f"the checkpoints in {path} cannot be read: {exc.strerror}") from exc


def read_places(places: Sequence[Path]) -> list[Read]:
    """Return what the files and directories say.

    Raises:
        CheckpointError: one cannot be read, or a directory has none.
    """
    found: list[Read] = []
    for place in places:
        paths = files(place)
        if not paths:
            raise CheckpointError(f"{place} holds no checkpoints; their files are called checkpoints-NAME-MONTH.jsonl")
        found += read(paths)
    return found


def _decoded(line: bytes) -> Checkpoint | None:
    try:
        return _DECODER.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _write_all(handle: int, content: bytes) -> None:
    while content:
        content = content[os.write(handle, content) :]


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
