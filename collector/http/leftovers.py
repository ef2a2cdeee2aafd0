"""``GET orphans`` and ``GET ghosts``: what is left over on disk."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Annotated, Any

import msgspec
from aiohttp import web
from msgspec import Meta

from collector.http import answers, params, streams
from collector.http.negotiation import JSON, NDJSON, preferred
from collector.http.pages import DESCRIPTION
from collector.http.params import At, Cursor, Limit, Node, Query
from collector.http.routes import Access, Route
from collector.http.state import CONFIG, DATABASE
from collector.lookup import leftovers
from collector.lookup.scope import Scope, scoped
from protocol.answers import StreamEnd
from protocol.messages import API
from protocol.problems import ProblemType
from protocol.sizes import GhostRow, Ghosts, OrphanRow, Orphans


class LeftoverQuery(Query, frozen=True, kw_only=True):
    """Parameters of ``orphans`` and ``ghosts``."""

    filter: Annotated[tuple[str, ...], Meta(description="`key=value`; may be repeated.", max_length=64)] = ()
    node: Node = ""
    at: At = ""
    limit: Limit = params.DEFAULT_LIMIT
    cursor: Cursor = ""


_Read = Callable[[Sequence[str], str], leftovers.Question]
_Page = Callable[[Scope, leftovers.Question, int, str], Any]


async def _respond(request: web.Request, read: _Read, page: _Page) -> web.StreamResponse:
    query = params.read(request, LeftoverQuery)
    asked = read(query.filter, query.node)
    async with request.app[DATABASE].query() as conn:
        scope = await scoped(conn, request.app[CONFIG].silent_after, node=asked.node, at=query.at)
        if preferred(request, (JSON, NDJSON)) == NDJSON:
            return await streams.send(request, _lines(scope, asked))
        return answers.json(await page(scope, asked, query.limit, query.cursor))


async def _lines(scope: Scope, asked: leftovers.Question) -> AsyncIterator[bytes]:
    rows = 0
    async for row in leftovers.everything(scope, asked):
        rows += 1
        yield msgspec.json.encode(row)
    yield msgspec.json.encode(StreamEnd(rows=rows, coverage=scope.coverage))


async def _orphans(request: web.Request) -> web.StreamResponse:
    return await _respond(request, leftovers.orphans_asked, leftovers.orphans)


async def _ghosts(request: web.Request) -> web.StreamResponse:
    return await _respond(request, leftovers.ghosts_asked, leftovers.ghosts)


ROUTES = (
    Route(
        method="GET",
        path=f"{API}/orphans",
        handler=_orphans,
        access=Access.READER,
        tag="sizes",
        summary="Layer directories that nothing claims, with the evidence, since when, and what they cost",
        description=(
            "`filter=use=unclaimed` lists what nothing claims but changed lately, `filter=use=removing` what the "
            "engine was deleting when it was interrupted. Nothing is ever deleted. With `at` there are no sizes: those "
            "of the past are kept for `top` only.\n\n" + DESCRIPTION
        ),
        query=LeftoverQuery,
        answer=Orphans,
        lines=(OrphanRow, StreamEnd),
        problems=(ProblemType.NOT_FOUND, ProblemType.AMBIGUOUS),
    ),
    Route(
        method="GET",
        path=f"{API}/ghosts",
        handler=_ghosts,
        access=Access.READER,
        tag="sizes",
        summary="Containers on disk that their engine no longer lists, and what they cost",
        description=DESCRIPTION,
        query=LeftoverQuery,
        answer=Ghosts,
        lines=(GhostRow, StreamEnd),
        problems=(ProblemType.NOT_FOUND, ProblemType.AMBIGUOUS),
    ),
)
