"""``mountbook simulate``: nodes report, changes and faults happen, and in the end both sides are compared."""

import asyncio
import os
import resource
import signal
import tempfile
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mountbook.errors import UserError
from mountbook.local import logfile
from mountbook.simulate import proc
from mountbook.simulate.fleet import Fleet, frozen_garbage, nodes
from mountbook.simulate.happenings import Happenings
from mountbook.simulate.node import World
from mountbook.simulate.options import Options, Phase
from mountbook.simulate.probe import Prober
from mountbook.simulate.register import Register
from mountbook.simulate.stage import CLUSTER, Stage, staged
from mountbook.simulate.summary import PhaseResult, Summary, Times

Say = Callable[[str], None]

_SPARE_FILES: Final = 200
"""Open files beside one connection for each agent."""
_AGAIN: Final = 0.5
"""Seconds between two comparisons of both sides."""


def run(options: Options, say: Say, every: float = 5.0) -> Summary:
    """Run a simulation and return what it found.

    ``say`` takes a line about how far it has come, at most one in ``every`` seconds.

    Raises:
        UserError: it cannot be run; the sentence says why.
        KeyboardInterrupt: it was told to end before its time.
    """
    options.check()
    allow_files(options.nodes + _SPARE_FILES)
    with tempfile.TemporaryDirectory(prefix="mountbook-simulate-") as folder:
        logfile.open_log(Path(folder, "agents.log"))
        empty = Path(folder, "empty")
        empty.mkdir()
        try:
            return asyncio.run(_until_told(_Simulation(options, say, every).run(World(options.seed, str(empty)))))
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None


async def _until_told(simulation: Coroutine[Any, Any, Summary]) -> Summary:
    """Run it; a SIGTERM cancels it as a Ctrl-C does: what it started must not outlive this process.

    Also where SIGINT is ignored: a shell starts what is in the background so.
    """
    task = asyncio.ensure_future(simulation)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await task


def allow_files(number: int) -> None:
    """Raise this process's limit of open files, one connection for each agent.

    Raises:
        UserError: the system does not allow so many.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= number:
        return
    if hard < number:
        raise UserError(f"Each agent needs a connection, and only {hard} files may be open: `ulimit -Hn` says so.")
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, hard))


class _Simulation:
    """One simulation under way."""

    def __init__(self, options: Options, say: Say, every: float) -> None:
        self._options, self._say, self._every = options, say, every
        self._doing = ""
        self._began = time.monotonic()

    async def run(self, world: World) -> Summary:
        """Start everything, simulate, and end everything."""
        options = self._options
        ids = [node.id for node in nodes(options, world)]
        async with staged(options, ids) as stage:
            fleet = Fleet.made(options, world, [stage.tokens[node] for node in ids], stage.url)
            prober = Prober(stage.url, stage.operator, options.probes, options.settle)
            tasks = [asyncio.create_task(work) for work in (self._progress(fleet), prober.run())]
            try:
                with frozen_garbage() as freeze:
                    return await self._simulate(stage, fleet, prober, freeze)
            finally:
                await _ended(tasks)
                await fleet.stop()

    async def _simulate(self, stage: Stage, fleet: Fleet, prober: Prober, freeze: Callable[[], None]) -> Summary:
        options = self._options
        wal = await _wal_bytes(stage)
        load_seconds = await self._first_reports(fleet)
        freeze()
        happenings = Happenings(options.faults, options.seconds, stage, fleet)
        ran = []
        fleet.weather.begin(options.faults)
        happening = asyncio.create_task(happenings.run())
        try:
            for phase in options.phases:
                self._doing = f"{phase.rate:g} changes/s"
                ran.append(await _phase(phase, stage, fleet, prober))
            self._doing = "convergence"
            await happening
        finally:
            await _ended([happening])
        converge_seconds, differing = await self._converge(stage, fleet)
        await prober.settled()
        async with Register(stage.database) as register:
            missing = await register.missing(CLUSTER, fleet.told.versions)
            entries = await register.entries(CLUSTER)
            wal = await register.wal_bytes() - wal
        traffic = fleet.traffic
        return Summary(
            nodes=options.nodes,
            containers=options.containers,
            entries=entries,
            seed=options.seed,
            faults=str(options.faults),
            load_seconds=round(load_seconds, 3),
            phases=[one.result(fleet, prober) for one in ran],
            requests=dict(traffic.requests),
            rejections=dict(traffic.rejections),
            unreachable=dict(traffic.unreachable),
            faults_seen=dict(traffic.faults),
            converged=not differing,
            converge_seconds=round(converge_seconds, 3),
            differing=differing,
            recovery_seconds=happenings.recovery,
            acknowledged_versions=len(fleet.told.versions),
            missing=missing,
            unanswered=prober.unanswered,
            overtaken=fleet.lost,
            collector_rss_mib=round(proc.rss_mib(stage.collector), 1) if stage.collector else None,
            collector_peak_mib=round(max(stage.peak, proc.peak_mib(stage.collector)), 1) if stage.collector else None,
            simulator_rss_mib=round(proc.rss_mib(os.getpid()), 1),
            wal_bytes=wal,
            load_average=round(proc.load_average(), 2),
        )

    async def _first_reports(self, fleet: Fleet) -> float:
        self._doing = "first reports"
        began = time.monotonic()
        fleet.start()
        limit = self._options.settle + self._options.heartbeat
        if not await fleet.all_in_step(limit):
            raise UserError(
                f"{len(fleet.agents) - fleet.in_step} of {len(fleet.agents)} agents have not told everything after "
                f"{limit:.0f} s; try fewer --nodes, or a longer --settle."
            )
        return time.monotonic() - began

    async def _converge(self, stage: Stage, fleet: Fleet) -> tuple[float, list[str]]:
        """End all faults, and wait until both sides agree; return how long it took, and who differs after all."""
        began = time.monotonic()
        fleet.weather.clear()
        fleet.cut(0.0)
        await fleet.weather.settled()
        if self._options.faults.amount("drop-events"):
            fleet.relist()
        while True:
            left = self._options.settle - (time.monotonic() - began)
            await fleet.all_in_step(max(0.0, left))
            seconds = time.monotonic() - began
            differing = await _differing(stage, fleet)
            if not differing or seconds >= self._options.settle:
                return seconds, differing
            await asyncio.sleep(_AGAIN)

    async def _progress(self, fleet: Fleet) -> None:
        while True:
            await asyncio.sleep(self._every)
            traffic = fleet.traffic
            seconds = time.monotonic() - self._began
            self._say(
                f"{seconds:5.0f} s  {self._doing:<16} {fleet.in_step:,}/{len(fleet.agents):,} in step, "
                f"{fleet.changes:,} changes, {traffic.requests.total():,} requests, "
                f"{traffic.rejections.total():,} rejected, {traffic.unreachable.total():,} unanswered"
            )


async def _ended(tasks: "list[asyncio.Task[None]]") -> None:
    """Cancel tasks, and raise what one of them ended with before."""
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, Exception):
            raise outcome


async def _wal_bytes(stage: Stage) -> int:
    if stage.postmaster is None and not stage.options.database:
        return 0  # it was killed, and comes back in a moment
    async with Register(stage.database) as register:
        return await register.wal_bytes()


async def _differing(stage: Stage, fleet: Fleet) -> list[str]:
    """Return the nodes whose state hash is not the same with the agent, in the register's note, and over its rows."""
    async with Register(stage.database) as register:
        sums = await register.sums(CLUSTER)
    return [
        agent.node.hostname
        for agent in fleet.agents
        if sums.get(agent.node.id, (None, None)) != (agent.reporter.holdings.seen_sum(),) * 2
        or agent.reporter.holdings.sum != agent.reporter.holdings.seen_sum()
    ]


