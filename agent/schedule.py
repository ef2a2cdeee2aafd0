"""When each entry is measured again: what is new first, then what is due longest.

Only numbers per entry are kept (its hash, when it is due, its CPU time): a megabyte for 5,000 containers and their
layers. What was measured once waits for longer the more the whole node costs: at rest measuring is next to nothing.
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
RESTING: Final = 0.0005
"""Share of one core that measuring again may take, all entries of the node together, as long as ``LATEST`` allows."""
BATCH: Final = 8_192
"""So many entries are picked at once: their paths are six megabytes, and 5,000 containers are measured in one go."""


def pause_after(inodes: int, *, still: bool, round_cpu: float) -> float:
    """Return after how many seconds what has so many inodes is measured again.

    ``still``: nobody writes to it. ``round_cpu``: the CPU seconds of measuring all that changes on the node once.
    """
    if still:
        return UNCHANGING
    return min(LATEST, max(SOONEST + PER_INODE * inodes, round_cpu / RESTING))


class Schedule:
    """When every entry is due; ``now`` is always in monotonic seconds. Not safe for threads."""

    def __init__(self) -> None:
        self._due: dict[int, float] = {}
        self._cpu: dict[int, float] = {}
        self._round_cpu = 0.0
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
            self._round_cpu -= self._cpu.pop(gone, 0.0)
        for number in named:
            if number not in self._due:
                self._due[number] = self._new[number] = now
        waiting = [
            (number not in self._new, due if number not in self._new else -self._new[number], number)
            for number, due in self._due.items()
            if due <= now
        ]
        self._count_round(bool(waiting), now)
        chosen = heapq.nsmallest(most, waiting, key=lambda one: one[:2])
        return [named[number] for *_, number in chosen]

    def count_round(self, now: float) -> None:
        """Note whether everything that was due has been measured."""
        self._count_round(any(due <= now for due in self._due.values()), now)

    def _count_round(self, waiting: bool, now: float) -> None:
        if waiting and self._round_began is None:
            self._round_began = now
        elif not waiting and self._round_began is not None:
            self.sweep, self._round_began = now - self._round_began, None

    def done(self, key: EntryKey, now: float, *, inodes: int = 0, cpu: float = 0.0, still: bool = False) -> None:
        """Note that an entry was measured, what that cost in CPU seconds, and when it is due again."""
        number = hash(key)
        if number not in self._due:
            return
        self._new.pop(number, None)
        if not still:
            self._round_cpu += cpu - self._cpu.get(number, 0.0)
            self._cpu[number] = cpu
        self._due[number] = now + pause_after(inodes, still=still, round_cpu=self._expected_round_cpu())

    def _expected_round_cpu(self) -> float:
        """Return the CPU seconds of measuring everything once, from what was measured so far."""
        measured = len(self._due) - len(self._new)
        return self._round_cpu * len(self._due) / measured if measured else 0.0

    def changed(self, keys: Collection[EntryKey], now: float) -> None:
        """Note that something happened to these entries: they are due soon."""
        for number in map(hash, keys):
            if number in self._due:
                self._due[number] = min(self._due[number], now + SOONEST)

    lost = changed
    """Note that the sizes of these entries did not reach the register: they are due soon."""
