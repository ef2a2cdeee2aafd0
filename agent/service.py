"""The agent as a whole: tasks that follow events, look at the node, and report to a collector; a manager's roster too.

Blocking work is done in threads; what they share (hints, the reporter) is touched only in the event loop. A task
that fails for a reason that is not foreseen ends the service with that error: an agent that went on without it would
report a node that it no longer watches.
"""

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final, NoReturn, Protocol

import structlog

from agent import memory
from agent.backoff import delay, draw
from agent.client import CollectorClient
from agent.config import Config
from agent.credential import exposure, read_token
from agent.enrolment import Enrolling, IdentityFile, join_secret
from agent.errors import AgentError, EngineError
from agent.following import REST, Follower, Source
from agent.health import HealthFile
from agent.hints import Hints, Wanted
from agent.lookout import Lookout
from agent.measuring import Measuring
from agent.observation import Observation
from agent.outcome import Outcome, Rejected, Reply, Unreachable
from agent.position import PositionFile
from agent.reporter import Look, Reporter, Send, Wait
from agent.spool import SpoolFile
from agent.wire import Body, encode
from protocol.messages import Engine
from protocol.roster import Roster, RosterReply
from protocol.usage import Usage, UsageReply

_log = structlog.stdlib.get_logger("agent.service")

HURRY: Final = 10.0
"""After a hint at everything the pause before the next full look is only so many times its CPU time."""
_LONGEST_SLEEP: Final = 30.0
_UNHEARD: Final = 1.0
"""Seconds between two looks whether a collector was heard, which a roster waits for."""


class Collector(Protocol):
    """Where messages go: ``agent.client.CollectorClient``."""

    async def post(self, name: str, body: Body, answer: type[Reply]) -> Outcome:
        """Send a message and return what became of it."""


class Eyes(Source, Protocol):
    """What sees the node: ``agent.lookout.Lookout``."""

    @property
    def engine(self) -> Engine:
        """What is known of the engine now."""

    @property
    def host_root(self) -> str:
        """Where the host's / is seen now."""

    def look(self, ids: frozenset[str] | None, hash_version: int) -> Observation:
        """Look at these containers, or at everything. Blocking; raises EngineError."""


@dataclass(frozen=True, slots=True)
class _Looked:
    observation: Observation
    cpu_seconds: float


async def run(config: Config) -> NoReturn:
    """Watch this node and report it, until cancelled.

    Raises:
        ConfigError: the configuration cannot be used.
        AgentError: something happened after which going on makes no sense.
    """
    config.check()
    if warning := exposure(config):
        _log.warning("the token is exposed", what_to_do=warning)
    positions = PositionFile(config.state_dir)
    reporter = Reporter(
        instance=secrets.token_hex(16),
        boot_id=_boot_id(),
        wall=time.time,
        draw=draw,
        position=positions.load(),
        spool=SpoolFile(config.state_dir).load(),
    )
    with Lookout(config) as lookout:
        async with _collector(config, lookout) as collector:
            await Service(config, reporter, lookout, collector, positions, roster=lookout.roster).run()


@contextlib.asynccontextmanager
async def _collector(config: Config, lookout: Lookout) -> AsyncIterator[Collector]:
    """Open the way to the collectors, with the token that was given or with one that the agent enrols."""

    def client(token: Callable[[], str]) -> CollectorClient:
        return CollectorClient(config.collectors, token, ca_file=config.ca_file, timeout=config.collector_timeout)

    if not config.join_secret_file:
        async with client(lambda: read_token(config)) as only:
            yield only
        return
    enrolling = Enrolling(
        IdentityFile(config.state_dir), lambda: lookout.engine, cluster=config.cluster, node=config.node
    )
    async with client(enrolling.token) as poster, client(join_secret(config.join_secret_file)) as joiner:
        yield enrolling.over(poster, joiner)


