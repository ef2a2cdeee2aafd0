"""``GET layers``: the list of layers."""

from aiohttp import web

from collector.http.pages import DESCRIPTION, ListQuery, respond
from collector.http.routes import Access, Route
from protocol.answers import LayerRow, Layers, StreamEnd
from protocol.entries import Kind
from protocol.messages import API


async def _layers(request: web.Request) -> web.StreamResponse:
    return await respond(request, Kind.LAYER, "layers")


ROUTES = (
    Route(
        method="GET",
        path=f"{API}/layers",
        handler=_layers,
        access=Access.READER,
        tag="lists",
        summary="Layer directories that are no container's own, page by page or all in one stream",
        description=DESCRIPTION,
        query=ListQuery,
        answer=Layers,
        lines=(LayerRow, StreamEnd),
    ),
)
