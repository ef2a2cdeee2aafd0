"""When each entry is measured again: what is new first, then what is due longest.

Only a number per entry is kept (its hash, and when it is due): a megabyte for 5,000 containers and their layers.
"""

import heapq
from collections.abc import Collection, Iterable
from typing import Final

from protocol.entries import EntryKey

SOONEST: Final = 300.0
"""Least seconds between two measurements of an entry."""
LATEST: Final = 6 * 3600.0
"""Most seconds between two measurements of what can change."""
UNCHANGING: Final = 24 * 3600.0
"""Seconds between two measurements of an image's layers, which nobody writes to."""
PER_INODE: Final = 0.02
"""So many seconds per inode come to the pause: a million inodes are measured every six hours at the soonest."""
BATCH: Final = 512
"""So many entries are picked at once."""


def pause_after(inodes: int, *, still: bool) -> float:
    """Return after how many seconds what has so many inodes is measured again; ``still``: nobody writes to it."""
    return UNCHANGING if still else min(LATEST, SOONEST + PER_INODE * inodes)


class Schedule:
    """When every entry is due; ``now`` is always in monotonic seconds. Not safe for threads."""

    def __init__(self) -> None:
        self._due: dict[int, float] = {}
        self._new: dict[int, float] = {}
        self._round_began: float | None = None
        self.sweep: float | None = None
        """Seconds that the last whole round took: until nothing was due any more."""

    def __len__(self) -> int:
        return len(self._due)

    def pick(self, keys: Iterable[EntryKey], now: float, *, most: int = BATCH) -> list[EntryKey]:
        """Return which of these to measure next; what is not among them any more is forgotten.

        Of what was never measured the newest comes first: an old leftover can wait, what fills the disk now cannot.
        """
        named = {hash(key): key for key in keys}
        for gone in self._due.keys() - named.keys():
            del self._due[gone]
            self._new.pop(gone, None)
        for number in named:
            if number not in self._due:
                self._due[number] = self._new[number] = now
        waiting = [
            (number not in self._new, due if number not in self._new else -self._new[number], number)
            for number, due in self._due.items()
            if due <= now
        ]
        self._count_round(len(waiting), now)
        chosen = heapq.nsmallest(most, waiting, key=lambda one: one[:2])
        return [named[number] for *_, number in chosen]

    def _count_round(self, waiting: int, now: float) -> None:
        if waiting and self._round_began is None:
            self._round_began = now
        elif not waiting and self._round_began is not None:
            self.sweep, self._round_began = now - self._round_began, None

    def done(self, key: EntryKey, now: float, pause: float) -> None:
        """Note that an entry was measured, and is due again after ``pause`` seconds."""
        number = hash(key)
        if number in self._due:
            self._due[number] = now + pause
            self._new.pop(number, None)

    def changed(self, keys: Collection[EntryKey], now: float) -> None:
        """Note that something happened to these entries: they are due soon."""
        for number in map(hash, keys):
            if number in self._due:
                self._due[number] = min(self._due[number], now + SOONEST)

    lost = changed
    """Note that the sizes of these entries did not reach the register: they are due soon."""
