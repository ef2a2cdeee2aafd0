"""Hello, snapshot, delta, heartbeat: the agent's side of the protocol as a state machine without I/O.

``next`` says what to do now, ``observe`` takes in what a look found, ``answered`` what became of the message
that ``next`` gave. One message is under way at a time; one whose answer was lost is sent again as it
was. Nothing but hashes is kept: when something is to be told and its entry is no longer at hand, ``next`` asks
for another look, so a collector that is away for a day costs no memory, and the latest state wins.
``docs/wire-format.md`` has the protocol; ``agent.holdings`` says what ``lost_events`` counts.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import msgspec
import structlog

from agent import compose
from agent.backoff import delay
from agent.compose import Parcel, Stand
from agent.holdings import Holdings
from agent.observation import Observation
from agent.outcome import Outcome, Rejected, Reply, Unreachable
from agent.position import Position
from agent.spool import Spooled, spooled
from agent.toldclock import ToldClock
from agent.wire import Message
from protocol.entries import EntryKey, Kind
from protocol.messages import (
    Acknowledged,
    Applied,
    Backend,
    Engine,
    HeartbeatReply,
    Hello,
    HelloReply,
    Intervals,
    Snapshot,
)
from protocol.problems import ProblemType
from protocol.statehash import to_text
from protocol.version import HASH_VERSIONS, PROTOCOL, RELEASE

_log = structlog.stdlib.get_logger("agent.reporter")

CONFLICT_WAIT: Final = 60.0
"""Seconds that a superseded agent stays silent at the least."""
_NOTHING: Final = to_text(0)
"""The state hash of a register that holds nothing of the node."""
_MAX_BACKENDS: Final = 256
_MAX_PROBLEMS: Final = 100


@dataclass(frozen=True, slots=True, eq=False)
class Send:
    """Post ``message`` as ``name``, expect an answer of the type ``answer``, then call ``answered``.

    ``keys`` names its entries in their order; ``incomplete`` are the kinds that the register then calls so, ``cut``
    those of them of which only a part was sent. ``as_of`` is when the newest look began of which the register then
    knows all.
    """

    name: str
    message: Message
    answer: type[Reply]
    keys: tuple[EntryKey, ...] = ()
    incomplete: frozenset[Kind] = frozenset()
    cut: frozenset[Kind] = frozenset()
    as_of: float = float("-inf")


@dataclass(frozen=True, slots=True)
class Look:
    """Look at these entries, or at everything when None, and call ``observe``; call ``next`` again at ``until``."""

    keys: frozenset[EntryKey] | None
    until: float


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before ``until``, unless something is observed."""

    until: float


Step = Send | Look | Wait


@dataclass(frozen=True, slots=True)
class _Session:
    """What was agreed in hello, and what was told there."""

    generation: str
    intervals: Intervals
    engine: Engine
    backends: tuple[Backend, ...]


