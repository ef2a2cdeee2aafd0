"""``GET nodes``: every node that the register knows."""

from aiohttp import web

from collector.http import answers, params
from collector.http.params import Query
from collector.http.routes import Access, Route
from collector.http.state import CONFIG, DATABASE
from collector.lookup import nodes
from protocol.answers import Nodes
from protocol.messages import API


async def _nodes(request: web.Request) -> web.StreamResponse:
    params.read(request, Query)
    async with request.app[DATABASE].query() as conn:
        return answers.json(await nodes.nodes(conn, request.app[CONFIG].silent_after))


ROUTES = (
    Route(
        method="GET",
        path=f"{API}/nodes",
        handler=_nodes,
        access=Access.READER,
        tag="lists",
        summary="Every node, what its agent says, and since when it is heard or silent",
        answer=Nodes,
    ),
)
