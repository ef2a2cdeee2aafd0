"""``make bench``: the speed rows of the scorecard as one table.

``python -m bench S2 S17`` measures only those; ``--small`` takes a tenth of the nodes where there are thousands, to try
it out: the scorecard's figures are those of the full size. Exit status 1: a goal was missed; a row that could not be
measured says why and misses nothing.
"""

import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from bench import (
    agent_rss,
    cli_start,
    closing,
    cluster,
    containerd,
    engine_list,
    heartbeats,
    inventory,
    moment,
    proof,
    questions,
    real_engines,
    scaling,
    sizes,
    snapshots,
)
from bench.table import Row, written
from mountbook.simulate.options import Phase

_Measure = Callable[[], Sequence[Row]]

MEASUREMENTS: Final[tuple[tuple[tuple[str, ...], _Measure], ...]] = (
    (("S1", "S3"), inventory.measure),
    (("S2",), engine_list.measure),
    (("S4",), containerd.measure),
    (("S5", "S15"), real_engines.measure),
    (("S6",), snapshots.measure),
    (("S7",), heartbeats.measure),
    (("S8",), questions.measure),
    (("S9",), moment.measure),
    (("S10",), cluster.measure_load),
    (("S11",), scaling.measure),
    (("S12",), cluster.measure_kill),
    (("S13",), agent_rss.measure),
    (("S14",), sizes.measure),
    (("S16",), closing.measure),
    (("S17",), cli_start.measure),
    (("X4",), proof.measure),
)
"""Which rows each measurement gives."""

SMALL: Final[dict[str, _Measure]] = {
    "S6": partial(snapshots.measure, nodes=8),
    "S7": partial(heartbeats.measure, nodes=500, seconds=2.0),
    "S10": partial(cluster.measure_load, nodes=500, phases=(Phase(5, 20), Phase(50, 20))),
    "S11": partial(scaling.measure, sizes=(50, 100, 250, 500, 1000), messages=50, drawn=None),
    "S12": partial(cluster.measure_kill, nodes=500, phase=Phase(5, 20)),
}
"""The rows that there are in a small size, by their first number."""


def main(arguments: Sequence[str]) -> int:
    """Measure the rows with these numbers (none: all), print the table and return the exit status."""
    small, wanted = "--small" in arguments, [one for one in arguments if one != "--small"]
    known = [number for numbers, _ in MEASUREMENTS for number in numbers]
    if unknown := sorted(set(wanted) - set(known)):
        print(f"there is no row {', '.join(unknown)}; rows are {', '.join(known)}", file=sys.stderr)
        return 2
    rows: list[Row] = []
    for numbers, measure in MEASUREMENTS:
        if not wanted or set(numbers) & set(wanted):
            print(f"measuring {' and '.join(numbers)} …", file=sys.stderr, flush=True)
            rows += SMALL.get(numbers[0], measure)() if small else measure()
    print(written(rows))
    return 1 if any(row.holds is False for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
