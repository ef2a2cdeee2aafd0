"""What was seen and is not told yet, kept on the agent's small volume while no collector answers.

The state itself needs no spool: the latest one wins, and what the register holds and is gone is found again by
comparing. What comparing cannot find after a restart of the agent is a version that was seen while no collector
answered, and has gone since. So keys and hashes of what is not told are kept, and how many versions are lost already:
an agent that starts counts what it does not find again. ``agent.holdings`` says what counts as lost.
"""

import os
from collections.abc import Mapping
from typing import Final

import msgspec
import structlog

from protocol.entries import EntryKey

MAX_SPOOL: Final = 16 * 1024 * 1024
"""Most bytes of the file. What does not fit is only counted, and is lost when the agent starts anew."""
_NAME: Final = "spool.json"
_ROW: Final = 80
"""Bytes of a row beside its key: the hash, quotes and brackets."""
_log = structlog.stdlib.get_logger("agent.spool")


class Untold(msgspec.Struct, frozen=True, array_like=True):
    """A version that was seen and that no collector acknowledged."""

    key: EntryKey
    hash: str


class Spooled(msgspec.Struct, frozen=True):
    """What the file holds. ``overflow`` is how many untold versions did not fit in."""

    lost: int = 0
    hash_version: int = 1
    untold: tuple[Untold, ...] = ()
    overflow: int = 0

    def lost_by(self, hash_version: int, hashes: Mapping[EntryKey, bytes]) -> int:
        """Return how many of the untold versions are gone now that a look has found ``hashes``.

        In another hash version only keys can be compared.
        """
        same = hash_version == self.hash_version
        gone = sum(item.key not in hashes or (same and hashes[item.key].hex() != item.hash) for item in self.untold)
        return gone + self.overflow


def spooled(lost: int, hash_version: int, untold: Mapping[EntryKey, bytes], room: int = MAX_SPOOL) -> Spooled:
    """Return what is to be kept; ``room`` bounds it, in bytes."""
    taken = []
    for key in sorted(untold):
        room -= len(key.root.encode()) + len(key.key.encode()) + len(key.kind) + _ROW
        if room < 0:
            break
        taken.append(Untold(key, untold[key].hex()))
    return Spooled(lost, hash_version, tuple(taken), len(untold) - len(taken))


class SpoolFile:
    """``spool.json`` in the agent's state directory; without a directory nothing is kept."""

    def __init__(self, state_dir: str) -> None:
        self._path = os.path.join(state_dir, _NAME) if state_dir else ""

    def load(self) -> Spooled:
        """Return what was kept; nothing when there is no file, or it cannot be read (that is reported)."""
        if not self._path:
            return Spooled()
        try:
            with open(self._path, "rb") as file:
                return msgspec.json.decode(file.read(2 * MAX_SPOOL), type=Spooled)
        except FileNotFoundError:
            return Spooled()
        except (OSError, msgspec.DecodeError) as exc:
            _log.warning("what was not told yet cannot be read; starting without", path=self._path, why=str(exc))
            return Spooled()

    def save(self, what: Spooled) -> None:
        """Replace the file atomically; a full or read-only volume is reported, and nothing more."""
        if not self._path:
            return
        fresh = f"{self._path}.new"
        try:
            with open(fresh, "wb") as file:
                file.write(msgspec.json.encode(what))
            os.replace(fresh, self._path)
        except OSError as exc:
            _log.warning("what is not told yet cannot be kept", path=self._path, why=str(exc))
