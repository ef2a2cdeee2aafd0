"""What the register holds of this node, what was seen last, and the difference between the two.

Only keys and hashes are kept, never entries: five thousand containers with their layers are a few
megabytes. Four facts about a key, each a hash or its absence:

- *held*: acknowledged by a collector;
- *promised*: part of the one message that is under way, or waits to be sent again;
- *refused*: a collector would not take this very content, so no delta has it again until it changes;
- *seen*: what the last look found.

A key is *dirty* while what was seen is neither held nor promised nor refused.

``lost`` counts exactly the versions of entries that a look found and no collector acknowledged before the
next version took their place. What no look found (a container that came and went between two looks) cannot be
counted; what is still there is never lost.
"""

from collections.abc import Collection, Iterable, Mapping

from agent.observation import Observation
from protocol.entries import EntryKey, Kind
from protocol.messages import Kept
from protocol.statehash import shift, total


class Holdings:
    """One node's keys and hashes, on both sides."""

    def __init__(self) -> None:
        self.seen: dict[EntryKey, bytes] = {}
        self.dirty: set[EntryKey] = set()
        self.lost = 0
        self._held: dict[EntryKey, bytes] = {}
        self._sum = 0
        self._promised: dict[EntryKey, bytes | None] = {}
        self._refused: dict[EntryKey, bytes] = {}

    @property
    def sum(self) -> int:
        """State hash of what is held."""
        return self._sum

    def seen_sum(self) -> int:
        """Return the state hash of what was seen."""
        return total(self.seen.values())

    def holds(self, key: EntryKey) -> bool:
        """Whether the register is known to hold an entry under this key."""
        return key in self._held

    def observe(self, observation: Observation) -> None:
        """Take in what a look found."""
        for key, digest in observation.hashes.items():
            self._saw(key, digest)
        absent = (self.seen.keys() | self._held.keys() | self._promised.keys()) - observation.hashes.keys()
        for key in absent if observation.asked is None else observation.asked & absent:
            if observation.gone(key):
                self._saw(key, None)
            elif key in self.seen:
                self._lost_sight(key)

    def sum_after(self, changes: Mapping[EntryKey, bytes | None]) -> int:
        """Return the state hash of what will be held once these changes (None: removed) are acknowledged."""
        return shift(
            self._sum,
            added=(digest for digest in changes.values() if digest is not None),
            removed=(self._held[key] for key in changes if key in self._held),
        )

    def promise(self, changes: dict[EntryKey, bytes | None]) -> None:
        """Note that a message with these changes is under way."""
        self._promised = changes
        self._sort(changes)

    def untold(self) -> dict[EntryKey, bytes]:
        """Return what was seen and is not acknowledged."""
        keys = self.dirty | self._promised.keys()
        return {key: self.seen[key] for key in keys if key in self.seen}

    def whole(self, kind: Kind) -> bool:
        """Whether the register holds nothing of this kind that was not seen."""
        return all(key in self.seen for key in self._held if key.kind is kind)

    def settle(
        self, refused: Collection[EntryKey], kept: Iterable[Kept], enumerated: Collection[Kind] = frozenset()
    ) -> None:
        """Note that the message was applied, except for what was refused, and what the register kept beside.

        Of a refused entry the register keeps the version before, if it has one, and says so in ``kept``. What it kept
        of a kind in ``enumerated`` and was not seen is gone: it is to be removed by name.
        """
        promised, self._promised = self._promised, {}
        for key, digest in promised.items():
            if key in refused:
                self._hold(key, None)
                if digest is not None and self.seen.get(key) == digest:
                    self._refused[key] = digest
            else:
                self._hold(key, digest)
        for item in kept:
            self._hold(item.key, bytes.fromhex(item.hash))
        self._sort(item.key for item in kept if item.key in self.seen or item.key.kind in enumerated)
        self._sort(refused)

    def adopt_seen(self) -> None:
        """The register holds exactly what was seen."""
        self._held = dict(self.seen)
        self._sum = self.seen_sum()
        self._refused = {}
        self.dirty = set()

    def start_over(self) -> None:
        """Nothing is known about what the register holds: everything that was seen must be told.

        A message that is under way counts as turned down.
        """
        promised, self._promised = self._promised, {}
        self.lost += sum(self.seen.get(key) != digest for key, digest in promised.items())
        self._held, self._sum, self._refused = {}, 0, {}
        self.dirty = set(self.seen)

    def forget_seen(self) -> None:
        """The hashes of what was seen mean nothing any more (another hash version)."""
        self.seen = {}
        self.start_over()

    def _told(self, key: EntryKey) -> bytes | None:
        if key in self._promised:
            return self._promised[key]
        return self._refused.get(key) or self._held.get(key)

    def _saw(self, key: EntryKey, digest: bytes | None) -> None:
        if self.seen.get(key) != digest:
            self.lost += key in self.dirty
            if digest is None:
                del self.seen[key]
            else:
                self.seen[key] = digest
        if self._refused.get(key, digest) != digest:
            del self._refused[key]
        self._sort((key,))

    def _lost_sight(self, key: EntryKey) -> None:
        """Its kind could not be enumerated: nothing is known about it, so nothing is to be told."""
        self.lost += key in self.dirty
        self.dirty.discard(key)
        del self.seen[key]

    def _sort(self, keys: Iterable[EntryKey]) -> None:
        for key in keys:
            if self._told(key) == self.seen.get(key):
                self.dirty.discard(key)
            else:
                self.dirty.add(key)

    def _hold(self, key: EntryKey, digest: bytes | None) -> None:
        before = self._held.pop(key, None)
        if digest is not None:
            self._held[key] = digest
        self._sum = shift(
            self._sum, added=() if digest is None else (digest,), removed=() if before is None else (before,)
        )
