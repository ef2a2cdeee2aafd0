"""Full jitter, one second to a minute."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.backoff import BASE, CAP, ceiling, delay


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(0, 0.0), (1, 1.0), (2, 2.0), (3, 4.0), (4, 8.0), (5, 16.0), (6, 32.0), (7, 60.0), (10_000, 60.0)],
)
def test_the_ceiling_doubles_from_a_second_to_a_minute(failures: int, seconds: float) -> None:
    assert ceiling(failures) == seconds


@given(st.integers(1, 200), st.floats(0, 1, exclude_max=True), st.floats(0, 3600))
def test_a_wait_lies_between_what_was_asked_and_the_ceiling_above_it(failures: int, draw: float, asked: float) -> None:
    assert asked <= delay(failures, draw, at_least=asked) <= asked + CAP


@given(st.integers(1, 200))
def test_a_wait_can_be_any_part_of_its_ceiling(failures: int) -> None:
    assert delay(failures, 0.0) == 0.0
    assert delay(failures, 0.5) == ceiling(failures) / 2 >= BASE / 2
