"""``GET events``: changes as they come, as server-sent events or as lines.

Format: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
import contextlib
from time import monotonic
from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from collector.errors import ProblemError
from collector.http import access, params
from collector.http.listeners import Listeners
from collector.http.negotiation import NDJSON, preferred
from collector.http.params import Node, Query
from collector.http.routes import Access, Route
from collector.http.state import CONFIG, DATABASE, LISTENERS
from collector.lookup import changes
from collector.lookup.following import Follower
from collector.lookup.moments import moment
from collector.lookup.scope import scoped
from collector.store.read import nodes
from protocol.memory import Change
from protocol.messages import API
from protocol.problems import ProblemType

EVENTS: Final = "text/event-stream"
MOST: Final = 32
"""Most listeners at a time."""
_EVERY: Final = 1.0
_ALIVE: Final = 15.0
"""After so many seconds without a change something is sent, so that nobody in between thinks that all is over."""


class EventsQuery(Query, frozen=True, kw_only=True):
    """Parameters of ``events``."""

    since: Annotated[str, Meta(description="First what came since then; without it only what comes.")] = ""
    filter: Annotated[tuple[str, ...], Meta(description="`key=value`, as for `changes`.", max_length=64)] = ()
    node: Node = ""


async def _events(request: web.Request) -> web.StreamResponse:
    query = params.read(request, EventsQuery)
    limits = changes.asked(query.filter, query.node)
    listeners = request.app[LISTENERS]
    if listeners.number >= MOST:
        raise ProblemError(ProblemType.BUSY, f"{MOST} listeners are served already", retry_after=30)
    listeners.number += 1
    try:
        return await _serve(request, limits, query.since or request.headers.get("Last-Event-ID", ""), listeners)
    finally:
        listeners.number -= 1


async def _serve(request: web.Request, limits: changes.Asked, since: str, listeners: Listeners) -> web.StreamResponse:
    media = preferred(request, (EVENTS, NDJSON))
    response = web.StreamResponse(headers={"Content-Type": media, "Cache-Control": "no-store"})
    database = request.app[DATABASE]
    try:
        async with database.query() as conn:
            scope = await scoped(conn, request.app[CONFIG].silent_after, node=limits.node)
            begin = moment(since, await nodes.now(conn), "since")
            follower = Follower(limits, scope)
            await access.record(request, response.status)
            await response.prepare(request)
            await response.write(_still(media))
            async for one in follower.begin(begin):
                await response.write(_written(one, media))
    except ProblemError:
        if not response.prepared:
            raise
        if request.transport is not None:
            request.transport.abort()  # every HTTP client reports that
        return response
    last = monotonic()
    while not listeners.stopping.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(listeners.stopping.wait(), _EVERY)
        try:
            async with database.query() as conn:
                found = await follower.more(conn)
        except ProblemError:
            break  # the listener comes again, and is told why
        if not found and monotonic() - last < _ALIVE:
            continue
        await response.write(b"".join(_written(one, media) for one in found) or _still(media))
        last = monotonic()
    await response.write_eof()
    return response


def _written(one: Change, media: str) -> bytes:
    content = msgspec.json.encode(one)
    if media == NDJSON:
        return content + b"\n"
    return b"id: " + one.at.before.encode() + b"\nevent: change\ndata: " + content + b"\n\n"


def _still(media: str) -> bytes:
    return b"\n" if media == NDJSON else b": still here\n\n"


ROUTES = (
    Route(
        method="GET",
        path=f"{API}/events",
        handler=_events,
        access=Access.READER,
        tag="memory",
        summary="Changes as they come, as server-sent events",
        description=(
            "Each event is called `change`; its data is a change as in `changes`, its ID the moment. It goes on until "
            "the caller or the collector ends it; who comes again with `Last-Event-ID` gets what came in between. As "
            "`application/x-ndjson` one change a line, and now and then an empty line.\n\nThat a node ID is "
            "superseded is known only afterwards, when it has been silent for a while, of a moment that lies before "
            "what was told already: the end of what it had is among what came since `since`, never among what comes. "
            "`changes` over the window, and the state of the old ID in `nodes`, have it."
        ),
        query=EventsQuery,
        lines=(Change,),
        media=(EVENTS,),
        problems=(ProblemType.NOT_FOUND, ProblemType.AMBIGUOUS, ProblemType.BUSY),
    ),
)
