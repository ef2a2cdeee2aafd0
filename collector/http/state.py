"""What handlers find in the application and in a request."""

from collections.abc import Callable, Mapping
from typing import Final

from aiohttp import web

from collector.admission import Admission
from collector.config import Config
from collector.http.listeners import Listeners
from collector.ingest import Deltas, HeartbeatBatcher, Policy
from collector.ledger.access import AccessLog
from collector.ledger.keeper import Keeper
from collector.lookup.present import Present
from collector.metrics import Metrics
from collector.store.engine import Database

ACCESS_LOG: Final = web.AppKey("access_log", AccessLog)
ALERTS: Final[web.AppKey[Callable[[], list[str]]]] = web.AppKey("alerts")
"""Says in sentences what somebody has to look at."""
ADMISSION: Final = web.AppKey("admission", Admission)
BACKGROUND: Final[web.AppKey[Callable[[], Mapping[str, bool]]]] = web.AppKey("background")
"""Says of every background task whether it runs."""
BATCHER: Final = web.AppKey("batcher", HeartbeatBatcher)
CONFIG: Final = web.AppKey("config", Config)
DATABASE: Final = web.AppKey("database", Database)
DELTAS: Final = web.AppKey("deltas", Deltas)
DELTAS_ADMISSION: Final = web.AppKey("deltas_admission", Admission)
"""For deltas alone: they are small, and wait together for the next transaction."""
LEDGER: Final = web.AppKey("ledger", Keeper)
LISTENERS: Final = web.AppKey("listeners", Listeners)
METRICS: Final = web.AppKey("metrics", Metrics)
OPENAPI: Final = web.AppKey("openapi", bytes)
"""The OpenAPI document as JSON."""
PRESENT: Final = web.AppKey("present", Present)
POLICY: Final = web.AppKey("policy", Policy)

REQUEST_ID: Final = web.RequestKey("request_id", str)
