"""The agent's side of the protocol when nothing comes back: a lost answer, a collector that is away."""

import msgspec

from agent.outcome import Outcome, Unreachable
from agent.reporter import Wait
from agent.wire import Body
from protocol.messages import Hello
from tests.unit.agent.driving import Driver, agree, container, silence
from tests.unit.agent.model_collector import ModelCollector


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

    def test_of_hello_is_followed_by_one_with_the_clock_of_then(self, driver: Driver) -> None:
        """The register sees from it how wrong the clock is, and from that how long later messages are under way."""
        told: list[Hello] = []

        def lossy(name: str, body: Body) -> Outcome:
            told.append(msgspec.json.decode(body.data, type=Hello))
            return Unreachable("lost")

        driver.restart()
        driver.post = lossy
        while len(told) < 2:
            driver.step()
        assert told[1].clock > told[0].clock
        assert told[1] == msgspec.structs.replace(told[0], clock=told[1].clock)

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
