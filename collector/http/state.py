"""What handlers find in the application and in a request."""

from typing import Final

from aiohttp import web

from collector.metrics import Metrics

METRICS: Final = web.AppKey("metrics", Metrics)
OPENAPI: Final = web.AppKey("openapi", bytes)
"""The OpenAPI document as JSON."""

REQUEST_ID: Final = web.RequestKey("request_id", str)
