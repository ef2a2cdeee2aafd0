"""``GET nodes``: every node that the register knows."""

from aiohttp import web

from collector.http import answers, params
from collector.http.params import At, Query
from collector.http.routes import Access, Route
from collector.http.state import CONFIG, DATABASE
from collector.lookup import nodes
from protocol.answers import Nodes
from protocol.messages import API


class NodesQuery(Query, frozen=True, kw_only=True):
    """Parameters of ``nodes``."""

    at: At = ""


async def _nodes(request: web.Request) -> web.StreamResponse:
    query = params.read(request, NodesQuery)
    async with request.app[DATABASE].query() as conn:
        return answers.json(await nodes.nodes(conn, request.app[CONFIG].silent_after, query.at))


ROUTES = (
    Route(
        method="GET",
        path=f"{API}/nodes",
        handler=_nodes,
        access=Access.READER,
        tag="lists",
        summary="Every node, what its agent says, and since when it is heard or silent",
        description=(
            "With `at`: the nodes that belonged to their cluster then, whether each was observed, and how many "
            "containers it had. What engines, backends, agents and rosters said is kept of now only."
        ),
        query=NodesQuery,
        answer=Nodes,
    ),
)
