"""The agent's side of the protocol, message by message: what it tells, and when."""

import msgspec

from agent.outcome import Outcome
from agent.reporter import Send, Wait
from agent.wire import Body
from protocol.entries import Kind
from protocol.messages import Backend, Delta, Heartbeat, Hello
from tests.unit.agent.driving import Driver, agree, container, last_message, silence, volume
from tests.unit.agent.model_collector import ModelCollector, inflate


class TestAQuietLife:
    def test_begins_with_one_look_then_hello_then_a_snapshot(self, driver: Driver, collector: ModelCollector) -> None:
        assert (driver.looks, driver.sent) == ([None], ["hello", "snapshot"])
        assert agree(driver, collector)

    def test_goes_on_with_a_heartbeat_every_fifteen_seconds(self, driver: Driver) -> None:
        began = driver.now
        while driver.now < began + 100:
            driver.step()
        assert driver.sent[2:] == ["heartbeat"] * 6

    def test_tells_a_change_in_a_delta_with_nothing_else(self, driver: Driver) -> None:
        driver.put(container(1, "exited"))
        driver.drop(container(2))
        driver.look()
        delta = last_message(driver)
        assert isinstance(delta, Delta)
        assert (len(delta.upserts), [key.key for key in delta.removes]) == (1, [container(2).key])

    def test_tells_a_change_that_only_a_targeted_look_has_seen(self, driver: Driver, collector: ModelCollector) -> None:
        driver.put(container(7))
        driver.drop(container(0))
        driver.look(frozenset({container(7).entry_key, container(0).entry_key}))
        driver.settle()
        assert driver.sent[2:] == ["delta"]
        assert agree(driver, collector)

    def test_needs_no_message_when_a_look_finds_nothing_new(self, driver: Driver) -> None:
        driver.look()
        assert isinstance(driver.reporter.next(driver.now), Wait)

    def test_says_hello_again_when_its_backends_change(self, driver: Driver, collector: ModelCollector) -> None:
        driver.backends = (Backend(root="/var/lib/docker", name="overlay2", type="graph-driver"),)
        driver.look()
        driver.settle()
        assert driver.sent[2:] == ["hello"], "the hashes are equal: no snapshot"
        assert collector.hellos[-1].backends == list(driver.backends)

    def test_heartbeats_stay_small_with_the_longest_numbers(self, driver: Driver) -> None:
        driver.now += 86_400 * 365
        driver.reporter.holdings.lost = 2**40
        message = last_message(driver)
        assert isinstance(message, Heartbeat)
        assert len(msgspec.json.encode(message)) <= 300


class TestAfterARestart:
    def test_equal_hashes_replace_the_snapshot(self, driver: Driver) -> None:
        driver.restart()
        driver.settle()
        assert driver.sent[2:] == ["hello"]

    def test_hello_carries_the_last_acknowledged_position(self, driver: Driver, collector: ModelCollector) -> None:
        driver.restart()
        driver.settle()
        position = collector.hellos[-1].acknowledged
        assert position is not None
        assert (position.generation, position.seq) == (f"1-{0:016x}", 1)

    def test_what_changed_meanwhile_comes_in_a_snapshot(self, driver: Driver, collector: ModelCollector) -> None:
        driver.restart()
        driver.drop(container(0))
        driver.settle()
        assert driver.sent[2:] == ["hello", "snapshot"]
        assert agree(driver, collector)

    def test_what_another_agent_told_after_the_first_look_is_seen_in_another_one(
        self, driver: Driver, collector: ModelCollector
    ) -> None:
        other = Driver(collector.post, node=driver.node, instance=100)
        driver.restart()
        driver.look()
        driver.put(container(9))
        other.settle()
        driver.looks.clear()
        driver.settle()
        assert driver.looks[0] is None
        assert container(9).entry_key in collector.entries
        assert agree(driver, collector)


