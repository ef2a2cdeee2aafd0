"""``GET reports/{name}``: a report as a file, sent as it is made."""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Final

from aiohttp import web
from msgspec import Meta

from collector.errors import ProblemError
from collector.http import params, streams
from collector.http.negotiation import preferred
from collector.http.params import Node, Query
from collector.http.routes import Access, Route
from collector.http.state import CONFIG, DATABASE
from collector.reports import as_csv, as_html, as_json, as_pdf, making
from collector.reports.proof import Signing
from collector.reports.report import Report, Row
from protocol.messages import API
from protocol.problems import ProblemType
from protocol.reports import FORMATS, MULTIPART, PDF_ROWS, REPORTS, Format, ReportDocument

AT_ONCE: Final = 2
"""Reports that one collector makes at the same time: each holds a connection to the database."""
_PATH: Final = f"{API}/reports/{{name}}"
_TIME: Final = "RFC 3339 with a zone, a Unix time, or a length of time before now (`1h30m`)."
_RENDERERS: Final[dict[Format, Callable[[Report], AsyncIterator[bytes]]]] = {
    "html": as_html.render,
    "csv": as_csv.render,
    "json": as_json.render,
}

UNDER_WAY: Final = web.AppKey("reports_under_way", asyncio.Semaphore)


class ReportQuery(Query, frozen=True, kw_only=True):
    """Parameters of a report."""

    since: Annotated[str, Meta(description=f"Begin of the window: {_TIME} A day before its end unless given.")] = ""
    until: Annotated[str, Meta(description=f"End of the window: {_TIME} Now unless given.")] = ""
    format: Annotated[Format, Meta(description="What the file is.")] = "json"
    filter: Annotated[tuple[str, ...], Meta(description="`key=value`; may be repeated.", max_length=64)] = ()
    node: Node = ""
    csv_name: Annotated[str, Meta(description="What a PDF calls the CSV that is made with it.", max_length=255)] = ""


async def _report(request: web.Request) -> web.StreamResponse:
    query = params.read(request, ReportQuery)
    question = making.asked(
        request.match_info["name"], since=query.since, until=query.until, filters=query.filter, node=query.node
    )
    under_way = request.app[UNDER_WAY]
    if under_way.locked():
        raise ProblemError(
            ProblemType.BUSY, f"{AT_ONCE} reports are being made already; try again later", retry_after=10
        )
    async with under_way, request.app[DATABASE].query() as conn:
        config = request.app[CONFIG]
        signing = Signing(config.signing_key, config.checkpoints)
        report = await making.make(conn, config.silent_after, question, signing)
        return await send(request, report, query.format, query.csv_name)


async def send(request: web.Request, report: Report, kind: Format, csv_name: str = "") -> web.StreamResponse:
    """Answer with the report in this format; ``csv_name`` is what a PDF calls the CSV that is made with it."""
    name = f"mountbook-{report.head.name}-{report.head.until[:10]}"
    if kind != "pdf":
        headers = _headers(FORMATS[kind], f"{name}.{kind}")
        return await streams.send_file(request, headers, _RENDERERS[kind](report))
    if preferred(request, (FORMATS["pdf"], MULTIPART)) == MULTIPART:
        return await _with_csv(request, report, csv_name or f"{name}.csv")
    return await _alone(report, name)


async def _alone(report: Report, name: str) -> web.StreamResponse:
    """Answer with the PDF; the CSV that it names is read for its hash, and not kept."""
    made = _Made(report)
    async for _ in made.csv():
        pass
    document = await made.pdf(f"{name}.csv")
    return web.Response(body=document, headers=_headers(FORMATS["pdf"], f"{name}.pdf"))


async def _with_csv(request: web.Request, report: Report, csv_name: str) -> web.StreamResponse:
    """Answer with two parts (RFC 2046): the CSV as it is made, then the PDF that names it."""
    boundary = secrets.token_hex(16)
    headers = {"Content-Type": f'{MULTIPART}; boundary="{boundary}"', "X-Content-Type-Options": "nosniff"}

    async def parts() -> AsyncIterator[bytes]:
        made = _Made(report)
        yield f"--{boundary}\r\nContent-Type: {FORMATS['csv']}; charset=utf-8\r\n\r\n".encode()
        async for record in made.csv():
            yield record
        yield f"\r\n--{boundary}\r\nContent-Type: {FORMATS['pdf']}\r\n\r\n".encode()
        yield await made.pdf(csv_name)
        yield f"\r\n--{boundary}--\r\n".encode()

    return await streams.send_file(request, headers, parts())


class _Made:
    """A report that is made as CSV first, and as PDF when that is through."""

    def __init__(self, report: Report) -> None:
        self._kept: list[Row] = []
        self._rows = 0
        self._hash = hashlib.sha256()
        self._report = Report(report.head, report.columns, self._counted(report.rows))

    async def csv(self) -> AsyncIterator[bytes]:
        async for record in as_csv.render(self._report):
            self._hash.update(record)
            yield record

    async def pdf(self, csv_name: str) -> bytes:
        whole = as_pdf.Whole(csv_name, self._hash.hexdigest(), self._rows)
        return await asyncio.to_thread(as_pdf.render, self._report.head, self._report.columns, self._kept, whole)

    async def _counted(self, rows: AsyncIterator[Row]) -> AsyncIterator[Row]:
        async for row in rows:
            self._rows += 1
            if len(self._kept) < PDF_ROWS:
                self._kept.append(row)
            yield row


def _headers(media: str, name: str) -> dict[str, str]:
    text = media.startswith("text/")
    return {
        "Content-Type": f"{media}; charset=utf-8" if text else media,
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
        "X-Content-Type-Options": "nosniff",
    }


ROUTES = (
    Route(
        method="GET",
        path=_PATH,
        within={"name": tuple(REPORTS)},
        handler=_report,
        access=Access.AUDITOR,
        tag="reports",
        summary="A report as a file: HTML, CSV, JSON or PDF",
        description=(
            "\n".join(f"- `{name}`: {about}" for name, about in REPORTS.items())
            + "\n\nEvery format but PDF is sent as it is made, however long it is; its last line says how many rows it "
            f"has. A PDF shows the first {PDF_ROWS:,} rows and names a CSV with all of them by its SHA-256; with "
            f"`Accept: {MULTIPART}` both are sent, the CSV first. Filters are those of the list that the report is "
            "about."
        ),
        query=ReportQuery,
        answer=ReportDocument,
        media=(FORMATS["html"], FORMATS["csv"], FORMATS["pdf"], MULTIPART),
        problems=(ProblemType.NOT_FOUND, ProblemType.AMBIGUOUS, ProblemType.BUSY),
    ),
)
