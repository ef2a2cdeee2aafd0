"""The agent's wall clock as a register knows it."""

import math
from collections.abc import Callable


class ToldClock:
    """The clock that messages carry; ``wall`` gives the seconds since 1970, ``now`` is always monotonic.

    How long a message was under way is seen from its clock and the skew that the last hello or heartbeat told. One
    that is set between the two would hide that time, or make it up; so what was told goes on with the monotonic clock
    until the next is told. While it is not known which of several arrived, the slowest counts: with it a message can
    look older than it is, never younger.
    """

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._told = self._slowest = math.inf  # the wall clock minus the monotonic one

    def begin(self) -> None:
        """Forget what was told: a new session begins with a hello of its own."""
        self._slowest = math.inf

    def tell(self, now: float) -> float:
        """Return what the wall clock shows, to the millisecond, for a hello or a heartbeat."""
        clock = round(self._wall(), 3)
        self._told = clock - now
        self._slowest = min(self._slowest, self._told)
        return clock

    def taken(self) -> None:
        """Note that a collector took the heartbeat that was told last; it takes no earlier one after it."""
        self._slowest = self._told

    def at(self, now: float) -> float:
        """Return what the clock that was told shows now, rounded down to the millisecond."""
        return math.floor((now + self._slowest) * 1000) / 1000
