"""Around every request: its number, its measurements, and a problem document for whatever goes wrong."""

import random
import re
import time
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from aiohttp import web

from collector.errors import ProblemError
from collector.http import problems
from collector.http.state import METRICS, REQUEST_ID

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_HEADER: Final = "X-Request-Id"
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_UNMATCHED: Final = "unmatched"

log = structlog.get_logger(__name__)


@web.middleware
async def around(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Number the request, explain what went wrong with it, and measure it.

    It is one function, since every request passes it twice, and thousands wait in it for the commit that answers them.
    """
    began = time.perf_counter()
    request_id = request[REQUEST_ID] = _number(request)
    # Nobody else's: every request is a task of its own, with a copy of the context that its connection began with.
    structlog.contextvars.bind_contextvars(request_id=request_id)
    status = 500
    try:
        response = await handler(request)
        status = response.status
    except Exception as exc:
        response = _explain(exc, request)
        status = response.status
    finally:
        _measure(request, status, time.perf_counter() - began)
    if not response.prepared:
        response.headers[_HEADER] = request_id
    return response


def _number(request: web.Request) -> str:
    """Return the caller's own number if it sent one, else a new one; it stands in the answer, in logs, in problems."""
    given = request.headers.get(_HEADER)
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given
    return f"{random.getrandbits(64):016x}"


def _explain(error: Exception, request: web.Request) -> web.Response:
    """Turn an error into a problem document; only what nobody foresaw is logged, with its traceback.

    Raises:
        ConnectionResetError: the caller went away, and nobody is there to be told.
        HTTPException: it is no error but an answer.
    """
    match error:
        case ProblemError():
            return problems.from_error(error, request)
        case web.HTTPException() if error.status >= 400:
            return problems.from_http(error, request)
        case web.HTTPException() | ConnectionResetError():
            raise error
    log.exception("request failed", exc_info=error, method=request.method, path=request.path)
    return problems.internal(request)


def _measure(request: web.Request, status: int, seconds: float) -> None:
    """Count the request and its time under its route, never under its path: paths are the callers' to invent."""
    resource = request.match_info.route.resource
    route = resource.canonical if resource is not None else _UNMATCHED
    method = request.method if resource is not None else _UNMATCHED
    request.app[METRICS].answered(method, route, status, seconds)
