"""From the collector's HTTP side through the command into a file: memory does not grow with the rows."""

from pathlib import Path

from bench.report_rows import MOST_GROWTH, Ends


def test_two_hundred_thousand_rows_need_no_more_memory_than_a_thousand(tmp_path: Path) -> None:
    with Ends() as ends:
        few = ends.run(1_000, "csv", tmp_path)
        many = ends.run(200_000, "csv", tmp_path)
    assert many.size > 50_000_000, "held in memory it would show"
    assert many.collector - few.collector < MOST_GROWTH
    assert many.command - few.command < MOST_GROWTH
