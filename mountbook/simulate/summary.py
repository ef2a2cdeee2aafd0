"""What a simulation found, as one value: for ``--json`` and, in words, for a person."""

from collections.abc import Iterator, Sequence

import msgspec


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """Lengths of time in seconds: how many, and their percentiles; ``null`` when there are none."""

    count: int
    p50: float | None = None
    p90: float | None = None
    p99: float | None = None
    most: float | None = None

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "Times":
        """Return the percentiles (nearest rank) of lengths of time in any order."""
        ordered = sorted(seconds)
        if not ordered:
            return cls(count=0)
        p50, p90, p99 = (round(ordered[rank(len(ordered), share)], 4) for share in (0.5, 0.9, 0.99))
        return cls(count=len(ordered), p50=p50, p90=p90, p99=p99, most=round(ordered[-1], 4))

    def __str__(self) -> str:
        if self.p50 is None:
            return "none"
        return (
            f"p50 {self.p50:.3f} s, p90 {self.p90:.3f} s, p99 {self.p99:.3f} s, most {self.most:.3f} s ({self.count:,})"
        )


def rank(count: int, share: float) -> int:
    """Return the place of a percentile among so many ordered values, by nearest rank."""
    return max(0, -int(-count * share // 1) - 1)


class PhaseResult(msgspec.Struct, frozen=True, kw_only=True):
    """One phase. ``answered``: from a change on the node to its answer; ``acknowledged``: to the agent's receipt.

    ``collector_cpu``, ``postgres_cpu`` and ``simulator_cpu`` are shares of one core; the first two are ``null`` for a
    collector or a database that is not the simulation's own. ``wal_bytes`` is all write-ahead log of that time.
    """

    rate: float
    seconds: float
    changes: int
    answered: Times
    acknowledged: Times
    requests: int
    wal_bytes: int
    collector_cpu: float | None = None
    postgres_cpu: float | None = None
    simulator_cpu: float = 0.0
    load_average: float = 0.0


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What a simulation found; lengths of time in seconds.

    ``load_seconds`` is how long it took until the register knew every node. ``converged``: every node's state hash is
    the same with the agent, in the register's note and over the register's rows; ``converge_seconds`` is how long that
    took after the last change and fault. ``missing`` counts versions that were acknowledged and are neither current nor
    in the history, ``unanswered`` changes that ``where`` never showed. ``overtaken`` counts versions that a look
    found, and that the next version overtook before a collector took them: agents report them as ``lost_events``.
    ``recovery_seconds`` is how long it took after a kill until every agent had told everything.
    """

    nodes: int
    containers: int
    entries: int
    seed: int
    faults: str
    load_seconds: float
    phases: list[PhaseResult]
    requests: dict[str, int]
    rejections: dict[str, int]
    unreachable: dict[str, int]
    faults_seen: dict[str, int]
    converged: bool
    converge_seconds: float
    differing: list[str]
    recovery_seconds: float | None
    acknowledged_versions: int
    missing: int
    unanswered: int
    overtaken: int
    collector_rss_mib: float | None
    collector_peak_mib: float | None
    simulator_rss_mib: float
    wal_bytes: int
    load_average: float

    @property
    def well(self) -> bool:
        """Whether everything converged, and nothing was lost. What faults made impossible to tell is not lost."""
        lost = self.overtaken if not self.faults else 0
        return self.converged and not self.missing and not self.unanswered and not lost


def lines(found: Summary) -> Iterator[str]:
    """Yield the summary in words, a line at a time."""
    yield f"nodes        {found.nodes:,} with {found.containers} containers each, {found.entries:,} entries"
    yield f"first report {found.load_seconds:.1f} s until the register knew them all"
    for phase in found.phases:
        rate = f"{phase.rate:g} changes/s for {phase.seconds:.0f} s"
        yield f"{rate}: {phase.changes:,} changes, {phase.requests:,} requests"
        yield f"  answered     {phase.answered}"
        yield f"  acknowledged {phase.acknowledged}"
        yield f"  one core     {_shares(phase)}; write-ahead log {_mib(phase.wal_bytes)}; load {phase.load_average:.1f}"
    yield f"requests     {_counts(found.requests)}"
    yield f"rejections   {_counts(found.rejections)}"
    yield f"no answer    {_counts(found.unreachable)}"
    if found.faults:
        yield f"faults       {found.faults} (seed {found.seed}): {_counts(found.faults_seen)}"
    if found.recovery_seconds is not None:
        yield f"recovery     {found.recovery_seconds:.1f} s after the kill"
    yield f"memory       {_memory(found)}; write-ahead log {_mib(found.wal_bytes)}"
    yield f"lost         {found.missing} of {found.acknowledged_versions:,} acknowledged versions are missing"
    if found.unanswered:
        yield f"             {found.unanswered} changes never became an answer"
    if found.overtaken:
        yield f"             {found.overtaken} versions were overtaken before they were told (lost_events)"
    yield f"converged    {_convergence(found)}"


def _convergence(found: Summary) -> str:
    if found.converged:
        return f"yes, {found.converge_seconds:.1f} s after the last change: every node's hash is equal on both sides"
    names = ", ".join(found.differing[:5]) + (" …" if len(found.differing) > 5 else "")
    return f"NO: {len(found.differing)} nodes differ after {found.converge_seconds:.1f} s ({names})"


def _shares(phase: PhaseResult) -> str:
    shares = {"collector": phase.collector_cpu, "PostgreSQL": phase.postgres_cpu, "simulator": phase.simulator_cpu}
    return ", ".join(f"{name} {share:.0%}" for name, share in shares.items() if share is not None)


def _memory(found: Summary) -> str:
    own = f"simulator {found.simulator_rss_mib:.0f} MiB"
    if found.collector_rss_mib is None:
        return own
    return f"collector {found.collector_rss_mib:.0f} MiB (peak {found.collector_peak_mib:.0f}), {own}"


def _mib(number: int) -> str:
    return f"{number / 2**20:.1f} MiB"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()) if count) or "none"