def _boot_id() -> str:
    """Return the kernel's identifier of this boot, ``""`` where there is none."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


class Service:
    """The tasks, and what they share. ``run`` once."""

    def __init__(
        self,
        config: Config,
        reporter: Reporter,
        eyes: Eyes,
        collector: Collector,
        positions: PositionFile,
        *,
        roster: Callable[[], Roster | None] = lambda: None,
    ) -> None:
        self._config, self._reporter, self._eyes, self._collector = config, reporter, eyes, collector
        self._spool = SpoolFile(config.state_dir)
        self._positions, self._health = positions, HealthFile(config.state_dir)
        self._roster = roster
        self._hints = Hints()
        self._observed = asyncio.Event()
        self._manager = asyncio.Event()  # set while this node is one
        self._line = asyncio.Lock()  # one request of an agent is under way at a time
        share = config.measure_share
        self._measuring = Measuring(share, config.host_root, every=config.usage) if share else None

    async def run(self) -> NoReturn:
        """Run until cancelled, or until a task fails.

        Raises:
            AgentError: the first failure that has a sentence; others leave as an exception group.
        """
        follower = Follower(self._eyes, self._hints, files_only=not self._config.docker_host, poll=self._config.poll)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(follower.run(), name="follow")
                tasks.create_task(self._watch(), name="watch")
                tasks.create_task(self._report(), name="report")
                if self._measuring is not None:
                    tasks.create_task(self._measure(self._measuring), name="measure")
                tasks.create_task(self._call_the_roll(), name="roster")
        except ExceptionGroup as group:
            foreseen, faults = group.split(AgentError)
            if foreseen is None or faults is not None:
                raise
            raise AgentError("; ".join(map(str, foreseen.exceptions))) from group
        raise RuntimeError("every task of the agent has ended")

    async def _watch(self) -> NoReturn:
        """Look where the hints say, and at everything from time to time."""
        # The first full look is asked for by the follower, once it has subscribed: what happens meanwhile is seen.
        due, full_from, failures = float("inf"), 0.0, 0
        while True:
            wanted = await self._hints.wanted(due=due, full_from=full_from)
            try:
                looked = await asyncio.to_thread(self._look, wanted)
            except EngineError as exc:
                failures += 1
                _log.warning("the node cannot be looked at", why=str(exc))
                self._hints.everything()
                due = full_from = time.monotonic() + delay(failures, draw(), at_least=0.2)
                continue
            failures = 0
            now = time.monotonic()
            self._take_up(self._eyes.engine)
            self._reporter.observe(looked.observation, now)
            self._observed.set()
            if self._measuring is not None:
                self._measuring.observe(looked.observation, self._eyes.host_root)
            if wanted.ids is None:
                due = now + max(self._config.relist, self._reporter.relist, REST * looked.cpu_seconds)
                full_from = now + HURRY * looked.cpu_seconds
            del looked  # or it would lie here, in its full size, until the next look
            if wanted.ids is None:
                await asyncio.to_thread(memory.give_back)

    def _take_up(self, engine: Engine) -> None:
        self._reporter.engine = engine
        if engine.manager:
            self._manager.set()
        else:
            self._manager.clear()

    def _look(self, wanted: Wanted) -> _Looked:
        began = time.thread_time()
        observation = self._eyes.look(wanted.ids, self._reporter.hash_version)
        return _Looked(observation, time.thread_time() - began)

    async def _report(self) -> NoReturn:
        """Do what the reporter says."""
        await asyncio.sleep(draw() * self._config.start_spread)
        kept, kept_spool = self._reporter.position, self._reporter.to_spool()
        body: tuple[Send, Body] | None = None
        while True:
            self._observed.clear()
            if (untold := self._reporter.to_spool()) != kept_spool:
                kept_spool = untold
                await asyncio.to_thread(self._spool.save, untold)
            step = self._reporter.next(time.monotonic())
            match step:
                case Send():
                    if body is None or body[0] is not step:
                        body = step, await asyncio.to_thread(encode, step.message)
                    outcome = await self._post(step.name, body[1], step.answer)
                    self._reporter.answered(outcome, time.monotonic())
                    if self._reporter.position is not None and self._reporter.position != kept:
                        kept = self._reporter.position
                        await asyncio.to_thread(self._positions.save, kept)
                case Look(keys=keys, until=until):
                    self._hints.keys(keys)
                    await self._sleep(until)
                case Wait(until=until):
                    await self._sleep(until)
            await asyncio.to_thread(self._health.beat, self._standing())

    async def _post(self, name: str, body: Body, answer: type[Reply]) -> Outcome:
        async with self._line:
            return await self._collector.post(name, body, answer)

    async def _measure(self, measuring: Measuring) -> NoReturn:
        """Measure, and tell what was measured while the collector knows the rest."""

        async def send(message: Usage) -> Outcome:
            return await self._post("usage", await asyncio.to_thread(encode, message), UsageReply)

        measuring.start()
        try:
            await measuring.run(lambda: self._reporter.generation if self._reporter.in_step else None, send)
        finally:
            measuring.stop()

    async def _call_the_roll(self) -> NoReturn:
        """Send the roster from time to time, while this node is a manager and the collector knows the node."""
        while True:
            await self._manager.wait()  # a worker, most of a Swarm, is not woken for it
            await asyncio.sleep(min(self._config.roster, self._reporter.heartbeat or _UNHEARD))
            if not self._reporter.greeted:
                continue
            try:
                roster = await asyncio.to_thread(self._roster)
            except EngineError as exc:
                _log.warning("the roster cannot be read", why=str(exc))
                continue
            if roster is None:
                continue
            body = await asyncio.to_thread(encode, roster)
            outcome = await self._post("roster", body, RosterReply)
            if isinstance(outcome, Rejected | Unreachable):
                _log.warning("the roster was not taken", why=outcome.detail)

    async def _sleep(self, until: float) -> None:
        """Wait until something is observed, or that time has come."""
        try:
            async with asyncio.timeout(min(until - time.monotonic(), _LONGEST_SLEEP)):
                await self._observed.wait()
        except TimeoutError:
            return

    def _standing(self) -> str:
        if self._reporter.failures:
            return f"{self._reporter.failures} messages in a row were not acknowledged by a collector"
        return "the collector has acknowledged everything" if self._reporter.in_step else "a collector is being told"
