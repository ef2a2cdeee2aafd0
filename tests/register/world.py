"""A register, its agents and a network that loses, repeats and delays: what the invariants are tested on.

The same machine drives the real agent's code against the real collector's code, with PostgreSQL or with rows in memory.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agent.outcome import Outcome, Rejected, Unreachable
from agent.wire import Body
from collector.ingest import rules
from protocol.entries import EntryKey, Kind, Volume
from protocol.statehash import entry_hash, total
from tests.unit.agent.driving import Driver, container, volume

NUMBERS = st.integers(0, 3)
STATES = st.sampled_from(["running", "paused", "exited"])
REFUSED = Volume(root="not/absolute", key="refused")
"""An entry that a collector does not take."""
PLENTY = 24 * 1024 * 1024
DAY = 86_400.0
WAR = rules.CONFLICT_LASTS.total_seconds()


def machine_settings(examples: int, steps: int) -> settings:
    """How long a machine runs: as told, or as the profile ``soak`` says; in CI always the same examples."""
    soak = settings.get_profile("soak")
    if settings().max_examples == soak.max_examples:
        return soak
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an entry, as the register has it; times in seconds since 1970, None: it lasts, or not known."""

    key: EntryKey
    hash: bytes
    began_after: float | None
    began_before: float
    ended_after: float | None = None
    ended_before: float | None = None


class Register(Protocol):
    """A collector and what it keeps. Nodes are ``one`` (whose agents are tested) and ``two`` (a neighbour)."""

    def post(self, node: str, name: str, body: Body) -> Outcome:
        """Take in a message of a node's agent."""

    def now(self) -> float:
        """The register's clock, in seconds since 1970."""

    def pass_time(self, seconds: float) -> None:
        """Let time pass in which nobody says anything."""

    def set_back(self, seconds: float) -> None:
        """Set the register's clock back."""

    def current(self, node: str) -> dict[EntryKey, bytes]:
        """What the node holds now: keys and hashes."""

    def versions(self, node: str) -> list[Version]:
        """Every version, closed ones too."""

    def stands_at(self, node: str) -> tuple[float, bytes]:
        """When the node last changed, and the state hash that is noted."""

    def close(self) -> None:
        """Forget everything."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What one look of the agent could have seen: when by the register's clock, and the hash of each entry."""

    at: float
    hashes: dict[EntryKey, bytes]


