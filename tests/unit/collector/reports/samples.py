"""Reports with given rows, and what becomes of them."""

from collections.abc import AsyncIterator, Callable, Iterable

from collector.reports.report import Column, Report, Row
from protocol.answers import Bounds
from protocol.reports import REPORTS, ChainHead, Missing, ReportCoverage, ReportHead

SINCE = "2026-01-01T00:00:00.000000Z"
UNTIL = "2026-02-01T00:00:00.000000Z"
HASH = "ab" * 32
COLUMNS = (
    Column("name", "Name", 1.0),
    Column("at", "When", 1.0, bounds=True),
    Column("size", "Size", 0.5),
    Column("hidden", "Hidden", 0),
)
MOMENT = Bounds(after="2026-01-04T00:00:00.000000Z", before="2026-01-04T00:00:30.000000Z")


def head(*, complete: bool = False, filters: Iterable[str] = ("stack=shop",)) -> ReportHead:
    missing = [
        Missing(
            cluster="c1",
            node="n1id",
            hostname="n1",
            reason="silent",
            after="2026-01-04T00:00:00.000000Z",
            before="2026-01-04T01:00:00.000000Z",
        )
    ]
    return ReportHead(
        name="inventory",
        title="Inventory of containers",
        about=REPORTS["inventory"],
        since=SINCE,
        until=UNTIL,
        filters=list(filters),
        generated_at=UNTIL,
        generator="mountbook 0.1.0",
        coverage=ReportCoverage(
            complete=complete,
            nodes=3,
            nodes_observed=3 if complete else 2,
            missing=[] if complete else missing,
            missing_total=0 if complete else 21,
        ),
        audit_log=ChainHead(register="r1", seq=7, hash=HASH, chained_at=UNTIL),
    )


def report(rows: Iterable[Row], columns: tuple[Column, ...] = COLUMNS) -> Report:
    async def one_by_one() -> AsyncIterator[Row]:
        for row in rows:
            yield row

    return Report(head(), columns, one_by_one())


async def rendered(render: Callable[[Report], AsyncIterator[bytes]], given: Report) -> bytes:
    return b"".join([piece async for piece in render(given)])