class TestAKindThatCannotBeEnumerated:
    def test_removes_nothing_and_adopts_what_was_kept(self, driver: Driver, collector: ModelCollector) -> None:
        driver.unreadable = {Kind.VOLUME}
        driver.restart()
        driver.settle()
        assert volume(1).entry_key in collector.entries
        driver.put(container(5))
        driver.look()
        driver.settle()
        assert driver.sent[2:] == ["hello", "snapshot", "delta"], "the sums agree, kept entries included"

    def test_removes_what_was_kept_once_it_is_enumerated(self, driver: Driver, collector: ModelCollector) -> None:
        driver.unreadable = {Kind.VOLUME}
        driver.restart()
        driver.settle()
        driver.drop(volume(1))
        driver.unreadable = set()
        driver.look()
        driver.settle()
        assert agree(driver, collector)

    def test_removes_what_was_kept_though_it_was_enumerated_before_that_was_answered(
        self, driver: Driver, collector: ModelCollector
    ) -> None:
        """The answer to the snapshot comes after a look that has missed what the register kept."""
        driver.unreadable = {Kind.VOLUME}
        driver.drop(volume(1))
        driver.restart()
        while not isinstance(step := driver.reporter.next(driver.now), Send) or step.name != "snapshot":
            driver.step()
        driver.post = silence
        driver.step()
        driver.unreadable, driver.post = set(), collector.post
        driver.look()
        driver.settle()
        assert agree(driver, collector)

    def test_removes_in_a_delta_what_was_kept_for_a_conflict(self, driver: Driver, collector: ModelCollector) -> None:
        collector.conflict = True
        driver.restart()
        driver.drop(volume(1))
        driver.settle()
        assert volume(1).entry_key in collector.entries
        driver.look()
        driver.settle()
        assert driver.sent[-1] == "delta"
        assert volume(1).entry_key in collector.entries, "not even by name, while the conflict lasts"
        collector.conflict = False
        driver.look()
        driver.settle()
        assert driver.sent[-1] == "delta"
        assert agree(driver, collector)

    def test_is_told_in_a_delta_as_it_comes_and_goes(self, driver: Driver, collector: ModelCollector) -> None:
        assert collector.complete[Kind.VOLUME]
        for unreadable in ({Kind.VOLUME}, set()):
            driver.unreadable = unreadable
            driver.look()
            driver.settle()
            assert driver.sent[-1] == "delta"
            assert collector.complete[Kind.VOLUME] is not bool(unreadable)
            assert volume(1).entry_key in collector.entries

    def test_is_known_to_the_register_over_a_restart(self, driver: Driver, collector: ModelCollector) -> None:
        driver.unreadable = {Kind.VOLUME}
        driver.look()
        driver.settle()
        driver.unreadable = set()
        driver.restart()
        driver.settle()
        assert driver.sent[-2:] == ["hello", "delta"], "equal hashes do not say that the kind is complete again"
        assert collector.complete[Kind.VOLUME]

    def test_does_not_turn_what_was_seen_before_into_a_removal(self, driver: Driver, collector: ModelCollector) -> None:
        driver.unreadable = {Kind.CONTAINER}
        driver.look()
        driver.settle()
        assert agree(driver, collector)


def test_a_node_too_large_for_one_message_comes_in_several(collector: ModelCollector) -> None:
    driver = Driver(collector.post, room=1000)
    driver.put(*map(container, range(40)))
    driver.settle()
    assert driver.sent.count("delta") > 3
    assert agree(driver, collector)


class Listened:
    """A network that notes of which look each message is, in the agent's time."""

    def __init__(self, driver: Driver, collector: ModelCollector) -> None:
        self.driver, self.collector = driver, collector
        self.told: list[tuple[str, float]] = []

    def post(self, name: str, body: Body) -> Outcome:
        self.told.append((name, self.driver.now - float(msgspec.json.decode(inflate(body))["listed_ago"])))
        return self.collector.post(name, body)


class TestAMessageThatLeavesSomethingUntold:
    def test_vouches_for_no_look_that_saw_it_when_it_is_a_delta(self, collector: ModelCollector) -> None:
        driver = Driver(collector.post, room=1000)
        driver.put(*map(container, range(12)))
        driver.settle()
        driver.now += 10.0
        driver.look()
        driver.now += 10.0
        driver.put(*(container(number, "paused") for number in range(12)))
        seen_at = driver.now
        driver.look()
        listened = Listened(driver, collector)
        driver.post = listened.post
        driver.settle()
        *parts, last = [when for name, when in listened.told if name == "delta"]
        assert parts
        assert all(seen_at - 11.0 < when < seen_at - 9.0 for when in parts)
        assert last >= seen_at - 0.02

    def test_vouches_for_no_look_that_saw_it_when_it_is_a_heartbeat(
        self, driver: Driver, collector: ModelCollector
    ) -> None:
        driver.post = silence
        driver.now += 20.0
        driver.step()
        driver.put(container(0, "paused"))
        seen_at = driver.now
        driver.look()  # too soon after the silence: what it found is not kept
        listened = Listened(driver, collector)
        driver.post = listened.post
        driver.now += 20.0
        driver.settle()
        assert [name for name, _ in listened.told] == ["heartbeat", "delta"]
        heartbeat, delta = [when for _, when in listened.told]
        assert heartbeat < seen_at - 10.0
        assert delta >= seen_at


def test_a_node_too_large_for_one_message_is_whole_after_the_last_of_them(collector: ModelCollector) -> None:
    driver = Driver(collector.post)
    driver.put(*(container(number) for number in range(60)), volume(1))
    driver.settle()
    driver.drop(*(container(number) for number in range(40)))
    driver.room = 1000
    driver.restart()
    driver.settle()
    assert driver.sent.count("snapshot") == 2
    assert driver.sent.count("delta") >= 4 + 1, "removes come in parts too"
    assert agree(driver, collector)
    assert all(collector.complete[kind] for kind in Kind)


def test_an_empty_node_is_told_to_be_empty(collector: ModelCollector) -> None:
    driver = Driver(collector.post)
    driver.settle()
    assert driver.sent == ["hello", "delta"]
    assert all(collector.complete[kind] for kind in Kind)


def test_a_restored_database_gets_everything_again(driver: Driver, collector: ModelCollector) -> None:
    collector.restore()
    driver.now += 15
    driver.step()
    driver.settle()
    assert driver.sent[2:] == ["heartbeat", "hello", "snapshot"]
    assert agree(driver, collector)
    assert isinstance(collector.hellos[-1], Hello)
    assert collector.hellos[-1].acknowledged is not None
