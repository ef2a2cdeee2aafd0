"""What waits is not searched for garbage all the time, and garbage is found all the same."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from collector import garbage


@pytest.fixture(autouse=True)
def undone() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


class Cycle:
    """Garbage that only a search finds, as soon as nobody else has it."""

    def __init__(self) -> None:
        self.itself = self


def test_thousands_of_things_that_wait_are_not_searched() -> None:
    searches: list[str] = []

    def note(phase: str, _info: dict[str, int]) -> None:
        searches.append(phase)

    garbage.settle()
    gc.callbacks.append(note)
    try:
        waiting = [[number] for number in range(10_000)]
    finally:
        gc.callbacks.remove(note)
    assert (len(waiting), searches) == (10_000, [])


def test_what_was_there_before_is_left_out() -> None:
    long_lived = [[number] for number in range(1_000)]
    garbage.settle()
    assert gc.get_freeze_count() > len(long_lived)
    assert len(gc.get_objects()) < len(long_lived)


def test_garbage_is_found_without_being_asked_for() -> None:
    garbage.settle()
    found: list[None] = []
    cycle = Cycle()
    weakref.finalize(cycle, found.append, None)
    del cycle
    waiting = [[number] for number in range(50_000)]
    assert (len(waiting), found) == (50_000, [None])
