"""Whether the agent still goes round: a small file that Docker's HEALTHCHECK asks about with ``--check``.

A collector that is away does not make the agent unhealthy: Swarm would restart every agent of the cluster, and
none would be the better for it. The file carries the time since boot, which no change of the clock moves.
"""

import os
import time
from typing import Final

import msgspec
import structlog

_NAME: Final = "health.json"
_log = structlog.stdlib.get_logger("agent.health")

STALE: Final = 90.0
"""Seconds without a sign of life after which the agent counts as stuck."""


class Health(msgspec.Struct, frozen=True):
    """One sign of life. ``boottime`` is in seconds since boot; ``collector`` says how the conversation stands."""

    boottime: float
    collector: str


class HealthFile:
    """``health.json`` in the agent's state directory; without a directory nothing is written."""

    def __init__(self, state_dir: str) -> None:
        self._path = os.path.join(state_dir, _NAME) if state_dir else ""

    def beat(self, collector: str) -> None:
        """Give a sign of life."""
        if not self._path:
            return
        fresh = f"{self._path}.new"
        try:
            with open(fresh, "wb") as file:
                file.write(msgspec.json.encode(Health(_boottime(), collector)))
            os.replace(fresh, self._path)
        except OSError as exc:
            _log.warning("no sign of life can be given", path=self._path, why=str(exc))

    def verdict(self) -> tuple[bool, str]:
        """Return whether the agent is well, and a sentence about it."""
        if not self._path:
            return (
                False,
                "not known: set MOUNTBOOK_STATE_DIR to a writable directory, there the agent gives signs of life",
            )
        try:
            with open(self._path, "rb") as file:
                health = msgspec.json.decode(file.read(4096), type=Health)
        except (OSError, msgspec.DecodeError) as exc:
            return False, f"not known: {self._path} cannot be read ({exc}); is the agent running?"
        age = _boottime() - health.boottime
        if not 0 <= age <= STALE:
            return False, f"the agent's last sign of life is too old ({self._path})"
        return True, f"the agent goes round; {health.collector}"


def _boottime() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)
