"""The table of measurements."""

from bench.table import Row, at_most, written


def test_the_ratio_is_the_median_of_the_pairs_not_the_ratio_of_the_medians() -> None:
    row = at_most("S1", "both", "s", [(1.0, 1.0), (2.0, 4.0), (9.0, 3.0)], 1.0)
    assert row == Row("S1", "both", "2 s", "3 s", 1.0, "≤ 1 ×", True)


def test_a_ratio_above_the_goal_does_not_hold() -> None:
    assert at_most("S1", "both", "ms", [(0.3, 0.1)], 2.5).holds is False


def test_every_row_is_a_line_below_the_headings() -> None:
    text = written([Row("S2", "list", "needs root"), at_most("S17", "where", "ms", [(0.2, 0.1)], 3)])
    assert text.splitlines() == [
        "     what   ours        yardstick  ratio  goal   holds",
        "S2   list   needs root  –          –      –      –",
        "S17  where  200 ms      100 ms     2.00   ≤ 3 ×  yes",
    ]
