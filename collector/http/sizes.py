"""``GET df`` and ``GET top``: where the bytes are, and what is largest or grows most."""

from collections.abc import AsyncIterator
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from collector.http import answers, params, streams
from collector.http.negotiation import JSON, NDJSON, preferred
from collector.http.params import Cursor, Limit, Node, Query
from collector.http.routes import Access, Route
from collector.http.state import CONFIG, DATABASE
from collector.lookup import sizes, top
from collector.lookup.scope import Scope, scoped
from protocol.answers import StreamEnd
from protocol.messages import API
from protocol.problems import ProblemType
from protocol.sizes import DiskUse, Top, TopBy, TopOrder, TopRow


class DfQuery(Query, frozen=True, kw_only=True):
    """Parameters of ``df``."""

    node: Node = ""


class TopQuery(Query, frozen=True, kw_only=True):
    """Parameters of ``top``."""

    by: Annotated[TopBy, Meta(description="By what sizes are added up.")] = "container"
    order: Annotated[TopOrder, Meta(description="What comes first: the largest, or what grew most since `since`.")] = (
        "size"
    )
    since: Annotated[
        str,
        Meta(
            description="Growth is counted from then on: RFC 3339 with a zone, a Unix time, or a length of time before "
            "now; at most eight days. With `order=growth` it is `24h` unless given."
        ),
    ] = ""
    node: Node = ""
    limit: Limit = params.DEFAULT_LIMIT
    cursor: Cursor = ""


async def _df(request: web.Request) -> web.StreamResponse:
    query = params.read(request, DfQuery)
    async with request.app[DATABASE].query() as conn:
        scope = await scoped(conn, request.app[CONFIG].silent_after, node=query.node)
        return answers.json(await sizes.disk_use(scope))


async def _top(request: web.Request) -> web.StreamResponse:
    query = params.read(request, TopQuery)
    async with request.app[DATABASE].query() as conn:
        scope = await scoped(conn, request.app[CONFIG].silent_after, node=query.node)
        question = top.question(scope, query.by, query.order, query.since)
        if preferred(request, (JSON, NDJSON)) == NDJSON:
            return await streams.send(request, _lines(scope, question))
        return answers.json(await top.page(scope, question, query.limit, query.cursor))


async def _lines(scope: Scope, question: top.Question) -> AsyncIterator[bytes]:
    rows = 0
    async for row in top.everything(scope, question):
        rows += 1
        yield msgspec.json.encode(row)
    yield msgspec.json.encode(StreamEnd(rows=rows, coverage=scope.coverage))


ROUTES = (
    Route(
        method="GET",
        path=f"{API}/top",
        handler=_top,
        access=Access.READER,
        tag="sizes",
        summary="What is largest, or grew most since a moment",
        description=(
            "Sizes are those of writable layers, init layers and `containers/<id>` (logs); of volumes; for `by=node` "
            "of everything on the node. `by=image` adds up what the containers of an image have written. What has not "
            "been measured is counted in `total`, and is not in the list."
        ),
        query=TopQuery,
        answer=Top,
        lines=(TopRow, StreamEnd),
        problems=(ProblemType.NOT_FOUND, ProblemType.AMBIGUOUS),
    ),
    Route(
        method="GET",
        path=f"{API}/df",
        handler=_df,
        access=Access.READER,
        tag="sizes",
        summary="Where the bytes of every node and cluster are, and how much room is left",
        description=(
            "Image layers count once per node, however many images use them. Sums are over what was measured; "
            "`entries` and `measured` say how much that is."
        ),
        query=DfQuery,
        answer=DiskUse,
        problems=(ProblemType.NOT_FOUND, ProblemType.AMBIGUOUS),
    ),
)
