"""A node, its agent's reporter and a collector, driven in simulated time."""

from collections.abc import Callable
from dataclasses import dataclass, field

from agent.observation import Observation
from agent.outcome import Outcome, Unreachable
from agent.position import Position
from agent.reporter import Look, Reporter, Send, Wait
from agent.spool import Spooled
from agent.wire import Body, encode
from protocol.entries import Container, Entry, EntryKey, Kind, Volume
from protocol.messages import Backend
from tests.unit.agent.model_collector import ModelCollector

ROOT = "/var/lib/docker"


def container(number: int, state: str = "running") -> Container:
    return Container(root=ROOT, key=f"{number:064x}", name=f"web.{number}", state=state)


def volume(number: int, driver: str = "local") -> Volume:
    return Volume(root=ROOT, key=f"data-{number}", driver=driver)


@dataclass
class Driver:
    """``node`` is the truth; ``unreadable`` kinds cannot be enumerated. ``post`` is the network.

    ``skew`` is how wrong its wall clock is. ``ever`` are the keys that were ever there, ``found_gone`` those that
    a look did not find.
    """

    post: Callable[[str, Body], Outcome]
    node: dict[EntryKey, Entry] = field(default_factory=dict)
    unreadable: set[Kind] = field(default_factory=set)
    backends: tuple[Backend, ...] = ()
    position: Position | None = None
    spool: Spooled | None = None
    room: int = 24 * 1024 * 1024
    now: float = 1000.0
    skew: float = 0.0
    instance: int = 0
    ever: set[EntryKey] = field(default_factory=set)
    found_gone: set[EntryKey] = field(default_factory=set)
    looks: list[frozenset[EntryKey] | None] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.reporter = self._reporter()

    def _reporter(self) -> Reporter:
        return Reporter(
            instance=f"{self.instance:032x}",
            boot_id="boot",
            wall=lambda: 1_700_000_000.0 + self.now + self.skew,
            draw=lambda: 0.5,
            position=self.position,
            spool=self.spool,
            room=self.room,
        )

    def restart(self) -> None:
        """The agent dies and starts again with what it kept."""
        self.instance += 1
        self.position, self.spool = self.reporter.position, self.reporter.to_spool()
        self.reporter = self._reporter()

    def put(self, *entries: Entry) -> None:
        self.node |= {entry.entry_key: entry for entry in entries}
        self.ever |= {entry.entry_key for entry in entries}

    def drop(self, *entries: Entry) -> None:
        for entry in entries:
            del self.node[entry.entry_key]

    def look(self, keys: frozenset[EntryKey] | None = None) -> None:
        """Look at the node, at these keys or at everything, and let the reporter know."""
        self.looks.append(keys)
        visible = [
            entry
            for key, entry in self.node.items()
            if key.kind not in self.unreadable and (keys is None or key in keys)
        ]
        complete = {kind: kind not in self.unreadable for kind in Kind} if keys is None else {}
        asked = None if keys is None else {key for key in keys if key.kind not in self.unreadable}
        looked_for = self.ever if keys is None else keys
        self.found_gone |= {key for key in looked_for - self.node.keys() if key.kind not in self.unreadable}
        observation = Observation.of(visible, at=self.now, complete=complete, asked=asked, backends=self.backends)
        self.reporter.observe(observation, self.now)

    def step(self) -> Send | Look | Wait:
        """Do the one thing that the reporter wants done."""
        step = self.reporter.next(self.now)
        match step:
            case Send(name=name, message=message):
                self.sent.append(name)
                self.now += 0.01
                self.reporter.answered(self.post(name, encode(message)), self.now)
            case Look(keys=keys):
                self.now += 0.05
                self.look(keys)
            case Wait(until=until):
                self.now = max(self.now, until)
        return step

    def settle(self, steps: int = 100) -> None:
        """Go on until everything is told and only heartbeats are left."""
        for _ in range(steps):
            if isinstance(self.reporter.next(self.now), Wait) and self.reporter.in_step:
                return
            self.step()
        raise AssertionError(f"nothing is settled after {steps} steps; sent were {self.sent[-20:]}")


def silence(_name: str, _body: Body) -> Outcome:
    """A network that answers nothing."""
    return Unreachable("nobody there")


def agree(driver: Driver, collector: ModelCollector) -> bool:
    """Whether the collector has what the node has."""
    return collector.entries == driver.node


def last_message(driver: Driver) -> object:
    """Return the message that is to be sent next."""
    step = driver.reporter.next(driver.now)
    assert isinstance(step, Send), f"nothing is to be sent: {step}"
    return step.message
