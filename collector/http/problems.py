"""Errors as problem documents (RFC 9457)."""

import math
from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import web
from multidict import CIMultiDict

from collector.errors import ProblemError
from collector.http.state import REQUEST_ID
from protocol.problems import CONTENT_TYPE, STATUS, Problem, ProblemType, problem_uri

_TITLES: Final[dict[ProblemType, str]] = {
    ProblemType.NOT_FOUND: "Not found",
    ProblemType.AMBIGUOUS: "It can mean several things",
    ProblemType.BAD_REQUEST: "The request cannot be understood",
    ProblemType.UNAUTHENTICATED: "Who are you?",
    ProblemType.FORBIDDEN: "Your token has not this right",
    ProblemType.TOO_LARGE: "The request is too large",
    ProblemType.HELLO: "Say hello again",
    ProblemType.RESYNC: "Send a snapshot",
    ProblemType.CONFLICT: "Another agent speaks for this node",
    ProblemType.UNSUPPORTED: "This version is not spoken here",
    ProblemType.UNAVAILABLE: "The database cannot be used now",
    ProblemType.NOT_MIGRATED: "The database is not migrated",
    ProblemType.BUSY: "Too much to do",
    ProblemType.INTERNAL: "A mistake in the collector",
}

_KEPT: Final = ("Allow", "Retry-After")
"""Headers of aiohttp's own errors that mean something beside a problem document."""


def from_error(error: ProblemError, request: web.Request) -> web.Response:
    """Return the answer for a request that cannot be answered."""
    problem = Problem(
        type=problem_uri(error.kind),
        title=_TITLES[error.kind],
        status=STATUS[error.kind],
        detail=error.detail,
        instance=request[REQUEST_ID],
        field=error.field,
        candidates=list(error.candidates),
        coverage=error.coverage,
    )
    headers = CIMultiDict[str]()
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    if error.kind is ProblemType.UNAUTHENTICATED:
        headers["WWW-Authenticate"] = 'Bearer realm="mountbook"'
    return _answer(problem, headers)


def from_http(error: web.HTTPException, request: web.Request) -> web.Response:
    """Return the answer for what aiohttp refuses by itself: no such route, no such method, no HTTP.

    Its type is ``about:blank``, which means that the status says it all: a route that is not there must not look like a
    container that is not there.
    """
    known = f"{request.method} {request.path[:200]}"
    detail = {
        HTTPStatus.NOT_FOUND: f"there is no {known}; GET /openapi.json and /docs name every route",
        HTTPStatus.METHOD_NOT_ALLOWED: f"there is no {known}; allowed: {error.headers.get('Allow', 'nothing')}",
    }
    problem = Problem(
        type="about:blank",
        title=error.reason,
        status=error.status,
        detail=detail.get(HTTPStatus(error.status), error.text or error.reason),
        instance=request[REQUEST_ID],
    )
    kept = CIMultiDict({name: error.headers[name] for name in _KEPT if name in error.headers})
    return _answer(problem, kept)


def internal(request: web.Request) -> web.Response:
    """Return the answer for a mistake of ours; the log has more under the same number."""
    error = ProblemError(
        ProblemType.INTERNAL,
        f"the collector made a mistake; its log says more under the request ID {request[REQUEST_ID]}",
    )
    return from_error(error, request)


def _answer(problem: Problem, headers: CIMultiDict[str]) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(problem), status=problem.status, content_type=CONTENT_TYPE, headers=headers
    )
