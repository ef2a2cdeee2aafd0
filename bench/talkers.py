"""Simulated agents that say one message at a time, when a measurement wants it: the real reporter, made to wait."""

import secrets
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from random import Random

import msgspec

from agent.reporter import Reporter, Send
from agent.wire import encode
from bench import load
from bench.load import Job
from mountbook.simulate.node import SimulatedNode, World
from protocol.messages import API, HeartbeatReply


class Talker:
    """The agent of one node."""

    def __init__(self, node: SimulatedNode, token: str, random: Random) -> None:
        self.node, self.token = node, token
        self._random = random
        self._reporter = Reporter(
            instance=secrets.token_hex(16), boot_id=secrets.token_hex(16), wall=time.time, draw=random.random
        )
        self._reporter.engine = node.engine
        self._look(None)

    def _look(self, ids: frozenset[str] | None) -> None:
        now = time.monotonic()
        self._reporter.observe(self.node.look(ids, now, self._reporter.hash_version), now)

    def change(self) -> None:
        """Let something happen on the node, and look at it."""
        change = self.node.change(self._random)
        if change is not None:
            self._look(frozenset({change.container_id}))

    def say(self, *names: str) -> Iterator[Job]:
        """Yield messages as long as the next is one of these, each when the one before was answered."""
        while True:
            step = self._reporter.next(time.monotonic())
            if not isinstance(step, Send) or step.name not in names:
                return
            yield _Said(self, step, self._request(step))

    def changes(self, count: int) -> Iterator[Job]:
        """Yield so many changes, each a delta."""
        for _ in range(count):
            self.change()
            yield from self.say("delta")

    def heartbeat(self) -> bytes:
        """Return a heartbeat as a whole request; the agent has told everything.

        It bears no number: who sends it again means another one each time.
        """
        step = self._reporter.next(time.monotonic() + 3600)
        if not isinstance(step, Send) or step.name != "heartbeat":
            raise RuntimeError("the agent has more to say than that nothing has changed")
        self._reporter.answered(HeartbeatReply(action="ok", server_time=time.time()), time.monotonic())
        return self._request(replace(step, message=msgspec.structs.replace(step.message, beat=0)))

    def _request(self, step: Send) -> bytes:
        body = encode(step.message)
        return load.post(f"{API}/{step.name}", self.token, body.data, body.encoding)

    def answered(self, step: Send, status: int, body: bytes) -> None:
        """Take the answer of a message.

        Raises:
            RuntimeError: it was rejected.
        """
        if status != 200:
            raise RuntimeError(f"{step.name} was rejected with {status}: {body[:300].decode(errors='replace')}")
        self._reporter.answered(msgspec.json.decode(body, type=step.answer), time.monotonic())


@dataclass(frozen=True, slots=True)
class _Said:
    talker: Talker
    step: Send
    data: bytes

    def request(self) -> bytes:
        return self.data

    def answered(self, status: int, body: bytes) -> None:
        self.talker.answered(self.step, status, body)


def nodes(world: World, count: int, containers: int, first: int = 0) -> list[SimulatedNode]:
    """Return simulated nodes by their numbers."""
    return [SimulatedNode(world, number, containers) for number in range(first, first + count)]


def lanes(jobs: Iterable[Iterator[Job]], width: int) -> list[Iterator[Job]]:
    """Spread conversations over so many connections, each to be had from its begin to its end."""
    waiting = iter(jobs)

    def lane() -> Iterator[Job]:
        for conversation in waiting:
            yield from conversation

    return [lane() for _ in range(width)]


def some(talkers: list[Talker], count: int, random: Random) -> Iterator[Talker]:
    """Yield so many of the agents, spread over all."""
    yield from islice(random.sample(talkers, len(talkers)), count)
