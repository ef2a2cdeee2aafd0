"""What the register knows of what happened while no collector was heard: the agent's code, and rows in memory."""

import pytest

from tests.register.memory import MemoryRegister
from tests.register.world import Version
from tests.unit.agent.driving import Driver, container, silence

HOUR = 3600.0


class Away:
    """A node that was in step, and whose collector then does not answer for six hours."""

    def __init__(self) -> None:
        self.register = MemoryRegister(lambda: self.driver.now)
        self.driver: Driver = Driver(lambda name, body: self.register.post("one", name, body))
        self.driver.put(container(0), container(1))
        self.driver.settle()
        self.driver.now += 20.0
        self.driver.look()
        self.driver.step()
        self.left_at = self.register.now()
        self.post, self.driver.post = self.driver.post, silence

    def pass_hour(self) -> None:
        """An hour in which the agent looks, and tries to say what it saw."""
        for _ in range(6):
            self.driver.now += HOUR / 6
            self.driver.look()
            self.driver.step()

    def come_back(self) -> None:
        self.driver.post = self.post
        self.back_at = self.register.now()
        self.driver.now += 100.0
        self.driver.look()
        self.driver.settle()

    def versions(self, number: int) -> list[Version]:
        found = [one for one in self.register.versions("one") if one.key == container(number).entry_key]
        return sorted(found, key=lambda one: one.began_before)


def test_what_was_removed_meanwhile_ended_after_the_last_list_that_was_heard_of() -> None:
    away = Away()
    away.pass_hour()
    away.driver.drop(container(1))
    for _ in range(5):
        away.pass_hour()
    away.come_back()
    (gone,) = away.versions(1)
    assert gone.ended_after is not None
    assert gone.ended_before is not None
    assert away.left_at - 60.0 < gone.ended_after <= away.left_at
    assert away.back_at < gone.ended_before < away.back_at + 200.0


@pytest.mark.parametrize("clock_set", [0.0, 24 * HOUR, -24 * HOUR])
def test_what_a_late_message_tells_of_is_sure_at_no_moment_after_it_had_ended(clock_set: float) -> None:
    away = Away()
    away.driver.skew += clock_set
    away.driver.put(container(0, "paused"))
    away.pass_hour()
    seen_until = away.register.now()
    away.driver.put(container(0, "exited"))
    for _ in range(5):
        away.pass_hour()
    away.come_back()
    _, paused, exited = away.versions(0)
    assert paused.ended_after is not None
    assert away.left_at < paused.ended_after <= seen_until
    assert exited.began_after == paused.ended_after


def test_what_came_and_went_meanwhile_is_counted_and_not_told() -> None:
    away = Away()
    away.pass_hour()  # the message under way has none of it
    away.driver.put(container(2))
    away.pass_hour()
    away.driver.put(container(3))
    away.pass_hour()
    away.driver.drop(container(3))
    away.pass_hour()
    away.come_back()
    away.driver.now += 20.0
    away.driver.step()
    assert away.driver.sent[-1] == "heartbeat"
    assert (len(away.versions(2)), away.versions(3)) == (1, [])
    assert away.register.nodes["one"].moment.lost_events == 1
