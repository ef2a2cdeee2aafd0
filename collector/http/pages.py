"""What every list has in common: its parameters, pages of raw rows, and the stream of everything."""

from collections.abc import AsyncIterator
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from collector.http import params, streams
from collector.http.access import ROWS
from collector.http.negotiation import JSON, NDJSON, preferred
from collector.http.params import At, Cursor, Limit, Node, Query
from collector.http.state import CONFIG, DATABASE
from collector.lookup import filters, lists
from collector.lookup.scope import Scope, scoped
from protocol.answers import StreamEnd
from protocol.entries import Kind

DESCRIPTION = (
    "Filters are written `key=value`; the same key again means *or*, another key *and*, labels always *and*. "
    "An unknown key is refused with those there are. A field that a row leaves out has its default.\n\n"
    "As `application/x-ndjson` everything is sent, one item a line, `limit` and `cursor` aside; the last line is the "
    "coverage. A stream without it is incomplete."
)


class ListQuery(Query, frozen=True, kw_only=True):
    """Parameters of a list."""

    filter: Annotated[tuple[str, ...], Meta(description="`key=value`; may be repeated.", max_length=64)] = ()
    node: Node = ""
    at: At = ""
    limit: Limit = params.DEFAULT_LIMIT
    cursor: Cursor = ""


async def respond(request: web.Request, kind: Kind, name: str) -> web.StreamResponse:
    """Answer with a page of entries of this kind under ``name``, or with all of them as a stream."""
    query = params.read(request, ListQuery)
    chosen = filters.parse(kind, query.filter, query.node)
    async with request.app[DATABASE].query() as conn:
        scope = await scoped(conn, request.app[CONFIG].silent_after, node=chosen.node, at=query.at)
        if preferred(request, (JSON, NDJSON)) == NDJSON:
            return await streams.send(request, _lines(scope, kind, chosen))
        page = await lists.page(scope, kind, chosen, query.limit, query.cursor)
    request[ROWS] = len(page.rows)
    head = msgspec.json.encode({"coverage": scope.coverage, "next": page.next})
    body = b"".join((b'{"', name.encode(), b'":[', b",".join(page.rows), b"],", head[1:]))
    return web.Response(body=body, content_type=JSON)


async def _lines(scope: Scope, kind: Kind, chosen: filters.Filters) -> AsyncIterator[bytes]:
    rows = 0
    async for row in lists.everything(scope, kind, chosen):
        rows += 1
        yield row
    yield msgspec.json.encode(StreamEnd(rows=rows, coverage=scope.coverage))
