"""S10 and S12: five thousand simulated nodes at work, in a burst, and when their collector is killed.

``mountbook simulate`` does the same from a terminal; here its summary becomes lines of the scorecard.
"""

import sys

from bench.table import Row
from mountbook.simulate.options import Options, Phase, parse_faults
from mountbook.simulate.run import run
from mountbook.simulate.summary import PhaseResult, Summary

NODES = 5000
CONTAINERS = 30
GOALS_S10 = (1.0, 5.0)
"""Most seconds from a change to its answer, 99 of 100: at 50 changes a second, and at 500."""
GOAL_CONVERGED = 60.0
GOAL_RSS = 512.0
PHASES = (Phase(50, 60), Phase(500, 60))
WORK = Phase(50, 40)
_SETTLE = 900.0


def measure_load(nodes: int = NODES, phases: tuple[Phase, ...] = PHASES) -> list[Row]:
    """Simulate a day's work and a burst, and return their lines (S10)."""
    found = run(Options(nodes=nodes, containers=CONTAINERS, phases=phases, settle=_SETTLE), _say, 30.0)
    lines = [_phase(found, phase, goal) for phase, goal in zip(found.phases, GOALS_S10, strict=True)]
    return [*lines, _kept(found)]


def measure_kill(nodes: int = NODES, phase: Phase = WORK) -> list[Row]:
    """Kill the collector and start it again while agents report, and return the lines (S12)."""
    options = Options(
        nodes=nodes,
        containers=CONTAINERS,
        phases=(phase,),
        faults=parse_faults("kill-collector"),
        settle=_SETTLE,
    )
    return _killed(run(options, _say, 30.0))


def _say(line: str) -> None:
    print(f"  {line}", file=sys.stderr, flush=True)


def _phase(found: Summary, phase: PhaseResult, goal: float) -> Row:
    answered = phase.answered
    what = f"{found.nodes:,} nodes × {found.containers}, {phase.rate:g} changes/s for {phase.seconds:.0f} s"
    if answered.p50 is None or answered.p99 is None:
        return Row("S10", what, "no change was answered", goal=f"p99 ≤ {goal:g} s", holds=False)
    ours = f"p50 {answered.p50:.2f} s, p99 {answered.p99:.2f} s ({answered.count}; load {phase.load_average:.0f})"
    return Row("S10", f"{what}: change → answer", ours, goal=f"p99 ≤ {goal:g} s", holds=answered.p99 <= goal)


def _kept(found: Summary) -> Row:
    changes = sum(phase.changes for phase in found.phases)
    ours = (
        f"{len(found.differing)} nodes differ, {found.missing} versions missing, {found.overtaken} overtaken, "
        f"{found.unanswered} unanswered"
    )
    return Row("S10", f"of {changes:,} changes nothing is lost", ours, goal="none", holds=found.well)


def _killed(found: Summary) -> list[Row]:
    recovery = found.recovery_seconds or 0.0
    seconds = max(recovery, found.converge_seconds)
    peak = found.collector_peak_mib or 0.0
    others = {name for name in found.rejections if not name.startswith("503 ")} | set(found.unreachable) - {
        "connection"
    }
    seen = f"{sum(found.unreachable.values()):,} refused connections, {sum(found.rejections.values()):,} × 503"
    lost = f", {found.missing} versions missing" if found.missing else ""
    return [
        Row(
            "S12",
            f"collector killed under {found.nodes:,} agents: all answered again, both sides equal{lost}",
            f"{recovery:.1f} s, {found.converge_seconds:.1f} s (load {found.load_average:.0f})",
            goal=f"≤ {GOAL_CONVERGED:g} s",
            holds=found.converged and not found.missing and seconds <= GOAL_CONVERGED,
        ),
        Row(
            "S12",
            "what agents met meanwhile",
            seen + (f"; {', '.join(sorted(others))}" if others else ""),
            goal="refused, 503",
            holds=not others,
        ),
        Row(
            "S12", "most memory of the collector", f"{peak:.0f} MiB", goal=f"≤ {GOAL_RSS:g} MiB", holds=peak <= GOAL_RSS
        ),
    ]
