"""``/openapi.json``: what this service can be asked, for programs. People read it at ``/docs``."""

from typing import Any

from aiohttp import web

from collector.http.negotiation import JSON
from collector.http.routes import Access, Route
from collector.http.state import OPENAPI


async def _openapi(request: web.Request) -> web.StreamResponse:
    return web.Response(body=request.app[OPENAPI], content_type=JSON)


ROUTES = (
    Route(
        method="GET",
        path="/openapi.json",
        handler=_openapi,
        access=Access.PUBLIC,
        tag="service",
        summary="This document (OpenAPI 3.1)",
        answer=dict[str, Any],
    ),
)
