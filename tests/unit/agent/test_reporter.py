"""The agent's side of the protocol, message by message."""

import msgspec
import pytest

from agent.outcome import Outcome, Rejected, Unreachable
from agent.reporter import CONFLICT_WAIT, Send, Wait
from agent.wire import Body
from protocol.entries import Kind
from protocol.messages import Applied, Backend, Delta, Heartbeat, Hello
from protocol.problems import ProblemType
from tests.unit.agent.driving import Driver, container, silence, volume
from tests.unit.agent.model_collector import ModelCollector, inflate, refusal


@pytest.fixture
def collector() -> ModelCollector:
    return ModelCollector()


@pytest.fixture
def driver(collector: ModelCollector) -> Driver:
    """A settled node with three containers and a volume."""
    made = Driver(collector.post)
    made.put(*map(container, range(3)), volume(1))
    made.settle()
    return made


def agree(driver: Driver, collector: ModelCollector) -> bool:
    return collector.entries == driver.node


def last_message(driver: Driver) -> object:
    step = driver.reporter.next(driver.now)
    assert isinstance(step, Send), f"nothing is to be sent: {step}"
    return step.message


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


class TestALostAnswer:
    def test_is_followed_by_the_very_same_message(self, driver: Driver, collector: ModelCollector) -> None:
        bodies: list[bytes] = []

        def lossy(name: str, body: Body) -> Outcome:
            bodies.append(body.data)
            answer = collector.post(name, body)
            return answer if len(bodies) > 2 else Unreachable("lost on the way back")

        driver.post = lossy
        driver.put(container(9))
        driver.look()
        driver.settle()
        assert len(set(bodies)) == 1
        assert (collector.applied, agree(driver, collector)) == (2, True)

    def test_of_hello_does_not_make_a_second_generation(self, collector: ModelCollector) -> None:
        driver = Driver(collector.post)
        answers = iter([Unreachable("lost"), None])

        def lossy(name: str, body: Body) -> Outcome:
            answer = collector.post(name, body)
            return next(answers, None) or answer

        driver.post = lossy
        driver.settle()
        assert [hello.attempt for hello in collector.hellos] == [0, 0]
        assert collector.generation.startswith("1-")

    def test_waits_longer_each_time_and_never_over_a_minute(self, driver: Driver) -> None:
        driver.post = silence
        driver.put(container(9))
        driver.look()
        waits = []
        for _ in range(10):
            driver.step()
            step = driver.reporter.next(driver.now)
            assert isinstance(step, Wait)
            waits.append(round(step.until - driver.now, 3))
            driver.step()
        assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0, 30.0]


class TestWhileTheCollectorIsAway:
    def test_the_latest_state_wins_and_removals_are_not_lost(self, driver: Driver, collector: ModelCollector) -> None:
        driver.post = silence
        driver.put(container(9))
        driver.look()
        driver.step()
        driver.drop(container(0), container(9))
        driver.put(container(1, "paused"))
        driver.look()
        driver.put(container(1, "exited"))
        driver.look()
        driver.post = collector.post
        driver.settle()
        assert agree(driver, collector)

    def test_every_version_that_nobody_heard_of_is_counted_once(
        self, driver: Driver, collector: ModelCollector
    ) -> None:
        driver.post = silence
        driver.put(container(9))
        driver.look()
        driver.step()  # a delta with container 9 is under way
        for state in ("paused", "running", "exited"):
            driver.put(container(1, state))
            driver.look()
        driver.put(container(8))
        driver.look()
        driver.drop(container(8))
        driver.look()
        driver.post = collector.post
        driver.settle()
        # Container 1 paused, and 8 as it was: running is what the register held anyway, exited arrived.
        assert driver.reporter.holdings.lost == 2

    def test_what_came_and_went_is_counted_over_restarts_of_the_agent(
        self, driver: Driver, collector: ModelCollector
    ) -> None:
        driver.post = silence
        driver.put(container(7), container(8), container(9, "running"))
        driver.look()
        driver.step()  # a delta that nobody answers
        driver.restart()
        driver.drop(container(8))
        driver.put(container(9, "exited"))
        driver.step()
        driver.step()  # a hello that nobody answers
        driver.restart()
        driver.drop(container(9, "exited"))
        driver.post = collector.post
        driver.settle()
        assert driver.reporter.holdings.lost == 3, "8, and 9 in two states; 7 is still there"
        assert collector.hellos[-1].lost_events == 3
        driver.restart()
        driver.settle()
        assert driver.reporter.holdings.lost == 3

    def test_no_entry_is_kept(self, driver: Driver) -> None:
        driver.post = silence
        driver.put(container(9))
        driver.look()
        driver.step()
        driver.look()
        assert driver.reporter._latest is None


