"""How long to wait before the next try: part of the protocol (``docs/wire-format.md``).

Full jitter: any wait between nothing and a ceiling that doubles from one second to a minute. Thousands
of agents that lost the same collector at the same moment so come back spread out.
"""

import random
from typing import Final

BASE: Final = 1.0
"""Ceiling of the first wait, in seconds."""
CAP: Final = 60.0
"""Highest ceiling, in seconds."""

draw: Final = random.SystemRandom().random
"""The random numbers of everything that waits: from the kernel, so that clones of one disk differ."""


def ceiling(failures: int) -> float:
    """Return the longest wait after so many failures in a row, in seconds; none after none."""
    if failures <= 0:
        return 0.0
    return CAP if failures > 6 else min(CAP, BASE * 2.0 ** (failures - 1))


def delay(failures: int, drawn: float, *, at_least: float = 0.0) -> float:
    """Return the seconds to wait after ``failures`` failures in a row.

    ``drawn`` is a random number from [0, 1). ``at_least`` is what the other side asked for (Retry-After): the jitter
    is then added on top, because everybody was told the same number.
    """
    return at_least + drawn * ceiling(failures)
