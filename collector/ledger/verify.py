"""The proof: reads the audit log from its beginning and compares it with itself and with checkpoints.

Pure: batches of entries go in, the first thing that is wrong comes out. What it finds: an entry that was edited,
deleted, doubled or moved (its hash, or its number); a chain that was made anew (a checkpoint has another hash); a chain
that ends too early (a checkpoint, or the head, is of a later entry); and a message that was accepted, but is not there
(the numbers of a node's messages have a hole).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from collector.ledger import vouched
from collector.ledger.chain import START, link_hash
from collector.ledger.checkpoints import Read
from collector.ledger.signing import PublicKey
from collector.ledger.vouched import Anchor, Restore
from collector.store.ledger import AuditKind, Link


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong. ``first`` is the first bad entry; ``last`` is another where it is one of several."""

    first: int
    last: int
    what: str


@dataclass(frozen=True, slots=True)
class Known:
    """What the register says of itself: its name, the chain's last entry, and its entries of the signed kinds."""

    register: str
    seq: int
    hash: bytes
    signed: Sequence[Link]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Expected:
    """The hash that an entry must have, says a checkpoint (or the head) at ``place``."""

    seq: int
    hash: bytes
    place: str


class _Accepted(msgspec.Struct, frozen=True):
    """What entries of the kinds ``hello``, ``state`` and ``watched`` tell."""

    cluster: str
    node: str
    generation: str
    seq: int = 0
    noted_by: str = ""


_ACCEPTED: Final = msgspec.json.Decoder(_Accepted)
_NUMBERED: Final = frozenset({AuditKind.STATE.value, AuditKind.HELLO.value, AuditKind.WATCHED.value})