@dataclass(frozen=True, slots=True)
class _Ran:
    """A phase that is over; its changes may still be under way."""

    phase: Phase
    began: float
    ended: float
    changes: int
    requests: int
    wal_bytes: int
    shares: tuple[float | None, float | None, float | None]
    load: float

    def result(self, fleet: Fleet, prober: Prober) -> PhaseResult:
        """Return what came of it, once all changes have arrived."""
        return PhaseResult(
            rate=self.phase.rate,
            seconds=round(self.ended - self.began, 3),
            changes=self.changes,
            answered=Times.of([one.seconds for one in prober.delays if self.began <= one.at < self.ended]),
            acknowledged=Times.of([one.seconds for one in fleet.told.delays if self.began <= one.at < self.ended]),
            requests=self.requests,
            wal_bytes=self.wal_bytes,
            collector_cpu=self.shares[0],
            postgres_cpu=self.shares[1],
            simulator_cpu=self.shares[2] or 0.0,
            load_average=round(self.load, 2),
        )


async def _phase(phase: Phase, stage: Stage, fleet: Fleet, prober: Prober) -> _Ran:
    """Let changes happen at one rate."""
    wal, changes, requests = await _wal_bytes(stage), fleet.changes, fleet.traffic.requests.total()
    before, began = _cpu(stage), time.monotonic()
    await fleet.churn(phase, prober.changes, prober.followed)
    ended, after = time.monotonic(), _cpu(stage)
    collector, server, own = (
        round((now - was) / (ended - began), 3) if was is not None and now is not None and now >= was else None
        for was, now in zip(before, after, strict=True)
    )
    return _Ran(
        phase=phase,
        began=began,
        ended=ended,
        changes=fleet.changes - changes,
        requests=fleet.traffic.requests.total() - requests,
        wal_bytes=max(0, await _wal_bytes(stage) - wal),
        shares=(collector, server, own),
        load=proc.load_average(),
    )


def _cpu(stage: Stage) -> tuple[float | None, float | None, float]:
    """Return the CPU seconds of collector, PostgreSQL and this process so far; None for what is not our own."""
    own = time.process_time()
    collector = proc.cpu_seconds(stage.collector) if stage.collector is not None else None
    return collector, proc.family_cpu_seconds(stage.postmaster) if stage.postmaster is not None else None, own
