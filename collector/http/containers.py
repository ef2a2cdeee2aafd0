"""``GET containers``: the list of containers."""

from aiohttp import web

from collector.http.pages import DESCRIPTION, ListQuery, respond
from collector.http.routes import Access, Route
from protocol.answers import ContainerRow, Containers, StreamEnd
from protocol.entries import Kind
from protocol.messages import API


async def _containers(request: web.Request) -> web.StreamResponse:
    return await respond(request, Kind.CONTAINER, "containers")


ROUTES = (
    Route(
        method="GET",
        path=f"{API}/containers",
        handler=_containers,
        access=Access.READER,
        tag="lists",
        summary="Containers, page by page or all in one stream",
        description=DESCRIPTION,
        query=ListQuery,
        answer=Containers,
        lines=(ContainerRow, StreamEnd),
    ),
)