class Reporter:
    """One agent's conversation with the collectors. ``now`` is always in monotonic seconds.

    ``instance`` and ``boot_id`` are those of hello. ``wall`` gives seconds since 1970, ``draw`` random numbers from
    [0, 1). ``position`` and ``spool`` are what was kept over the last restart. ``room`` bounds a message's entries,
    in bytes.
    """

    def __init__(
        self,
        *,
        instance: str,
        boot_id: str,
        wall: Callable[[], float],
        draw: Callable[[], float],
        position: Position | None = None,
        spool: Spooled | None = None,
        room: int = compose.ROOM,
    ) -> None:
        self.position = position
        """What is to be kept over a restart."""
        self.engine = Engine()
        """The engine as it is now; a change is told in a new hello."""
        self.hash_version = HASH_VERSIONS[-1]
        """How observations are to be hashed."""
        self.holdings = Holdings()
        self._spool = spool or Spooled()
        self.holdings.lost = self._spool.lost
        self.failures = 0
        """How many messages in a row were not acknowledged."""
        self._instance, self._boot_id, self._draw = instance, boot_id, draw
        self._clock = ToldClock(wall)
        self._room = room
        self._attempt = 0
        self._session: _Session | None = None
        self._seq = 0
        self._resync = True
        self._outbox: Send | None = None
        self._latest: Observation | None = None
        self._listed_at: float | None = None
        self._told_at = float("-inf")
        self._enumerated_at = 0.0
        self._backends: tuple[Backend, ...] = ()
        self._problems: tuple[str, ...] = ()
        self._incomplete: frozenset[Kind] = frozenset()
        self._told_incomplete: frozenset[Kind] = frozenset()
        self._not_before = 0.0
        self._mismatches = 0
        self._beat_at = 0.0
        self._beats = 0

    @property
    def relist(self) -> float:
        """Seconds between full looks that the collector asks for; 0 before it was heard."""
        return self._session.intervals.relist if self._session else 0.0

    @property
    def heartbeat(self) -> float:
        """Seconds between heartbeats that the collector asks for; 0 before it was heard."""
        return self._session.intervals.heartbeat if self._session else 0.0

    @property
    def generation(self) -> str | None:
        """The present generation, None before a hello was answered."""
        return self._session.generation if self._session is not None else None

    @property
    def greeted(self) -> bool:
        """Whether the collector knows this agent."""
        return self._session is not None

    @property
    def in_step(self) -> bool:
        """Whether all that was seen has been acknowledged (or refused), and no answer is awaited."""
        told = not self._resync and self._incomplete == self._told_incomplete and not self.holdings.dirty
        return told and self._session is not None and self._outbox is None

    def to_spool(self) -> Spooled:
        """Return what is to be kept in case the agent ends: while a collector answers only the count."""
        if self._listed_at is None:
            return self._spool
        untold = self.holdings.untold() if self.failures else {}
        return spooled(self.holdings.lost, self.hash_version, untold)

    def observe(self, observation: Observation, now: float) -> None:
        """Take in what a look found. One that was hashed in another version says nothing."""
        if observation.hash_version != self.hash_version:
            return
        if observation.asked is None:
            self._enumerated_at = observation.at
            self._backends = observation.backends[:_MAX_BACKENDS]
            self._incomplete = frozenset(kind for kind in Kind if not observation.complete.get(kind, False))
        elif self._listed_at is None:
            return  # what a first full look has not found cannot be compared
        if self._listed_at is None:
            self.holdings.lost += self._spool.lost_by(observation.hash_version, observation.hashes)
        elif self._outbox is None and not (self._resync or self.holdings.dirty):
            self._told_at = self._listed_at
        self._listed_at = observation.at
        self._problems = observation.problems[:_MAX_PROBLEMS]
        self.holdings.observe(observation)
        # While nothing can be told entries would only take up memory; a first hello is short, and what was observed
        # is needed right after it.
        greeting = self._outbox is not None and self._outbox.name == "hello" and self.failures == 0
        if (self._outbox is None or greeting) and now >= self._not_before:
            self._latest = observation if self._latest is None else self._latest.then(observation)

    def next(self, now: float) -> Step:
        """Return what to do now. After a ``Send``, ``answered`` comes before the next call."""
        if now < self._not_before:
            return Wait(self._not_before)
        if self._outbox is None:
            step = self._greet(now) if self._session is None else self._report(self._session, now)
            if not isinstance(step, Send):
                return step
            self._outbox = step
        elif isinstance(self._outbox.message, Hello):
            # It is known by its attempt, and the register takes the clock's skew from it.
            fresh = msgspec.structs.replace(self._outbox.message, clock=self._clock.tell(now))
            self._outbox = replace(self._outbox, message=fresh)
        return self._outbox

    def answered(self, outcome: Outcome, now: float) -> None:
        """Take in what became of the message that ``next`` gave last."""
        sent = self._outbox
        if sent is None:
            raise RuntimeError("an answer came, and no message is under way")
        match outcome:
            case HelloReply():
                self._greeted(sent, outcome, now)
            case Applied():
                self._applied(sent, outcome, now)
            case HeartbeatReply(action=action):
                self._succeeded()
                if action == "resync":
                    self._start_over("the collector wants a snapshot")
                else:
                    self._clock.taken()
            case Rejected():
                self._rejected(sent, outcome, now)
            case Unreachable(detail=detail):
                _log.warning("no collector answers", why=detail)
                self._failed(now)
        self._beat_at = now + (self._session.intervals.heartbeat if self._session else 0.0)
        if isinstance(outcome, Rejected | Unreachable):
            self._latest = None
            if sent.name == "heartbeat":
                self._outbox = None  # a later one says more

    def _greet(self, now: float) -> Step:
        if self._listed_at is None:
            return Look(None, float("inf"))
        self._clock.begin()
        hello = Hello(
            protocol=PROTOCOL,
            instance=self._instance,
            attempt=self._attempt,
            boot_id=self._boot_id,
            agent=RELEASE,
            hash_versions=list(HASH_VERSIONS),
            clock=self._clock.tell(now),
            engine=self.engine,
            backends=list(self._backends),
            acknowledged=self.position.acknowledged if self.position else None,
            lost_events=self.holdings.lost,
        )
        return Send("hello", hello, HelloReply)

    def _report(self, session: _Session, now: float) -> Step:
        if (session.engine, session.backends) != (self.engine, self._backends):
            self._hang_up()
            return self._greet(now)
        stand = self._stand(session, now)
        look = self._latest
        parcel: Parcel | None = None
        kinds = self._kinds_to_tell()
        if self._resync:
            if look is not None and look.asked is None:
                parcel = compose.snapshot(stand, look, self.holdings, self._room)
        elif self.holdings.dirty or kinds:
            parcel = compose.delta(stand, look, self.holdings, self._room, kinds)
        else:
            self._latest = None
        if parcel is not None:
            return self._sent(parcel, kinds)
        if now >= self._beat_at:
            self._beats += 1
            beat = compose.heartbeat(stand, self.holdings, self._beats, self._clock.tell(now))
            return Send("heartbeat", beat, HeartbeatReply)
        if self._resync or self.holdings.dirty:
            return Look(None if self._resync else frozenset(self.holdings.dirty), self._beat_at)
        return Wait(self._beat_at)

    def _sent(self, parcel: Parcel, kinds: dict[Kind, bool]) -> Send:
        self.holdings.promise(parcel.changes)
        if isinstance(parcel.message, Snapshot):
            incomplete = self._incomplete | parcel.cut
            return Send("snapshot", parcel.message, Applied, parcel.keys, incomplete, parcel.cut, parcel.as_of)
        told = {kind: kind in self._told_incomplete for kind in Kind} | {kind: not kinds[kind] for kind in kinds}
        incomplete = frozenset(kind for kind, so in told.items() if so)
        return Send("delta", parcel.message, Applied, parcel.keys, incomplete, as_of=parcel.as_of)

    def _kinds_to_tell(self) -> dict[Kind, bool]:
        """Return the kinds whose completeness the register does not know, as far as a delta may tell it now.

        One that can no longer be enumerated is told at once; one that is complete when the register holds just that.
        """
        lost = dict.fromkeys(self._incomplete - self._told_incomplete, False)
        if self.holdings.dirty:
            return lost
        found = self._told_incomplete - self._incomplete
        return lost | {kind: True for kind in sorted(found) if self.holdings.whole(kind)}

    def _stand(self, session: _Session, now: float) -> Stand:
        seen_at = self._told_at if self._listed_at is None else self._listed_at
        clock = self._clock.at(now)
        return Stand(session.generation, self._seq, now, seen_at, self._told_at, clock, self._problems)

    def _greeted(self, sent: Send, reply: HelloReply, now: float) -> None:
        self._succeeded()
        if reply.hash_version not in HASH_VERSIONS or not isinstance(sent.message, Hello):
            _log.error("the collector counts in a hash version unknown here", version=reply.hash_version)
            self._failed(now, CONFLICT_WAIT)
            return
        told = sent.message
        self._session = _Session(reply.generation, reply.intervals, told.engine, tuple(told.backends))
        self._seq = reply.last_seq
        self._told_incomplete = frozenset(reply.incomplete)
        self._acknowledge(reply.generation, reply.server_time)
        if reply.hash_version != self.hash_version:
            self.hash_version, self._latest = reply.hash_version, None
            self.holdings.forget_seen()
            return
        self._resync = reply.last_hash != to_text(self.holdings.seen_sum())
        if not self._resync:
            self.holdings.adopt_seen()
        elif reply.last_hash != _NOTHING:
            # Another agent may have told of entries after this one looked: a snapshot without them would end them.
            self._latest = None

    def _applied(self, sent: Send, reply: Applied, now: float) -> None:
        self._succeeded()
        self._seq += 1
        self._told_at = max(self._told_at, sent.as_of)
        refused = {sent.keys[item.index] for item in reply.refused if 0 <= item.index < len(sent.keys)}
        for item in reply.refused:
            _log.warning("the collector refused an entry", key=item.key, why=item.reason)
        # A look after the one that a snapshot was made from knows of all that the register kept.
        later = isinstance(sent.message, Snapshot) and self._enumerated_at > sent.as_of
        enumerated = frozenset(Kind) if later else sent.cut
        self.holdings.settle(refused, reply.kept, enumerated - self._incomplete)
        self._told_incomplete = sent.incomplete
        if isinstance(sent.message, Snapshot):
            self._resync = False
        if self._session is not None:
            self._acknowledge(self._session.generation, reply.server_time)
        if (reply.seq, reply.state_hash) == (self._seq, to_text(self.holdings.sum)):
            self._mismatches = 0
        else:
            self._mismatches += 1
            self._not_before = now + delay(self._mismatches, self._draw())
            self._start_over("the register's sum is another")

    def _rejected(self, sent: Send, refusal: Rejected, now: float) -> None:
        at_least = refusal.retry_after
        match refusal.type:
            case ProblemType.HELLO:
                self._hang_up()
            case ProblemType.RESYNC:
                self._start_over(refusal.detail)
            case ProblemType.CONFLICT:
                self._hang_up()
                at_least = max(at_least, CONFLICT_WAIT)
            case ProblemType.TOO_LARGE:
                self._room //= 2
                self._start_over(refusal.detail)
            case ProblemType.BAD_REQUEST:
                self._hang_up()
            case _:
                pass  # busy, unavailable, a token that is not (yet) known: the same message again, later
        _log.warning("a message was rejected", message=sent.name, status=refusal.status, why=refusal.detail)
        self._failed(now, at_least)

    def _acknowledge(self, generation: str, server_time: float) -> None:
        self.position = Position(Acknowledged(generation, self._seq, server_time))

    def _succeeded(self) -> None:
        self._outbox = None
        self.failures = 0

    def _failed(self, now: float, at_least: float = 0.0) -> None:
        self.failures += 1
        self._not_before = now + delay(self.failures, self._draw(), at_least=at_least)

    def _hang_up(self) -> None:
        """End the session: the next message is a hello of its own."""
        self._session = None
        self._attempt += 1
        self._start_over("the session ended")

    def _start_over(self, why: str) -> None:
        """Give up the message under way: the next one is a snapshot."""
        _log.info("a snapshot is due", why=why)
        self._outbox = None
        self._resync = True
        self.holdings.start_over()