class World(RuleBasedStateMachine):
    """One node with its agent (and at times a twin's), a neighbour, the network and the register."""

    make: ClassVar[type[Any]]
    """Makes a register; it is told how to ask how many seconds have passed for the agents."""
    exact: ClassVar[bool]
    """Whether the register's clock goes with that of the agents, so that moments can be compared."""
    begun: ClassVar[int] = 0
    """How many examples were begun."""

    def __init__(self) -> None:
        super().__init__()
        type(self).begun += 1
        self.register: Register = self.make(lambda: self.driver.now)
        self.posted: list[tuple[str, Body]] = []
        self.arrived: list[tuple[str, Body]] = []
        self.fault = ""
        self.war = 0.0
        self.restarted = False
        self.set_back = 0.0
        self.held: dict[EntryKey, bytes] = {}
        self.looks: list[Looked] = []
        self.changed_at = 0.0
        self.driver: Watched = Watched(self, room=700)
        self.twin = Watched(self, instance=100)
        self.twin.node, self.twin.ever = self.driver.node, self.driver.ever
        if not self.register.current("two"):  # one neighbour is enough for a whole database
            neighbour = Driver(lambda name, body: self.register.post("two", name, body), instance=200)
            neighbour.put(container(0), volume(0))
            neighbour.settle()
        self.untouched = self.register.versions("two")

    def network(self, name: str, body: Body) -> Outcome:
        self.posted.append((name, body))
        fault, self.fault = self.fault, ""
        if fault == "request lost":
            return Unreachable(fault)
        self.arrived.append((name, body))
        before = self.held
        answer = self.register.post("one", name, body)
        if isinstance(answer, Rejected) and answer.type == "conflict":
            self.war = WAR
        if name in {"snapshot", "delta"}:
            self.held = self.register.current("one")
            self.check_removals(before)
        return Unreachable(fault) if fault == "answer lost" else answer

    def check_removals(self, before: dict[EntryKey, bytes]) -> None:
        """P7: what ends was found to be gone, and nothing ends while two agents speak for the node."""
        gone = before.keys() - self.held.keys()
        assert gone <= self.driver.found_gone | self.twin.found_gone, "these were there all along"
        # Well before the end of the conflict: real time may pass in a register with a real clock.
        assert not gone or self.war < WAR / 2, "what one agent does not see may be the other one's"

    @rule(number=NUMBERS, state=STATES)
    def container_changes(self, number: int, state: str) -> None:
        self.driver.put(container(number, state))

    @rule(number=NUMBERS)
    def container_goes(self, number: int) -> None:
        self.driver.node.pop(container(number).entry_key, None)

    @rule(number=NUMBERS, driver=st.sampled_from(["local", "plugin"]))
    def volume_changes(self, number: int, driver: str) -> None:
        self.driver.put(volume(number, driver))

    @rule(number=NUMBERS)
    def volume_goes(self, number: int) -> None:
        self.driver.node.pop(volume(number).entry_key, None)

    @rule(there=st.booleans())
    def a_bad_entry_comes_and_goes(self, there: bool) -> None:
        self.driver.node.pop(REFUSED.entry_key, None)
        if there:
            self.driver.put(REFUSED)

    @rule()
    def full_look(self) -> None:
        self.driver.look()

    @rule(numbers=st.sets(NUMBERS))
    def targeted_look(self, numbers: set[int]) -> None:
        self.driver.look(frozenset(container(number).entry_key for number in numbers))

    @rule(kinds=st.sets(st.sampled_from([Kind.CONTAINER, Kind.VOLUME])))
    def kinds_become_unreadable(self, kinds: set[Kind]) -> None:
        self.driver.unreadable = kinds

    @rule(steps=st.integers(1, 4), fault=st.sampled_from(["", "", "", "request lost", "answer lost"]))
    def agent_acts(self, steps: int, fault: str) -> None:
        self.fault = fault
        for _ in range(steps):
            self.driver.step()

    @rule(room=st.sampled_from([700, PLENTY]))
    def agent_restarts(self, room: int) -> None:
        self.restarted = True
        self.driver.room = room
        self.driver.restart()

    @rule()
    def a_twin_speaks_for_the_node(self) -> None:
        """An update that overlaps: another agent of the same node."""
        self.twin.restart()
        self.twin.now = self.driver.now
        for _ in range(3):
            self.twin.step()
        self.driver.now = self.twin.now
        self.restarted = True

    @rule(seconds=st.floats(0, 100))
    def time_passes(self, seconds: float) -> None:
        self.driver.now += seconds
        self.war = max(0.0, self.war - seconds)
        self.register.pass_time(seconds)

    @rule(seconds=st.sampled_from([-DAY, -1.0, DAY]))
    def the_agents_clock_is_set(self, seconds: float) -> None:
        self.driver.skew += seconds

    @rule(seconds=st.sampled_from([1.0, DAY]))
    def the_registers_clock_is_set_back(self, seconds: float) -> None:
        self.set_back += seconds
        self.register.set_back(seconds)

    @precondition(lambda self: self.arrived)
    @rule(data=st.data())
    def a_message_arrives_again(self, data: st.DataObject) -> None:
        """P2 and P3: a message that arrives twice, late, or of an old generation, changes nothing."""
        name, body = data.draw(st.sampled_from(self.arrived[-20:]))
        before = self.register.versions("one")
        self.register.post("one", name, body)
        assert self.register.versions("one") == before

    @precondition(lambda self: self.posted)
    @rule(data=st.data())
    def a_message_comes_with_the_neighbours_token(self, data: st.DataObject) -> None:
        """P6: it is about the neighbour then, whose generation it does not have."""
        name, body = data.draw(st.sampled_from(self.posted[-20:]))
        if name != "hello":
            assert isinstance(self.register.post("two", name, body), Rejected)

    @invariant()
    def the_sum_is_that_of_the_rows(self) -> None:
        """P8, and P10: the node's times never fall."""
        changed_at, state = self.register.stands_at("one")
        self.held = self.register.current("one")
        assert int.from_bytes(state, "big") == total(self.held.values())
        assert changed_at >= self.changed_at
        self.changed_at = changed_at

    def teardown(self) -> None:
        try:
            self.check_convergence()
            self.check_versions()
            gaps = self.set_back or self.restarted or self.driver.reporter.holdings.lost
            if self.exact and not gaps:
                self.check_moments()
            assert self.register.versions("two") == self.untouched, "another node's rows were touched"
        finally:
            self.register.close()

    def check_convergence(self) -> None:
        """P1: once faults stop the register equals the node."""
        self.fault, self.driver.unreadable = "", set()
        # Whoever was heard before the clock was set back counts as alive until it has come there again.
        self.register.pass_time(1000 + self.set_back)
        self.driver.now += 1000 + self.set_back
        self.war = 0.0
        for _ in range(2):
            self.driver.look()
            self.driver.settle(300)
            self.driver.now += 61
            self.driver.step()
        self.driver.settle(300)
        held = self.register.current("one")
        there = {key: entry_hash(entry) for key, entry in self.driver.node.items() if entry is not REFUSED}
        assert held == there
        assert self.driver.reporter.holdings.sum == total(held.values())

    def check_versions(self) -> None:
        """P4: of a key at most one version is open, none overlap; all bounds are in order."""
        by_key: dict[EntryKey, list[Version]] = {}
        for version in self.register.versions("one"):
            by_key.setdefault(version.key, []).append(version)
            # One that was gone when a late message told of it was never surely there: its end may have come before.
            began = version.began_before if version.began_after is None else version.began_after
            assert began <= version.began_before
            if version.ended_after is not None and version.ended_before is not None:
                assert version.ended_after <= version.ended_before
                assert version.began_before <= version.ended_before
                assert version.began_after is None or version.began_after <= version.ended_after
        for versions in by_key.values():
            versions.sort(key=lambda version: version.began_before)
            for earlier, later in itertools.pairwise(versions):
                assert earlier.ended_before is not None, "two versions are open"
                assert earlier.ended_before <= later.began_before, "two versions overlap"

    def check_moments(self) -> None:
        """P5: what the register is sure of at the moment of a look is what that look saw, and all that it saw is there.

        Only without a restart, a jump of the register's clock and lost events, which leave gaps.
        """
        versions = self.register.versions("one")
        for look in self.looks:
            for version in versions:
                until = look.at if version.ended_after is None else version.ended_after
                if version.began_before <= look.at <= until and version.key in look.hashes:
                    assert look.hashes[version.key] == version.hash
            for key, digest in look.hashes.items():
                assert any(
                    version.hash == digest
                    and (version.began_after is None or version.began_after <= look.at)
                    and (version.ended_before is None or look.at <= version.ended_before)
                    for version in versions
                    if version.key == key
                )


class Watched(Driver):
    """An agent of the world's node, whose looks are written down."""

    def __init__(self, world: World, *, room: int = PLENTY, instance: int = 0) -> None:
        self.world, self.listed = world, False
        super().__init__(world.network, room=room, instance=instance)

    def look(self, keys: frozenset[EntryKey] | None = None) -> None:
        self.now += 0.001  # no two things happen at one moment
        self.listed = self.listed or keys is None
        if self.listed:  # what was seen before a first full look cannot be compared
            self.world.looks.append(Looked(self.world.register.now(), dict(self._visible(keys))))
        super().look(keys)
        self.now += 0.001

    def _visible(self, keys: frozenset[EntryKey] | None) -> Iterator[tuple[EntryKey, bytes]]:
        for key, entry in self.node.items():
            if key.kind not in self.unreadable and entry is not REFUSED and (keys is None or key in keys):
                yield key, entry_hash(entry)
