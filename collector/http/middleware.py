"""Around every request: its number, its measurements, and a problem document for whatever goes wrong."""

import re
import secrets
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
async def number(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Give the request a number, the caller's own if it sent one; it stands in the answer, in logs and in problems."""
    given = request.headers.get(_HEADER, "")
    request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
    request[REQUEST_ID] = request_id
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id)
    response = await handler(request)
    if not response.prepared:
        response.headers[_HEADER] = request_id
    return response


@web.middleware
async def measure(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Count the request and its time under its route, never under its path: paths are the callers' to invent."""
    began = time.perf_counter()
    status = 500
    try:
        response = await handler(request)
        status = response.status
        return response
    finally:
        resource = request.match_info.route.resource
        route = resource.canonical if resource is not None else _UNMATCHED
        method = request.method if resource is not None else _UNMATCHED
        request.app[METRICS].answered(method, route, status, time.perf_counter() - began)


@web.middleware
async def explain(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Turn every error into a problem document; only what nobody foresaw is logged, with its traceback."""
    try:
        return await handler(request)
    except ProblemError as exc:
        return problems.from_error(exc, request)
    except web.HTTPException as exc:
        if exc.status < 400:
            raise
        return problems.from_http(exc, request)
    except ConnectionResetError:
        raise  # the caller went away: nobody is there to be told
    except Exception:
        log.exception("request failed", method=request.method, path=request.path)
        return problems.internal(request)
