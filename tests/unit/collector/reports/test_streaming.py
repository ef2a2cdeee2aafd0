from collections.abc import AsyncIterator, Callable

import pytest

from collector.reports import as_csv, as_html, as_json
from collector.reports.report import Report, Row
from tests.unit.collector.reports.samples import COLUMNS, MOMENT, head


@pytest.mark.parametrize("render", [as_csv.render, as_html.render, as_json.render])
async def test_no_renderer_holds_more_than_one_row(render: Callable[[Report], AsyncIterator[bytes]]) -> None:
    read = 0

    async def rows() -> AsyncIterator[Row]:
        nonlocal read
        for number in range(1000):
            read += 1
            yield (f"row-{number}.", MOMENT, number, "")

    written = 0
    async for piece in render(Report(head(), COLUMNS, rows())):
        written += piece.count(b"row-")
        assert read - written <= 1
    assert written == read == 1000