class Verifier:
    """Give it the chain in order with ``feed``, then ``finish``. It has one life: what it found first stays found.

    ``key`` and ``checkpoints`` go together; without them the chain is only compared with itself. ``remarks`` are
    sentences about what is no fault, ``covered`` is the last entry that a checkpoint covers (0: none).
    """

    def __init__(self, known: Known, key: PublicKey | None, checkpoints: Sequence[Read]) -> None:
        self.finding: Finding | None = None
        self.remarks: list[str] = []
        self.entries = 0
        self.restores: tuple[Restore, ...] = ()
        self._known, self._key = known, key
        self._anchors: dict[int, Anchor] = {}
        self._seq, self._hash, self._chained_at = 0, START, 0
        self._sure = 0
        self._nodes: dict[tuple[str, str], tuple[str, int]] = {}
        self._by_database: list[int] = []
        self._read_signed()
        expected = self._expected(checkpoints)
        self.covered = max((one.seq for one in expected), default=0)
        head = _Expected(seq=known.seq, hash=known.hash, place="the register's own head")
        # A log that was empty when it was asked for may have grown since.
        if head.seq > 0:
            expected.append(head)
        self._ahead = sorted(expected, key=lambda one: one.seq, reverse=True)

    @property
    def reached(self) -> int:
        """The last entry that was read."""
        return self._seq

    def feed(self, links: Iterable[Link]) -> bool:
        """Take in the next entries; false when something is wrong, and the rest need not be read."""
        if self.finding is None:
            for link in links:
                self.finding = self._look(link)
                if self.finding is not None:
                    break
        return self.finding is None

    def finish(self) -> Finding | None:
        """Say what is wrong, when everything was read."""
        if self._by_database:
            self.remarks.append(_beside(*self._by_database))
        if self.finding is None and self._ahead and self._ahead[0].seq > self._seq:
            missing = self._ahead[0]
            self.finding = Finding(
                self._seq + 1,
                missing.seq,
                f"the log ends with entry {self._seq}, but {missing.place} is of entry {missing.seq}: "
                f"{_entries(self._seq + 1, missing.seq)} cut off",
            )
        return self.finding

    def _look(self, link: Link) -> Finding | None:
        if self.entries == 0 and link.seq > 1 and (broken := self._begin(link)):
            return broken
        if link.seq != self._seq + 1:
            return self._misplaced(link)
        made = link_hash(self._hash, link.seq, link.chained_at, link.at, link.kind, link.body)
        if made != link.hash:
            return Finding(link.seq, link.seq, f"entry {link.seq} is not what was chained: its hash is another one")
        if link.chained_at < self._chained_at:
            return Finding(link.seq, link.seq, f"entry {link.seq} was chained before the entry that it follows")
        self._seq, self._hash, self._chained_at = link.seq, link.hash, link.chained_at
        self.entries += 1
        return self._compare() or (self._count(link) if link.kind in _NUMBERED else None)

    def _begin(self, link: Link) -> Finding | None:
        """Take over from the anchor that retention left before the first entry there is."""
        anchor = self._anchors.get(link.seq - 1)
        if anchor is None:
            return Finding(1, link.seq - 1, f"{_entries(1, link.seq - 1)} gone, and no signed anchor says why")
        self._seq, self._hash = anchor.through, bytes.fromhex(anchor.hash)
        self.remarks.append(f"Entries up to {anchor.through} went with {anchor.partition}, as a signed anchor says.")
        while self._ahead and self._ahead[-1].seq < self._seq:
            self._ahead.pop()
        self._sure = self._seq - 1
        return self._compare()

    def _misplaced(self, link: Link) -> Finding:
        if link.seq <= self._seq:
            return Finding(link.seq, link.seq, f"entry {link.seq} is there twice")
        missing = _entries(self._seq + 1, link.seq - 1)
        return Finding(self._seq + 1, link.seq - 1, f"{missing} missing: entry {link.seq} follows {self._seq}")

    def _compare(self) -> Finding | None:
        """Compare the entry with the checkpoints that are of it."""
        while self._ahead and self._ahead[-1].seq <= self._seq:
            expected = self._ahead.pop()
            if expected.hash != self._hash:
                first = min(self._sure + 1, self._seq)
                others = f"one of the entries {first} to {self._seq}" if first < self._seq else f"entry {first}"
                return Finding(
                    first, self._seq, f"{others} was changed and the chain made anew: {expected.place} has another hash"
                )
            self._sure = self._seq
        return None

    def _count(self, link: Link) -> Finding | None:
        """Look whether the node's message is the one after its last."""
        try:
            told = _ACCEPTED.decode(link.body)
        except msgspec.DecodeError:
            return Finding(link.seq, link.seq, f"entry {link.seq} does not tell what its kind, {link.kind}, tells")
        if told.noted_by:
            first, _, number = self._by_database or (link.seq, 0, 0)
            self._by_database = [first, link.seq, number + 1]
        node = (told.cluster, told.node)
        before = self._nodes.get(node)
        self._nodes[node] = (told.generation, told.seq)
        if before is None or link.kind == AuditKind.HELLO:
            return None
        # Where the log began to watch the node, nothing new was accepted: it excuses no hole before it.
        follows = told.seq if link.kind == AuditKind.WATCHED else told.seq - 1
        if before == (told.generation, follows):
            return None
        last = f"{before[1]}" if before[0] == told.generation else "a hello of another generation"
        return Finding(
            link.seq,
            link.seq,
            f"entry {link.seq} is message {told.seq} of node {told.node}, but the one chained before it is {last}: "
            "what was accepted in between was never chained",
        )

    def _read_signed(self) -> None:
        """Find anchors and restores among the entries of signed kinds; those of other registers and keys are none."""
        for link in self._known.signed:
            anchor = vouched.anchor_of(link, self._key)
            if anchor is not None and anchor.register == self._known.register:
                self._anchors[anchor.through] = anchor
        if self._key is None:
            return
        self.restores = vouched.restores(self._known.signed, self._key, self._known.register)
        for one in self.restores:
            self.remarks.append(
                f"A backup was restored, says {one.by} at {one.at} ({one.reason}): "
                f"{_entries(one.first, one.last)} not what was there before."
            )

    def _expected(self, checkpoints: Sequence[Read]) -> list[_Expected]:
        """Return what checkpoints of this register demand; a wrong signature is a finding of its own."""
        found, own, others = [], 0, 0
        for one in checkpoints:
            if one.checkpoint is None:
                self.remarks.append(f"{one.place} is no checkpoint; it may be half written.")
                continue
            if self._key is None or not one.checkpoint.holds(self._key):
                seq = one.checkpoint.seq
                self.finding = Finding(seq, seq, f"the checkpoint at {one.place} is not signed with the given key")
                return []
            if one.checkpoint.register != self._known.register:
                others += 1
                continue
            own += 1
            # One of an empty log demands nothing: every log begins with it.
            excused = any(restore.excuses(one.checkpoint.seq, one.checkpoint.at) for restore in self.restores)
            if one.checkpoint.seq > 0 and not excused:
                made = bytes.fromhex(one.checkpoint.hash)
                found.append(_Expected(seq=one.checkpoint.seq, hash=made, place=f"the checkpoint at {one.place}"))
        if others and not own:
            self.finding = Finding(1, 1, f"not one of {others} checkpoints is of this register, {self._known.register}")
        elif others:
            self.remarks.append(f"{others} checkpoints are of other registers.")
        return found


def _beside(first: int, last: int, number: int) -> str:
    return (
        f"{number} of the entries {first} to {last} were noted by the database, for a collector of release 0.1 that "
        "ran beside: what such a collector was asked, and whom it enrolled, is in no log."
    )


def _entries(first: int, last: int) -> str:
    return f"entry {first} is" if first == last else f"entries {first} to {last} are"
