"""The clock of messages: what a register can make of it, whatever happens to the wall clock."""

import pytest

from agent.toldclock import ToldClock


class Wall:
    """A wall clock that can be set; ``now`` is the monotonic clock."""

    def __init__(self) -> None:
        self.now, self.offset = 100.0, 1_700_000_000.0

    def __call__(self) -> float:
        return self.now + self.offset


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def clock(wall: Wall) -> ToldClock:
    """One of which a hello has told."""
    clock = ToldClock(wall)
    clock.begin()
    clock.tell(wall.now)
    return clock


def test_what_is_told_is_the_wall_clock(wall: Wall, clock: ToldClock) -> None:
    wall.now, wall.offset = 160.0, 1_700_003_600.0
    assert clock.tell(wall.now) == 1_700_003_760.0


@pytest.mark.parametrize("seconds", [-86_400.0, -1.0, 1.0, 86_400.0])
def test_a_clock_that_is_set_changes_nothing_until_it_is_told(wall: Wall, clock: ToldClock, seconds: float) -> None:
    wall.now += 60
    wall.offset += seconds
    assert clock.at(wall.now) == pytest.approx(1_700_000_160.0, abs=0.0011)
    clock.tell(wall.now)
    clock.taken()
    assert clock.at(wall.now) == pytest.approx(1_700_000_160.0 + seconds, abs=0.0011)


@pytest.mark.parametrize("seconds", [-3600.0, 3600.0])
def test_of_what_may_have_arrived_the_slowest_counts(wall: Wall, clock: ToldClock, seconds: float) -> None:
    wall.offset += seconds
    clock.tell(wall.now)
    assert clock.at(wall.now) == pytest.approx(1_700_000_100.0 + min(0.0, seconds), abs=0.0011)
    wall.offset += 7200
    clock.tell(wall.now)
    clock.taken()
    assert clock.at(wall.now) == pytest.approx(1_700_007_300.0 + seconds, abs=0.0011)


def test_a_new_session_knows_nothing_of_the_former(wall: Wall, clock: ToldClock) -> None:
    wall.offset += 3600
    clock.begin()
    clock.tell(wall.now)
    assert clock.at(wall.now) == pytest.approx(1_700_003_700.0, abs=0.0011)


def test_it_never_runs_ahead_of_what_was_told(wall: Wall, clock: ToldClock) -> None:
    for milliseconds in range(1, 2000, 7):
        now = wall.now + milliseconds / 9000
        assert clock.at(now) <= now + wall.offset
