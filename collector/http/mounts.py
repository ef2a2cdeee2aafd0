"""``GET mount-command``: how to look at a container's files without changing them."""

from aiohttp import web

from collector.http import answers, params
from collector.http.params import At, Cursor, Limit, Node, Query, Ref
from collector.http.routes import Access, Route
from collector.http.state import CONFIG, DATABASE
from collector.lookup import refs
from collector.lookup.mounts import mount_commands
from collector.lookup.scope import scoped
from protocol.messages import API
from protocol.problems import ProblemType
from protocol.sizes import MountCommands


class MountQuery(Query, frozen=True, kw_only=True):
    """Parameters of ``mount-command``."""

    ref: Ref
    node: Node = ""
    at: At = ""
    limit: Limit = params.DEFAULT_LIMIT
    cursor: Cursor = ""


async def _mount_command(request: web.Request) -> web.StreamResponse:
    query = params.read(request, MountQuery)
    ref = refs.parse(query.ref)
    async with request.app[DATABASE].query() as conn:
        scope = await scoped(conn, request.app[CONFIG].silent_after, node=query.node, at=query.at)
        return answers.json(await mount_commands(scope, ref, query.limit, query.cursor))


ROUTES = (
    Route(
        method="GET",
        path=f"{API}/mount-command",
        handler=_mount_command,
        access=Access.READER,
        tag="look-ups",
        summary="The command that mounts a container's files read-only, with all layers below its own",
        description=(
            "For a shell of root on the container's node; the collector never runs it. `command` is `null` where "
            "`reason` says why there is none."
        ),
        query=MountQuery,
        answer=MountCommands,
        problems=(ProblemType.NOT_FOUND, ProblemType.AMBIGUOUS),
    ),
)
