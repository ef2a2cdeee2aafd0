"""``GET where``: where a container keeps its files."""

from aiohttp import web

from collector.http import answers, params
from collector.http.access import ROWS
from collector.http.negotiation import JSON, TEXT, preferred
from collector.http.params import At, Cursor, Limit, Node, Query, Ref
from collector.http.routes import Access, Route
from collector.http.state import CONFIG, DATABASE, PRESENT
from collector.lookup import refs
from collector.lookup.scope import scoped
from collector.lookup.where import where
from protocol.answers import Where
from protocol.messages import API
from protocol.problems import ProblemType


class WhereQuery(Query, frozen=True, kw_only=True):
    """Parameters of ``where``."""

    ref: Ref
    node: Node = ""
    at: At = ""
    limit: Limit = params.DEFAULT_LIMIT
    cursor: Cursor = ""


async def _where(request: web.Request) -> web.StreamResponse:
    query = params.read(request, WhereQuery)
    ref = refs.parse(query.ref)
    async with request.app[DATABASE].questions() as conn:
        silent_after, present = request.app[CONFIG].silent_after, request.app[PRESENT]
        scope = await scoped(conn, silent_after, node=query.node, at=query.at, known=present)
        answer = await where(scope, ref, query.limit, query.cursor)
    request[ROWS] = len(answer.containers)
    if preferred(request, (JSON, TEXT)) == TEXT:
        return answers.text(
            (
                (row.hostname or row.node, row.diff_path or "-", row.container_id, row.name, row.state, row.resolved_by)
                for row in answer.containers
            ),
            answer.coverage,
        )
    return answers.json(answer)


ROUTES = (
    Route(
        method="GET",
        path=f"{API}/where",
        handler=_where,
        access=Access.READER,
        tag="look-ups",
        summary="Where a container keeps its files",
        description=(
            "`ref` is tried whole before it is tried as the beginning of a container's ID, mount-id or name. A kind "
            "that names a group (`service:`, `stack:`, `image:`, a label) answers with all its containers.\n\n"
            "As `text/plain`: node, diff path (`-`: not known), container ID, name, state and how it was resolved, "
            "divided by tabs, one container a line; then the coverage behind `#`."
        ),
        query=WhereQuery,
        answer=Where,
        media=(TEXT,),
        problems=(ProblemType.NOT_FOUND, ProblemType.AMBIGUOUS),
    ),
)
