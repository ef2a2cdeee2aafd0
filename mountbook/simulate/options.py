"""What is to be simulated: sizes, rates and faults, checked before anything starts."""

import re
from dataclasses import dataclass, field
from typing import Final

from mountbook.errors import UserError

FAULTS: Final[dict[str, str]] = {
    "kill-collector": "kill the collector (SIGKILL) in the middle of the run, start it again",
    "kill-postgres": "kill PostgreSQL (SIGKILL) in the middle of the run, start it again",
    "kill-agents": "so many of the agents (0.1) end at once and start anew, twice",
    "lose": "so many of the messages (0.3), or their answers, are lost",
    "delay": "a message is under way for up to so many seconds (2)",
    "duplicate": "so many of the messages (0.2) arrive again, up to two seconds later",
    "partition": "so many of the nodes (0.5) cannot reach the collector for the middle third of the run",
    "drop-events": "so many of the engine's events (0.2) are dropped",
}
"""Every fault by its name; the number is taken when none is given after a colon."""

_USUAL: Final = re.compile(r"\((\d+(?:\.\d+)?)\)")
_SHARES: Final = frozenset({"kill-agents", "lose", "duplicate", "partition", "drop-events"})
_BARE: Final = frozenset({"kill-collector", "kill-postgres"})


@dataclass(frozen=True, slots=True)
class Faults:
    """Which faults happen, and how much of each: shares from 0 to 1, lengths of time in seconds."""

    amounts: dict[str, float] = field(default_factory=dict)

    def amount(self, name: str) -> float:
        """Return how much of the fault there is, 0 for none."""
        return self.amounts.get(name, 0.0)

    def __bool__(self) -> bool:
        return bool(self.amounts)

    def __str__(self) -> str:
        return ",".join(name if name in _BARE else f"{name}:{amount:g}" for name, amount in self.amounts.items())


def parse_faults(text: str) -> Faults:
    """Read ``kill-collector,lose:0.3,delay:2``.

    Raises:
        UserError: a fault is unknown, or its amount cannot be.
    """
    amounts = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, colon, amount = part.partition(":")
        if name not in FAULTS:
            raise UserError(f"There is no fault {name[:40]!r}; the faults are {', '.join(FAULTS)}.")
        amounts[name] = _amount(name, amount if colon else "")
    return Faults(amounts)


def _amount(name: str, text: str) -> float:
    if name in _BARE:
        if text:
            raise UserError(f"The fault {name} takes no amount; leave out {':' + text!r}.")
        return 1.0
    usual = _USUAL.search(FAULTS[name])
    try:
        amount = float(text or (usual[1] if usual else "0"))
    except ValueError:
        amount = -1.0
    most = 1.0 if name in _SHARES else 60.0
    if not 0.0 < amount <= most:
        what = "a share above 0 and up to 1" if name in _SHARES else "seconds above 0 and up to 60"
        raise UserError(f"The fault {name} has the amount {text[:40]!r}; write {name}:NUMBER with {what}.")
    return amount


@dataclass(frozen=True, slots=True)
class Phase:
    """A time with one rate of changes, in changes a second over all nodes; ``seconds`` is its length."""

    rate: float
    seconds: float


def parse_burst(text: str) -> Phase:
    """Read ``500:60``, a rate and a length.

    Raises:
        UserError: it is not two positive numbers.
    """
    rate, _, seconds = text.partition(":")
    try:
        burst = Phase(float(rate), float(seconds))
    except ValueError:
        burst = Phase(0.0, 0.0)
    if not (0 < burst.rate <= 100_000 and 0 < burst.seconds <= 86_400):
        raise UserError(f"The burst is {text[:40]!r}; write RATE:SECONDS, such as 500:60.")
    return burst


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Everything a simulation can be told; lengths of time are in seconds."""

    nodes: int = 100
    """Simulated nodes, each with an agent of its own."""
    containers: int = 30
    """Containers of each node."""
    phases: tuple[Phase, ...] = (Phase(10.0, 30.0),)
    """What happens once the collector knows every node."""
    faults: Faults = field(default_factory=Faults)
    seed: int = 1
    """Where the random numbers of nodes, changes and faults begin."""
    heartbeat: float = 15.0
    """Time between two heartbeats of an agent; for a collector of the simulation's own."""
    relist: float = 300.0
    """Least time between two full looks of an agent. On real nodes each has a processor of its own for that."""
    probes: float = 8.0
    """So many changes a second are asked for through ``where``."""
    settle: float = 180.0
    """How long convergence may take once changes and faults have ended, and the first reports before them."""
    database: str = ""
    """A PostgreSQL to use in place of an embedded one."""
    url: str = ""
    """A collector to report to in place of one of the simulation's own; needs its ``database``."""

    @property
    def seconds(self) -> float:
        """Length of all phases together."""
        return sum(phase.seconds for phase in self.phases)

    def check(self) -> None:
        """Look whether this can be simulated.

        Raises:
            UserError: it cannot; the sentence says why.
        """
        if self.url and not self.database:
            raise UserError(
                "With --url also name the collector's database with --database: tokens are made there, and what the "
                "register holds is compared there."
            )
        if self.url and "kill-collector" in self.faults.amounts:
            raise UserError("kill-collector kills a collector of the simulation's own; leave out --url.")
        if self.database and "kill-postgres" in self.faults.amounts:
            raise UserError("kill-postgres kills a PostgreSQL of the simulation's own; leave out --database.")
