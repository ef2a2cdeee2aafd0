"""``GET images``: the list of images."""

from aiohttp import web

from collector.http.pages import DESCRIPTION, ListQuery, respond
from collector.http.routes import Access, Route
from protocol.answers import ImageRow, Images, StreamEnd
from protocol.entries import Kind
from protocol.messages import API


async def _images(request: web.Request) -> web.StreamResponse:
    return await respond(request, Kind.IMAGE, "images")


ROUTES = (
    Route(
        method="GET",
        path=f"{API}/images",
        handler=_images,
        access=Access.READER,
        tag="lists",
        summary="Images, page by page or all in one stream",
        description=DESCRIPTION,
        query=ListQuery,
        answer=Images,
        lines=(ImageRow, StreamEnd),
    ),
)
