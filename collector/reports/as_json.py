"""JSON: one object (``protocol.reports.ReportDocument``), a row a line, so that it can be read as it comes."""

from collections.abc import AsyncIterator

import msgspec

from collector.reports.report import Report
from protocol.reports import ReportColumn, ReportEnd


async def render(report: Report) -> AsyncIterator[bytes]:
    """Yield the report, a row at a time."""
    encoder = msgspec.json.Encoder()
    columns = [ReportColumn(name=one.name, title=one.title, about=one.about) for one in report.columns]
    yield b'{"report":%b,\n"columns":%b,\n"rows":[' % (encoder.encode(report.head), encoder.encode(columns))
    names = [column.name for column in report.columns]
    rows = 0
    async for row in report.rows:
        yield b"\n" if rows == 0 else b",\n"
        yield encoder.encode(dict(zip(names, row, strict=True)))
        rows += 1
    yield b'\n],\n"end":%b}\n' % encoder.encode(ReportEnd(rows=rows))