class TestARefusedEntry:
    def test_leaves_the_sum_and_is_not_sent_again(self, collector: ModelCollector) -> None:
        collector.refuses = lambda entry: entry.key == "data-1"
        driver = Driver(collector.post)
        driver.put(container(1), volume(1))
        driver.settle()
        driver.look()
        driver.settle()
        assert driver.sent == ["hello", "snapshot"]
        assert collector.entries == {container(1).entry_key: container(1)}

    def test_is_offered_again_when_it_changes(self, driver: Driver, collector: ModelCollector) -> None:
        collector.refuses = lambda entry: entry == volume(1, "plugin")
        driver.put(volume(1, "plugin"))
        driver.look()
        driver.settle()
        assert collector.entries[volume(1).entry_key] == volume(1), "the version before is kept"
        driver.put(volume(1, "other"))
        driver.look()
        driver.settle()
        assert agree(driver, collector)

    def test_that_goes_away_needs_no_removal(self, driver: Driver, collector: ModelCollector) -> None:
        collector.refuses = lambda entry: entry == volume(2)
        driver.put(volume(2))
        driver.look()
        driver.settle()
        driver.drop(volume(2))
        driver.look()
        assert isinstance(driver.reporter.next(driver.now), Wait)

    def test_is_part_of_every_snapshot_or_its_version_before_would_count_as_gone(
        self, driver: Driver, collector: ModelCollector
    ) -> None:
        collector.refuses = lambda entry: entry == volume(1, "plugin")
        driver.put(volume(1, "plugin"))
        driver.look()
        driver.settle()
        collector.rows.pop(container(0).entry_key)
        driver.now += 15
        driver.step()
        driver.settle()
        assert driver.sent[-1] == "snapshot"
        assert collector.entries[volume(1).entry_key] == volume(1)

    def test_is_removed_with_its_version_before_when_it_goes(self, driver: Driver, collector: ModelCollector) -> None:
        collector.refuses = lambda entry: entry == volume(1, "plugin")
        driver.put(volume(1, "plugin"))
        driver.look()
        driver.settle()
        driver.drop(volume(1))
        driver.look()
        driver.settle()
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


class TestAProblem:
    def test_hello_starts_a_new_generation(self, driver: Driver, collector: ModelCollector) -> None:
        collector.supersede()
        driver.now += 15
        driver.step()
        driver.settle()
        assert driver.sent[2:] == ["heartbeat", "hello"]
        assert collector.hellos[-1].attempt == 1

    def test_resync_brings_a_snapshot(self, driver: Driver, collector: ModelCollector) -> None:
        collector.rows.pop(container(0).entry_key)
        driver.put(container(5))
        driver.look()
        driver.settle()
        assert driver.sent[2:] == ["delta", "snapshot"]
        assert agree(driver, collector)

    def test_conflict_silences_the_agent_for_a_minute(self, driver: Driver) -> None:
        driver.post = lambda _name, _body: refusal(ProblemType.CONFLICT)
        driver.now += 15
        driver.step()
        step = driver.reporter.next(driver.now)
        assert isinstance(step, Wait)
        assert step.until - driver.now >= CONFLICT_WAIT

    def test_busy_waits_as_long_as_it_was_asked_and_sends_the_same(self, driver: Driver) -> None:
        driver.put(container(5))
        driver.look()
        first = driver.reporter.next(driver.now)
        driver.post = lambda _name, _body: refusal(ProblemType.BUSY, retry_after=7.0)
        driver.step()
        step = driver.reporter.next(driver.now)
        assert isinstance(step, Wait)
        assert step.until - driver.now == pytest.approx(7.5)
        driver.step()
        assert driver.reporter.next(driver.now) is first

    def test_too_large_is_followed_by_smaller_messages(self, collector: ModelCollector) -> None:
        def narrow(name: str, body: Body) -> Outcome:
            too_large = name == "snapshot" and len(inflate(body)) > 2000
            return refusal(ProblemType.TOO_LARGE) if too_large else collector.post(name, body)

        driver = Driver(narrow, room=4000)
        driver.put(*map(container, range(40)))
        driver.settle()
        assert driver.sent.count("snapshot") > 1
        assert agree(driver, collector)

    def test_of_a_proxy_loses_nothing(self, driver: Driver, collector: ModelCollector) -> None:
        driver.put(container(5))
        driver.look()
        driver.post = lambda _name, _body: Rejected(None, 500, "an error page")
        driver.step()
        driver.post = collector.post
        driver.settle()
        assert agree(driver, collector)

    def test_a_register_with_another_sum_gets_a_snapshot_but_not_at_once(
        self, driver: Driver, collector: ModelCollector
    ) -> None:
        def wrong(name: str, body: Body) -> Outcome:
            answer = collector.post(name, body)
            return msgspec.structs.replace(answer, state_hash="0" * 64) if isinstance(answer, Applied) else answer

        driver.post = wrong
        driver.put(container(5))
        driver.look()
        driver.step()
        assert isinstance(driver.reporter.next(driver.now), Wait)
        driver.post = collector.post
        driver.settle()
        assert driver.sent[2:] == ["delta", "snapshot"]


def test_a_node_too_large_for_one_message_comes_in_several(collector: ModelCollector) -> None:
    driver = Driver(collector.post, room=1000)
    driver.put(*map(container, range(40)))
    driver.settle()
    assert driver.sent.count("delta") > 3
    assert agree(driver, collector)


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
