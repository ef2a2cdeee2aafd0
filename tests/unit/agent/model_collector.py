"""A collector in memory: the protocol's rules in the shortest form that is right. Reusable by other tests."""

import gzip
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
import zstandard

from agent.outcome import Outcome, Rejected
from agent.wire import Body
from protocol.entries import Entry, EntryKey, Kind
from protocol.messages import (
    MAX_BODY,
    MAX_HEARTBEAT,
    Applied,
    Delta,
    Heartbeat,
    HeartbeatReply,
    Hello,
    HelloReply,
    Intervals,
    Kept,
    Refused,
    Snapshot,
)
from protocol.problems import STATUS, ProblemType
from protocol.statehash import entry_hash, to_text, total


def refusal(kind: ProblemType, detail: str = "as the test wants", retry_after: float = 0.0) -> Rejected:
    return Rejected(kind, STATUS[kind], detail, retry_after)


def inflate(body: Body) -> bytes:
    match body.encoding:
        case "gzip":
            return gzip.decompress(body.data)
        case "zstd":
            return zstandard.ZstdDecompressor().decompress(body.data, max_output_size=MAX_BODY)
        case _:
            return body.data


@dataclass
class ModelCollector:
    """One node's register. ``refuses`` says which entries it will not take; ``conflict``: snapshots remove nothing."""

    refuses: Callable[[Entry], bool] = lambda _entry: False
    conflict: bool = False
    intervals: Intervals = field(default_factory=Intervals)
    clock: float = 1_790_000_000.0
    rows: dict[EntryKey, bytes] = field(default_factory=dict)
    entries: dict[EntryKey, Entry] = field(default_factory=dict)
    generation: str = ""
    seq: int = 0
    applied: int = 0
    complete: dict[Kind, bool] = field(default_factory=dict)
    received: list[str] = field(default_factory=list)
    hellos: list[Hello] = field(default_factory=list)
    _greeted: tuple[str, int] | None = None
    _last: tuple[bytes, Applied] | None = None
    _generations: int = 0

    @property
    def sum(self) -> str:
        return to_text(total(self.rows.values()))

    def post(self, name: str, body: Body) -> Outcome:
        self.received.append(name)
        self.clock += 0.001
        plain = inflate(body)
        match name:
            case "hello":
                return self._hello(msgspec.json.decode(plain, type=Hello))
            case "snapshot":
                snapshot = msgspec.json.decode(plain, type=Snapshot)
                return self._once(snapshot, plain) or self._snapshot(snapshot, plain)
            case "delta":
                delta = msgspec.json.decode(plain, type=Delta)
                return self._once(delta, plain) or self._delta(delta, plain)
            case "heartbeat":
                assert len(body.data) <= MAX_HEARTBEAT, f"a heartbeat of {len(body.data)} bytes"
                return self._heartbeat(msgspec.json.decode(plain, type=Heartbeat))
            case _:
                raise AssertionError(f"there is no message {name}")

    def supersede(self) -> None:
        """Another agent says hello for this node."""
        self._generations += 1
        self.generation, self.seq, self._greeted, self._last = f"{self._generations}-{0:016x}", 0, None, None

    def restore(self) -> None:
        """The database comes back from a backup in which this node was empty."""
        self.rows.clear()
        self.entries.clear()
        self.complete.clear()
        self.supersede()

    def _hello(self, hello: Hello) -> HelloReply:
        self.hellos.append(hello)
        if self._greeted != (hello.instance, hello.attempt):
            self.supersede()
            self._greeted = (hello.instance, hello.attempt)
        return HelloReply(
            generation=self.generation,
            hash_version=1,
            last_seq=self.seq,
            last_hash=self.sum,
            intervals=self.intervals,
            server_time=self.clock,
            incomplete=[kind for kind in Kind if not self.complete.get(kind, False)],
        )

    def _once(self, message: Snapshot | Delta, plain: bytes) -> Outcome | None:
        if message.generation != self.generation:
            return refusal(ProblemType.HELLO)
        if self._last is not None and message.seq == self.seq:
            same = self._last[0] == hashlib.sha256(plain).digest()
            return self._last[1] if same else refusal(ProblemType.RESYNC, "same seq, other content")
        if message.seq != self.seq + 1:
            return refusal(ProblemType.RESYNC, f"seq {message.seq} after {self.seq}")
        return None

    def _snapshot(self, message: Snapshot, plain: bytes) -> Outcome:
        taken, refused, claimed = self._take(message.entries)
        if to_text(claimed) != message.state_hash:
            return refusal(ProblemType.RESYNC, "the sum is not that of the entries")
        kept = {
            key: digest
            for key, digest in self.rows.items()
            if key not in taken
            and (self.conflict or not message.kinds.get(key.kind, False) or key in {item.key for item in refused})
        }
        self.entries = {key: self.entries[key] for key in kept} | taken
        self.complete = dict(message.kinds)
        self.rows = kept | {key: entry_hash(entry) for key, entry in taken.items()}
        return self._apply(message.seq, plain, refused, [Kept(key, digest.hex()) for key, digest in kept.items()])

    def _delta(self, message: Delta, plain: bytes) -> Outcome:
        if message.base_hash != self.sum:
            return refusal(ProblemType.RESYNC, "the base is another")
        taken, refused, _ = self._take(message.upserts)
        self.complete |= message.kinds
        fought_for = [key for key in message.removes if self.conflict and key in self.rows]
        for key in set(message.removes).difference(fought_for):
            self.rows.pop(key, None)
            self.entries.pop(key, None)
        self.rows |= {key: entry_hash(entry) for key, entry in taken.items()}
        self.entries |= taken
        if not refused and not fought_for and self.sum != message.state_hash:
            raise AssertionError("a delta does not lead to the sum that it names")
        kept = [item.key for item in refused if item.key is not None and item.key in self.rows] + fought_for
        return self._apply(message.seq, plain, refused, [Kept(key, self.rows[key].hex()) for key in kept])

    def _take(self, raws: list[msgspec.Raw]) -> tuple[dict[EntryKey, Entry], list[Refused], int]:
        entries = [msgspec.json.decode(raw, type=Entry) for raw in raws]
        keys = [entry.entry_key for entry in entries]
        assert len(set(keys)) == len(keys), "a key stands twice in one message"
        refused = [
            Refused(index=index, key=entry.entry_key, reason="no")
            for index, entry in enumerate(entries)
            if self.refuses(entry)
        ]
        taken = {entry.entry_key: entry for entry in entries if not self.refuses(entry)}
        return taken, refused, total(map(entry_hash, entries))

    def _apply(self, seq: int, plain: bytes, refused: list[Refused], kept: list[Kept]) -> Applied:
        self.seq = seq
        self.applied += 1
        reply = Applied(seq=seq, state_hash=self.sum, server_time=self.clock, refused=refused, kept=kept)
        self._last = (hashlib.sha256(plain).digest(), reply)
        return reply

    def _heartbeat(self, message: Heartbeat) -> Outcome:
        if message.generation != self.generation:
            return refusal(ProblemType.HELLO)
        equal = (message.seq, message.state_hash) == (self.seq, self.sum)
        return HeartbeatReply(action="ok" if equal else "resync", server_time=self.clock)
