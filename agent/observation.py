"""What one look at the node found, ready to be compared with what the register holds."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Self

from agent.bounds import bounded
from protocol.entries import Entry, EntryKey, Kind
from protocol.messages import Backend
from protocol.statehash import entry_hash


@dataclass(frozen=True, slots=True)
class Observation:
    """Entries and their hashes, and how far the absence of others can be believed.

    A full look has ``asked`` None: an entry of a kind that ``complete`` says was enumerated to its end, and that is
    not in ``entries``, is gone. A targeted look names in ``asked`` the keys it looked for; only of those
    it knows that they are gone. ``at`` is the monotonic time at which the look began.
    """

    entries: dict[EntryKey, Entry]
    hashes: dict[EntryKey, bytes]
    at: float
    hash_version: int = 1
    complete: dict[Kind, bool] = field(default_factory=dict)
    asked: frozenset[EntryKey] | None = None
    problems: tuple[str, ...] = ()
    backends: tuple[Backend, ...] = ()

    @classmethod
    def of(
        cls,
        entries: Iterable[Entry],
        *,
        at: float,
        hash_version: int = 1,
        complete: dict[Kind, bool] | None = None,
        asked: Collection[EntryKey] | None = None,
        problems: tuple[str, ...] = (),
        backends: tuple[Backend, ...] = (),
    ) -> Self:
        """Hash the entries; the costly part of an observation.

        Of two entries with one key the first counts (a layer that two backends hold: that of the backend in use).
        """
        keyed: dict[EntryKey, Entry] = {}
        for entry in entries:
            keyed.setdefault(entry.entry_key, bounded(entry))
        return cls(
            entries=keyed,
            hashes={key: entry_hash(entry, hash_version) for key, entry in keyed.items()},
            at=at,
            hash_version=hash_version,
            complete=complete or {},
            asked=None if asked is None else frozenset(asked),
            problems=problems,
            backends=backends,
        )

    def gone(self, key: EntryKey) -> bool:
        """Whether this look shows that there is no such entry."""
        if key in self.hashes:
            return False
        return self.complete.get(key.kind, False) if self.asked is None else key in self.asked

    def then(self, newer: "Observation") -> "Observation":
        """Return this observation overtaken by a newer one."""
        if newer.asked is None:
            return newer
        entries = {key: entry for key, entry in self.entries.items() if key not in newer.asked} | newer.entries
        hashes = {key: digest for key, digest in self.hashes.items() if key not in newer.asked} | newer.hashes
        return Observation(
            entries=entries,
            hashes=hashes,
            at=self.at,
            hash_version=self.hash_version,
            complete=self.complete,
            asked=None if self.asked is None else self.asked | newer.asked,
            problems=newer.problems or self.problems,
            backends=newer.backends or self.backends,
        )
