"""What is measured next: the new first, then what is due longest, nothing too often."""

import pytest

from agent.schedule import LATEST, RESTING, SOONEST, UNCHANGING, Schedule, pause_after
from protocol.entries import EntryKey, Kind


def key(name: str) -> EntryKey:
    return EntryKey(Kind.CONTAINER, "/var/lib/docker", name)


A, B, C = map(key, "abc")


def test_what_was_never_measured_comes_first_the_newest_of_it_before_all() -> None:
    schedule = Schedule()
    assert schedule.pick([A], 0.0) == [A]
    schedule.done(A, 1.0)
    assert schedule.pick([A, B], SOONEST, most=1) == [B]
    assert schedule.pick([A, B, C], SOONEST + 2.0) == [C, B, A]


def test_what_is_due_longest_comes_first() -> None:
    schedule = Schedule()
    schedule.pick([A, B, C], 0.0)
    for one, at in ((A, 30.0), (B, 10.0), (C, 1000.0)):
        schedule.done(one, at)
    assert schedule.pick([A, B, C], 5.0) == []
    assert schedule.pick([A, B, C], SOONEST + 50.0) == [B, A]


def test_what_is_gone_is_forgotten_and_new_when_it_is_back() -> None:
    schedule = Schedule()
    schedule.pick([A, B], 0.0)
    schedule.done(A, 0.0)
    assert schedule.pick([B], 1.0) == [B]
    assert len(schedule) == 1
    assert schedule.pick([A, B], 2.0) == [A, B]


@pytest.mark.parametrize("note", ["changed", "lost"])
def test_what_changed_or_was_lost_is_due_soon_and_never_put_off(note: str) -> None:
    schedule = Schedule()
    schedule.pick([A], 0.0)
    schedule.done(A, 0.0, still=True)
    for moment in range(0, 290, 10):
        getattr(schedule, note)([A, B], float(moment))
    assert schedule.pick([A], SOONEST - 1) == []
    assert schedule.pick([A], SOONEST) == [A]


def test_a_round_is_over_when_nothing_is_due() -> None:
    schedule = Schedule()
    schedule.pick([A, B], 100.0)
    schedule.done(A, 150.0)
    schedule.pick([A, B], 160.0)
    assert schedule.sweep is None
    schedule.done(B, 190.0)
    schedule.pick([A, B], 200.0)
    assert schedule.sweep == 100.0


def test_that_a_round_is_over_is_known_before_the_next_look() -> None:
    schedule = Schedule()
    schedule.pick([A, B], 100.0)
    schedule.done(A, 150.0)
    schedule.count_round(155.0)
    assert schedule.sweep is None
    schedule.done(B, 160.0)
    schedule.count_round(170.0)
    assert schedule.sweep == 70.0


def test_the_pause_grows_with_the_size_within_bounds() -> None:
    def pause(inodes: int) -> float:
        return pause_after(inodes, still=False, round_cpu=0.0)

    assert pause(0) == SOONEST
    assert SOONEST < pause(10_000) < pause(100_000)
    assert pause(10**9) == LATEST
    assert pause_after(5, still=True, round_cpu=100.0) == UNCHANGING


def test_measuring_everything_again_and_again_takes_no_more_than_its_share() -> None:
    keys = [key(str(number)) for number in range(100)]
    schedule = Schedule()
    schedule.pick(keys, 0.0)
    spent = 0.0
    for moment in range(0, 20_000, 10):
        for one in schedule.pick(keys, float(moment)):
            schedule.done(one, float(moment), cpu=0.01)
            spent += 0.01
    assert spent <= 100 * 0.01 + 20_000 * RESTING


def test_the_cost_of_what_is_gone_no_longer_counts() -> None:
    schedule = Schedule()
    schedule.pick([A, B], 0.0)
    schedule.done(A, 0.0, cpu=10.0)
    schedule.pick([B], 1.0)
    schedule.done(B, 1.0, cpu=0.001)
    assert schedule.pick([B], SOONEST + 1.0) == [B]
