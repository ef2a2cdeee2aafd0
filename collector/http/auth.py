"""Who may call a route: the token is looked at before the handler is."""

from functools import wraps
from time import monotonic
from typing import Final

from aiohttp import web

from collector.errors import ProblemError
from collector.http import access
from collector.http.routes import Access, Handler, Route
from collector.http.state import CONFIG
from collector.identity import ANONYMOUS, Authenticator, Identity, check_join_secret, is_loopback, reads_are_open
from collector.store.engine import Database
from collector.store.nodes import NodeIdentity
from protocol.problems import STATUS, ProblemType

_KEPT: Final = 5.0
"""Seconds for which it is remembered whether reads are open."""


class Guard:
    """Finds out who asks. ``host`` is the address that the collector listens on."""

    def __init__(self, database: Database, host: str) -> None:
        self._authenticator = Authenticator(database)
        self._database, self._host = database, host
        self._open = False
        self._open_until = 0.0

    async def identify(self, request: web.Request) -> Identity:
        """Return whose request it is; without a token, and while reads are open, it is anonymous.

        Raises:
            ProblemError: ``unauthenticated``, and what the store raises.
        """
        header = request.headers.get("Authorization", "")
        if not header and await self._reads_are_open() and is_loopback(request.url.host or ""):
            # The name must be a loopback one too: a page of another site may give its own name this address.
            return ANONYMOUS
        return await self._authenticator.authenticate(_bearer(request))

    async def _reads_are_open(self) -> bool:
        if not is_loopback(self._host):
            return False
        if monotonic() >= self._open_until:
            self._open = await reads_are_open(self._database, self._host)
            self._open_until = monotonic() + _KEPT
        return self._open


GUARD: Final = web.AppKey("guard", Guard)
IDENTITY: Final = web.RequestKey("identity", Identity)
"""Who asks; set behind ``guarded``."""


def guarded(route: Route) -> Handler:
    """Return the route's handler behind the check of who may call it."""
    if route.access is Access.PUBLIC:
        return route.handler

    if route.access is Access.JOINER:
        return _behind_join_secret(route)

    @wraps(route.handler)
    async def handler(request: web.Request) -> web.StreamResponse:
        identity = await request.app[GUARD].identify(request)
        if route.access is Access.AGENT and identity.node is None:
            raise ProblemError(
                ProblemType.FORBIDDEN,
                f"only agents may report; the role {identity.role} reads. "
                "`mountbook token create --role agent` makes a token for a node's agent",
            )
        if route.access is Access.READER and not identity.reads:
            raise ProblemError(
                ProblemType.FORBIDDEN,
                f"the role {identity.role} may not read; `mountbook token create --role operator` makes one that may",
            )
        if route.access is Access.AUDITOR and not identity.audits:
            raise ProblemError(
                ProblemType.FORBIDDEN,
                f"the role {identity.role} may not read the audit log; "
                "`mountbook token create --role auditor` makes a token that may",
            )
        request[IDENTITY] = identity
        if route.access is Access.AGENT:
            return await route.handler(request)
        return await _recorded(route, request, identity)

    return handler


async def _recorded(route: Route, request: web.Request, identity: Identity) -> web.StreamResponse:
    """Answer; the access is recorded before the answer leaves (a stream records it before its first byte)."""
    request[access.WHO] = identity
    try:
        response = await route.handler(request)
    except ProblemError as exc:
        await access.record(request, STATUS[exc.kind])
        raise
    await access.record(request, response.status)
    return response


def _behind_join_secret(route: Route) -> Handler:
    @wraps(route.handler)
    async def handler(request: web.Request) -> web.StreamResponse:
        check_join_secret(request.app[CONFIG].join_secret, _bearer(request))
        return await route.handler(request)

    return handler


def _bearer(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def own_node(request: web.Request) -> NodeIdentity:
    """Return the node that the caller speaks for; the route's access is ``AGENT``."""
    node = request[IDENTITY].node
    if node is None:
        raise RuntimeError(f"{request.path} is not guarded as a route of agents")
    return node
