import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.reports import as_csv
from collector.reports.report import Column
from protocol.answers import Bounds
from protocol.reports import END
from tests.unit.collector.reports.samples import HASH, MOMENT, SINCE, UNTIL, rendered, report

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)


def read(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline=""), strict=True))


def undone(text: str) -> str:
    return text.removeprefix("'")


async def test_the_head_the_columns_the_rows_and_the_end_follow_one_another() -> None:
    content = await rendered(as_csv.render, report([("web", MOMENT, 7, None), ("db", None, -0.5, True)]))
    records = read(content)
    assert {len(record) for record in records} == {5}
    above = {record[0]: record[1] for record in records if record[0].startswith("#")}
    assert above["# report"] == "inventory"
    assert above["# window"] == f"after {SINCE}, until {UNTIL}"
    assert above["# filters"] == "stack=shop"
    assert above["# coverage"] == "2 of 3 nodes observed during the whole window"
    assert HASH in above["# audit log"]
    assert [record for record in records if not record[0].startswith("#")] == [
        ["name", "at_after", "at_before", "size", "hidden"],
        ["web", MOMENT.after, MOMENT.before, "7", ""],
        ["db", "", "", "-0.5", "yes"],
    ]
    assert records[-1][:2] == ["# end", "2"]


async def test_times_without_observation_are_named_and_what_is_left_out_is_counted() -> None:
    records = read(await rendered(as_csv.render, report([])))
    gaps = [record[1] for record in records if record[0] == "# not observed"]
    assert gaps == [
        "n1 (n1id): silent, after 2026-01-04T00:00:00.000000Z, until 2026-01-04T01:00:00.000000Z",
        "and 20 more such times; the report `coverage` lists all",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        " =1",
        "\r=1",
        "#x",
        "'=1",
        "\uff1d1",
        '=HYPERLINK("http://x","y")',
        "\ufeff=1",
    ],
)
async def test_no_text_is_taken_for_a_formula(text: str) -> None:
    (row,) = [
        record
        for record in read(await rendered(as_csv.render, report([(text, None, None, text)])))
        if not record[0].startswith("#") and record[0] != "name"
    ]
    for field in (row[0], row[4]):
        assert field.lstrip()[0] not in "=+-@#\uff1d"
        assert field.isprintable()


@given(st.lists(st.tuples(TEXT, st.none() | st.integers()), max_size=5))
@settings(max_examples=60, deadline=None)
async def test_whatever_the_text_each_record_is_one_line_and_says_it_again(rows: list[tuple[str, int | None]]) -> None:
    columns = (Column("text", "Text"), Column("number", "Number"), Column("more", "More"))
    content = await rendered(as_csv.render, report([(text, number, text) for text, number in rows], columns))
    records = read(content)
    assert content.count(b"\r\n") == len(records) == content.count(b"\n")
    end = END["csv"].search(content)
    assert end is not None
    assert int(end[1]) == len(rows)
    found = records[-1 - len(rows) : -1]
    for (text, number), record in zip(rows, found, strict=True):
        assert record[1] == ("" if number is None else str(number))
        if text.isprintable():
            assert undone(record[0]) == text == undone(record[2])


async def test_a_beginning_that_is_not_known_leaves_its_field_empty() -> None:
    content = await rendered(as_csv.render, report([("web", Bounds(after=None, before=SINCE), 1, "")]))
    assert read(content)[-2] == ["web", "", SINCE, "1", ""]
