"""Sizes in docker's units, and what a sum leaves out."""

import pytest

from mountbook.output.amounts import amount, grown, human, one, share, totals, unmeasured
from protocol.sizes import NodeSize, Size


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0B"),
        (999, "999B"),
        (1_000, "1kB"),
        (2_100_000_000, "2.1GB"),
        (123_456, "123kB"),
        (999_499, "999kB"),
        (999_500, "1MB"),
        (-5_300, "-5.3kB"),
        (2**62, "4.61EB"),
        (5 * 10**21, "5e+03EB"),
    ],
)
def test_a_size_has_three_digits_and_a_decimal_unit(size: int, text: str) -> None:
    assert human(size) == text
    assert human(size, exact=True) == str(size)


def test_a_lower_bound_and_what_is_not_measured_are_marked() -> None:
    assert amount(Size(entries=2, measured=2, bytes=5_000)) == "5kB"
    assert amount(Size(entries=2, measured=1, bytes=5_000)) == ">5kB"
    assert amount(Size(entries=2, measured=2, partial=1, bytes=5_000)) == ">5kB"
    assert amount(Size(entries=2)) == "?"
    assert amount(Size()) == amount(None) == ""
    assert one(None, partial=False) == "?"
    assert one(7, partial=True) == ">7B"


def test_growth_has_a_sign() -> None:
    assert [grown(size) for size in (5, 0, -5, None)] == ["+5B", "0B", "-5B", ""]


def test_a_share_of_nothing_is_nothing() -> None:
    assert (share(1, 4), share(0, 0)) == ("25%", "")


def test_a_sum_says_what_it_leaves_out() -> None:
    assert unmeasured(Size(entries=3, measured=3)) == ""
    assert unmeasured(Size(entries=1)) == "1 of 1 entry not measured yet: sums are lower bounds (>)"
    said = unmeasured(Size(entries=3, measured=2, partial=1))
    assert said == "1 of 3 entries not measured yet; 1 could not be read to the end: sums are lower bounds (>)"
    assert totals(Size(), "orphan", []) == "no orphans"
    size = Size(entries=1, measured=1, bytes=7)
    node = NodeSize(cluster="c", node="n", hostname="h", size=size)
    assert totals(size, "orphan", [node]) == "1 orphan on 1 node, 7B in all"
