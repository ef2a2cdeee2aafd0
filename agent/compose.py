"""Snapshots, deltas and heartbeats, made from an observation and what the register holds."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from agent.holdings import Holdings
from agent.observation import Observation
from protocol.entries import EntryKey, Kind
from protocol.messages import MAX_BODY, Delta, Heartbeat, Snapshot
from protocol.statehash import to_text

ROOM: Final = MAX_BODY * 3 // 4
"""Most bytes of entries in one message; the rest follows in the next."""
_NEVER: Final = 365 * 86_400.0
"""Seconds that stand for the age of a list that there never was."""


@dataclass(frozen=True, slots=True)
class Stand:
    """Where the conversation stands: what every message carries. Times are in seconds; ``seq`` is the last one.

    ``now``, ``seen_at`` and ``told_at`` are monotonic: the newest look, and the newest of which the register was told
    all. ``clock`` is the time of ``now`` by the clock that the register knows of.
    """

    generation: str
    seq: int
    now: float
    seen_at: float
    told_at: float
    clock: float
    problems: tuple[str, ...] = ()

    def ago(self, when: float) -> float:
        """Return the age of a look, rounded up to the millisecond: it vouches for nothing that came after it."""
        return math.ceil(min(max(0.0, self.now - when), _NEVER) * 1000) / 1000


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message with entries, their keys in the order of the message, and all that it changes (None: removed).

    ``cut`` are kinds that were enumerated to their end, of which not everything fitted in. ``as_of`` is the newest look
    of which the register knows all with this message: only for that moment it may say that nothing else has changed.
    """

    message: Snapshot | Delta
    keys: tuple[EntryKey, ...]
    changes: dict[EntryKey, bytes | None]
    as_of: float
    cut: frozenset[Kind] = frozenset()


def snapshot(stand: Stand, look: Observation, holdings: Holdings, room: int = ROOM) -> Parcel:
    """Return everything that a full look found, refused entries too: the register would think them gone.

    What does not fit follows in deltas; its kind counts as incomplete until the last of them.
    """
    holdings.start_over()
    wanted = list(look.entries)
    keys, raws = _fitting(look, wanted, room)
    cut = {key.kind for key in wanted[len(keys) :] if look.complete.get(key.kind, False)}
    changes: dict[EntryKey, bytes | None] = {key: look.hashes[key] for key in keys}
    message = Snapshot(
        generation=stand.generation,
        seq=stand.seq + 1,
        kinds=look.complete | dict.fromkeys(cut, False),
        entries=raws,
        state_hash=to_text(holdings.sum_after(changes)),
        clock=stand.clock,
        listed_ago=stand.ago(look.at),
        lost_events=holdings.lost,
        problems=list(stand.problems),
    )
    return Parcel(message, keys, changes, look.at, frozenset(cut))


def delta(
    stand: Stand,
    look: Observation | None,
    holdings: Holdings,
    room: int = ROOM,
    kinds: dict[Kind, bool] | None = None,
) -> Parcel | None:
    """Return what can be told of the difference, or None when no entry of it is at hand, and no kind changes."""
    dirty = sorted(holdings.dirty)
    keys: tuple[EntryKey, ...] = ()
    raws: list[msgspec.Raw] = []
    removes, left = _removes([key for key in dirty if key not in holdings.seen], room)
    if look is not None and left > 0:
        at_hand = [key for key in dirty if key in look.hashes and look.hashes[key] == holdings.seen.get(key)]
        keys, raws = _fitting(look, at_hand, left)
    if not keys and not removes and not kinds:
        return None
    changes: dict[EntryKey, bytes | None] = {key: holdings.seen[key] for key in keys}
    changes.update(dict.fromkeys(removes))
    as_of = stand.told_at if holdings.dirty - changes.keys() else stand.seen_at
    message = Delta(
        generation=stand.generation,
        seq=stand.seq + 1,
        base_hash=to_text(holdings.sum),
        upserts=raws,
        removes=removes,
        state_hash=to_text(holdings.sum_after(changes)),
        clock=stand.clock,
        listed_ago=stand.ago(as_of),
        lost_events=holdings.lost,
        problems=list(stand.problems),
        kinds=kinds or {},
    )
    return Parcel(message, keys, changes, as_of)


def heartbeat(stand: Stand, holdings: Holdings, beat: int, clock: float) -> Heartbeat:
    """Return the message that nothing has changed, of at most ``MAX_HEARTBEAT`` bytes.

    ``beat`` is its number, ``clock`` what the wall clock shows.
    """
    return Heartbeat(
        generation=stand.generation,
        seq=stand.seq,
        state_hash=to_text(holdings.sum),
        clock=clock,
        listed_ago=stand.ago(stand.told_at if holdings.dirty else stand.seen_at),
        lost_events=holdings.lost,
        beat=beat,
    )


def _removes(keys: list[EntryKey], room: int) -> tuple[list[EntryKey], int]:
    """Return as many of the keys as there is room for, at least one, and the room that is left."""
    taken: list[EntryKey] = []
    for key in keys:
        room -= len(msgspec.json.encode(key)) + 1
        if room < 0 and taken:
            break
        taken.append(key)
    return taken, room


def _fitting(look: Observation, keys: Iterable[EntryKey], room: int) -> tuple[tuple[EntryKey, ...], list[msgspec.Raw]]:
    """Encode entries until the room is used up; at least one, however large it is."""
    taken: list[EntryKey] = []
    raws: list[msgspec.Raw] = []
    for key in keys:
        raw = msgspec.json.encode(look.entries[key])
        room -= len(raw)
        if room < 0 and taken:
            break
        taken.append(key)
        raws.append(msgspec.Raw(raw))
    return tuple(taken), raws
