"""``GET history`` and ``GET changes``: what was, and what became of it."""

from collections.abc import AsyncIterator
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from collector.errors import ProblemError
from collector.http import answers, params, streams
from collector.http.access import ROWS
from collector.http.negotiation import JSON, NDJSON, preferred
from collector.http.params import Cursor, Limit, Node, Query, Ref
from collector.http.routes import Access, Route
from collector.http.state import CONFIG, DATABASE
from collector.lookup import changes, refs
from collector.lookup.history import history
from collector.lookup.moments import Window
from collector.lookup.scope import Scope, scoped, window_scope
from protocol.memory import Change, Changes, ChangesEnd, History
from protocol.messages import API
from protocol.problems import ProblemType

_TIME = "RFC 3339 with a zone, a Unix time, or a length of time before now (`1h30m`)."
Since = Annotated[str, Meta(description=f"Begin of the window: {_TIME} A day before its end unless given.")]
Until = Annotated[str, Meta(description=f"End of the window: {_TIME} Now unless given.")]


class HistoryQuery(Query, frozen=True, kw_only=True):
    """Parameters of ``history``."""

    ref: Ref
    node: Node = ""
    limit: Limit = params.DEFAULT_LIMIT
    cursor: Cursor = ""


class ChangesQuery(Query, frozen=True, kw_only=True):
    """Parameters of ``changes``."""

    since: Since = ""
    until: Until = ""
    begin: Annotated[str, Meta(description="The same as `since`.")] = msgspec.field(default="", name="from")
    end: Annotated[str, Meta(description="The same as `until`.")] = msgspec.field(default="", name="to")
    filter: Annotated[tuple[str, ...], Meta(description="`key=value`; may be repeated.", max_length=64)] = ()
    node: Node = ""
    limit: Limit = params.DEFAULT_LIMIT
    cursor: Cursor = ""


async def _history(request: web.Request) -> web.StreamResponse:
    query = params.read(request, HistoryQuery)
    ref = refs.parse(query.ref)
    async with request.app[DATABASE].query() as conn:
        scope = await scoped(conn, request.app[CONFIG].silent_after, node=query.node)
        answer = await history(scope, ref, query.limit, query.cursor)
    request[ROWS] = len(answer.versions)
    return answers.json(answer)


async def _changes(request: web.Request) -> web.StreamResponse:
    query = params.read(request, ChangesQuery)
    limits = changes.asked(query.filter, query.node)
    since, until = _either("since", query.since, "from", query.begin), _either("until", query.until, "to", query.end)
    silent_after = request.app[CONFIG].silent_after
    async with request.app[DATABASE].query() as conn:
        scope, window = await window_scope(conn, silent_after, node=limits.node, since=since, until=until)
        if preferred(request, (JSON, NDJSON)) == NDJSON:
            return await streams.send(request, _lines(scope, silent_after, window, limits))
        page = await changes.page(scope, silent_after, window, limits, query.limit, query.cursor)
    request[ROWS] = len(page.changes)
    return answers.json(page)


def _either(name: str, given: str, other: str, also: str) -> str:
    if given and also:
        raise ProblemError(
            ProblemType.BAD_REQUEST, f"{name!r} and {other!r} mean the same; give one of them", field=other
        )
    return given or also


async def _lines(scope: Scope, silent_after: float, window: Window, limits: changes.Asked) -> AsyncIterator[bytes]:
    rows = 0
    async for row in changes.everything(scope, window, limits):
        rows += 1
        yield msgspec.json.encode(row)
    covered = await changes.covered(scope, silent_after, window)
    yield msgspec.json.encode(ChangesEnd(rows=rows, coverage=covered))


ROUTES = (
    Route(
        method="GET",
        path=f"{API}/history",
        handler=_history,
        access=Access.READER,
        tag="memory",
        summary="Every version of what a reference names, or ever named",
        description=(
            "Also of what is removed, and on nodes that are gone. `ref` is as for `where`, but volumes, images, layers "
            "and binds are found by it too. Versions of one entry stand together, oldest first."
        ),
        query=HistoryQuery,
        answer=History,
        problems=(ProblemType.NOT_FOUND, ProblemType.AMBIGUOUS),
    ),
    Route(
        method="GET",
        path=f"{API}/changes",
        handler=_changes,
        access=Access.READER,
        tag="memory",
        summary="What appeared, changed and ended in a window, oldest first",
        description=(
            "Filters are written `key=value`: `kind`, `node`, `service`, `stack`, `id`, `name`, `task`, `image`, "
            "`label`, `volume`, `mount-id`; the same key again means *or*, another key *and*. The coverage is that of "
            "the window.\n\nAs `application/x-ndjson` everything is sent, one change a line, `limit` and `cursor` "
            "aside; the last line is the coverage. A stream without it is incomplete."
        ),
        query=ChangesQuery,
        answer=Changes,
        lines=(Change, ChangesEnd),
        problems=(ProblemType.NOT_FOUND, ProblemType.AMBIGUOUS),
    ),
)
