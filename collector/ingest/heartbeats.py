"""Heartbeats of many nodes, gathered and written by one statement a second; sooner when many came, or nobody else."""

import asyncio
import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from time import monotonic
from typing import Final, NamedTuple

from collector.errors import ProblemError
from collector.ingest import rules
from collector.store import heartbeats
from collector.store.engine import Database
from collector.store.heartbeats import Taken
from collector.store.nodes import NodeIdentity
from protocol.messages import Heartbeat, HeartbeatReply
from protocol.problems import ProblemType

ENOUGH: Final = 500
"""When so many have come, nothing is gained by gathering more: they only wait. What is more goes with the next
statement, so that PostgreSQL writes some while the collector answers and reads others: all at once, each would wait for
the other."""
_LOOKS: Final = 4
"""So often it is looked whether more are coming, while they are gathered: who comes last does not wait for nobody."""
_LONGEST: Final = rules.LONGEST.total_seconds()


class _Question(NamedTuple):
    """What a heartbeat asks: two that ask the same get the same answer."""

    cluster: str
    node: str
    generation: str
    seq: int
    state_hash: str


@dataclass(slots=True)
class _Waiting:
    """The first message that asked, when, and everybody who waits for the answer."""

    message: Heartbeat
    since: float
    answers: list[asyncio.Future[HeartbeatReply]] = field(default_factory=list)


class HeartbeatBatcher:
    """Gathers heartbeats; use ``start`` and ``stop`` around it.

    ``every`` is the longest time over which ``enough`` are gathered, ``silent_after`` as in ``Policy``; in seconds.
    Answers come after the commit. ``statements`` counts what was asked of the database.
    """

    def __init__(self, database: Database, silent_after: float, every: float = 1.0, *, enough: int = ENOUGH) -> None:
        self.statements = 0
        self._database, self._silent_after, self._every, self._enough = database, silent_after, every, enough
        self._waiting: dict[_Question, _Waiting] = {}
        self._something = asyncio.Event()
        self._at_once = asyncio.Event()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._run(), name="heartbeats")

    @property
    def running(self) -> bool:
        """Whether heartbeats are taken in."""
        return self._task is not None and not self._task.done()

    async def stop(self) -> None:
        """Write what is there, and take no more.

        Raises:
            Exception: what ended the writing before, if anything did.
        """
        self._stopping.set()
        self._something.set()
        self._at_once.set()
        if self._task is not None:
            await self._task

    async def beat(self, identity: NodeIdentity, message: Heartbeat) -> HeartbeatReply:
        """Take in one heartbeat; returns when it is committed.

        Raises:
            ProblemError: ``hello``, ``unavailable`` while it stops, and what the store raises.
        """
        if self._stopping.is_set() or self._task is None or self._task.done():
            raise ProblemError(ProblemType.UNAVAILABLE, "the collector is stopping", retry_after=1)
        question = _Question(identity.cluster, identity.node, message.generation, message.seq, message.state_hash)
        waiting = self._waiting.get(question)
        if waiting is None:
            waiting = self._waiting[question] = _Waiting(message, monotonic())
            self._something.set()
            if len(self._waiting) >= self._enough:
                self._at_once.set()
        # Each has an answer of its own: one of several who ask the same may go away.
        answer: asyncio.Future[HeartbeatReply] = asyncio.get_running_loop().create_future()
        waiting.answers.append(answer)
        return await answer

    async def _run(self) -> None:
        while not self._stopping.is_set() or self._waiting:
            await self._something.wait()
            await self._gathered()
            due = len(self._waiting)
            while due > 0:
                due -= await self._flush()

    async def _gathered(self) -> None:
        """Wait until enough have come, or the time is over, or nobody comes any more."""
        for _ in range(_LOOKS):
            there = len(self._waiting)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._at_once.wait(), self._every / _LOOKS)
            if self._at_once.is_set() or len(self._waiting) == there:
                return

    async def _flush(self) -> int:
        """Write those that wait for longest, ``enough`` at the most; return how many they are."""
        questions = list(islice(self._waiting, self._enough))
        batch = {question: self._waiting.pop(question) for question in questions}
        if not self._stopping.is_set():
            if not self._waiting:
                self._something.clear()
            if len(self._waiting) < self._enough:
                self._at_once.clear()
        try:
            async with self._database.heartbeats() as writer:
                self.statements += 1
                now = monotonic()
                beats = [_beat(place, now, *one) for place, one in enumerate(batch.items())]
                taken = await heartbeats.flush(writer, beats, self._silent_after)
        except Exception as exc:  # whoever waits gets it, and the next batch its chance
            for answer in _unanswered(batch.values()):
                answer.set_exception(exc)
        else:
            _answer(batch.values(), taken)
        return len(batch)


def _answer(batch: Iterable[_Waiting], taken: Taken) -> None:
    """Tell everybody what became of their heartbeats."""
    now = taken.now.timestamp()
    heard = HeartbeatReply(action="ok", server_time=now)
    unlike = HeartbeatReply(action="resync", server_time=now)
    for place, waiting in enumerate(batch):
        for answer in _unanswered((waiting,)):
            if place in taken.unknown:
                answer.set_exception(_unknown())
            else:
                answer.set_result(unlike if place in taken.unlike else heard)


def _unanswered(waiting: Iterable[_Waiting]) -> Iterator[asyncio.Future[HeartbeatReply]]:
    """Yield the answers of those who still wait."""
    for one in waiting:
        yield from (answer for answer in one.answers if not answer.done())


def _unknown() -> ProblemError:
    return ProblemError(ProblemType.HELLO, "the generation is not the node's current one; say hello again")


def _beat(place: int, now: float, question: _Question, waiting: _Waiting) -> heartbeats.Beat:
    message = waiting.message
    return heartbeats.Beat(
        place=place,
        cluster=question.cluster,
        node=question.node,
        generation=message.generation,
        seq=message.seq,
        state_hash=bytes.fromhex(message.state_hash),
        clock=message.clock,
        listed_ago=min(max(0.0, message.listed_ago), _LONGEST),
        waited=now - waiting.since,
        lost_events=heartbeats.countable(message.lost_events),
        beat=heartbeats.countable(message.beat),
    )
