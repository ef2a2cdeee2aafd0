"""``make bench``: the speed rows of the scorecard as one table.

``python -m bench S2 S17`` measures only those. Exit status 1: a goal was missed; a row that could not be measured says
why and misses nothing.
"""

import sys
from collections.abc import Callable, Sequence
from typing import Final

from bench import agent_rss, cli_start, containerd, engine_list, inventory, real_engines, sizes
from bench.table import Row, written

MEASUREMENTS: Final[tuple[tuple[tuple[str, ...], Callable[[], Sequence[Row]]], ...]] = (
    (("S1", "S3"), inventory.measure),
    (("S2",), engine_list.measure),
    (("S4",), containerd.measure),
    (("S5", "S15"), real_engines.measure),
    (("S13",), agent_rss.measure),
    (("S14",), sizes.measure),
    (("S17",), cli_start.measure),
)
"""Which rows each measurement gives."""


def main(wanted: Sequence[str]) -> int:
    """Measure the rows with these numbers (none: all), print the table and return the exit status."""
    known = [number for numbers, _ in MEASUREMENTS for number in numbers]
    if unknown := sorted(set(wanted) - set(known)):
        print(f"there is no row {', '.join(unknown)}; rows are {', '.join(known)}", file=sys.stderr)
        return 2
    rows: list[Row] = []
    for numbers, measure in MEASUREMENTS:
        if not wanted or set(numbers) & set(wanted):
            print(f"measuring {' and '.join(numbers)} …", file=sys.stderr, flush=True)
            rows += measure()
    print(written(rows))
    return 1 if any(row.holds is False for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
