"""The agent's side of the protocol when the collector says no."""

import msgspec
import pytest

from agent.outcome import Outcome, Rejected
from agent.reporter import CONFLICT_WAIT, Wait
from agent.wire import Body
from protocol.messages import Applied
from protocol.problems import ProblemType
from tests.unit.agent.driving import Driver, agree, container, volume
from tests.unit.agent.model_collector import ModelCollector, inflate, refusal


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
