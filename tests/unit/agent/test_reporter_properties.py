"""Invariants P1, P2, P3 and P7 of the protocol, under every order of faults that Hypothesis can think of."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from agent.outcome import Outcome, Unreachable
from agent.reporter import Wait
from agent.wire import Body
from protocol.entries import Entry, EntryKey, Kind
from tests.unit.agent.driving import Driver, container, volume
from tests.unit.agent.model_collector import ModelCollector

NUMBERS = st.integers(0, 4)
STATES = st.sampled_from(["running", "paused", "exited"])
REFUSED = "refuse me"


class OneNode(RuleBasedStateMachine):
    """A node, its agent, the network and the register."""

    def __init__(self) -> None:
        super().__init__()
        self.collector = ModelCollector(refuses=self.is_refused)
        self.fault = ""
        self.posted: list[tuple[str, Body]] = []
        # Room for about three entries: most messages are cut into several.
        self.driver = Driver(self.network, room=600)

    def network(self, name: str, body: Body) -> Outcome:
        self.posted.append((name, body))
        fault, self.fault = self.fault, ""
        if fault == "request lost":
            return Unreachable(fault)
        before = dict(self.collector.rows)
        answer = self.collector.post(name, body)
        if name in {"snapshot", "delta"}:
            self.check_removals(before)
        return Unreachable(fault) if fault == "answer lost" else answer

    def check_removals(self, before: dict[EntryKey, bytes]) -> None:
        """P7: only what a look has found to be gone is removed, and nothing while two agents speak for the node."""
        gone = before.keys() - self.collector.rows.keys()
        assert not (gone and self.collector.conflict), "what this agent does not see may be the other one's"
        assert gone <= self.driver.found_gone, "these were there all along"

    @staticmethod
    def is_refused(entry: Entry) -> bool:
        return getattr(entry, "driver", "") == REFUSED

    @rule(number=NUMBERS, state=STATES)
    def container_changes(self, number: int, state: str) -> None:
        self.driver.put(container(number, state))

    @rule(number=NUMBERS)
    def container_goes(self, number: int) -> None:
        self.driver.node.pop(container(number).entry_key, None)

    @rule(number=NUMBERS, driver=st.sampled_from(["local", "plugin", REFUSED]))
    def volume_changes(self, number: int, driver: str) -> None:
        self.driver.put(volume(number, driver))

    @rule(number=NUMBERS)
    def volume_goes(self, number: int) -> None:
        self.driver.node.pop(volume(number).entry_key, None)

    @rule()
    def full_look(self) -> None:
        self.driver.look()

    @rule(numbers=st.sets(NUMBERS))
    def targeted_look(self, numbers: set[int]) -> None:
        self.driver.look(frozenset(container(number).entry_key for number in numbers))

    @rule(kinds=st.sets(st.sampled_from([Kind.CONTAINER, Kind.VOLUME])))
    def kinds_become_unreadable(self, kinds: set[Kind]) -> None:
        self.driver.unreadable = kinds

    @rule(steps=st.integers(1, 4), fault=st.sampled_from(["", "", "request lost", "answer lost"]))
    def agent_acts(self, steps: int, fault: str) -> None:
        self.fault = fault
        for _ in range(steps):
            self.driver.step()

    @rule(seconds=st.floats(0, 100))
    def time_passes(self, seconds: float) -> None:
        self.driver.now += seconds

    @rule()
    def agent_restarts(self) -> None:
        self.driver.restart()

    @rule()
    def another_agent_says_hello(self) -> None:
        self.collector.supersede()

    @rule()
    def database_is_restored(self) -> None:
        self.collector.restore()

    @rule(lasts=st.booleans())
    def conflict(self, lasts: bool) -> None:
        self.collector.conflict = lasts

    @rule(data=st.data())
    def message_arrives_again(self, data: st.DataObject) -> None:
        """P2 and P3: a message that arrives twice, late, or of an old generation, changes nothing."""
        if not self.posted:
            return
        name, body = data.draw(st.sampled_from(self.posted[-20:]))
        if name in {"snapshot", "delta"} and (name, body) == self.posted[-1]:
            return  # it may not have arrived yet
        before = dict(self.collector.rows)
        self.collector.post(name, body)
        assert self.collector.rows == before

    @invariant()
    def nothing_is_invented(self) -> None:
        assert len(self.collector.rows) <= 10

    def teardown(self) -> None:
        """P1: once faults stop the register equals the node."""
        self.fault, self.collector.conflict, self.driver.unreadable = "", False, set()
        for _ in range(3):
            self.driver.look()
            self.driver.settle(300)
            self.driver.now += 61
            step = self.driver.step()
            assert not isinstance(step, Wait), "a heartbeat is due"
            self.driver.settle(300)
        expected = {key: entry for key, entry in self.driver.node.items() if not self.is_refused(entry)}
        # Of a refused entry the register may still hold the version before.
        refused = self.driver.node.keys() - expected.keys()
        held = {key: entry for key, entry in self.collector.entries.items() if key not in refused}
        assert held == expected
        assert not any(map(self.is_refused, self.collector.entries.values()))
        assert all(self.collector.complete[kind] for kind in Kind), "every kind was enumerated to its end"


TestOneNode = OneNode.TestCase
TestOneNode.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
