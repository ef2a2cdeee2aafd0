"""``/healthz``, ``/readyz`` and ``/metrics``: for orchestrators and Prometheus."""

from collections.abc import Mapping

import msgspec
from aiohttp import web

from collector.errors import ProblemError, StartError
from collector.http import answers
from collector.http.routes import Access, Route
from collector.http.state import ALERTS, BACKGROUND, CONFIG, DATABASE, METRICS
from collector.metrics import CONTENT_TYPE
from collector.store.read import nodes
from protocol.answers import Ready
from protocol.problems import ProblemType


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The process lives; ``tasks`` are its background tasks and whether each runs."""

    status: str
    tasks: Mapping[str, bool]


async def _healthz(request: web.Request) -> web.StreamResponse:
    tasks = request.app[BACKGROUND]()
    whole = all(tasks.values())
    return answers.json(Health(status="ok" if whole else "failing", tasks=tasks), status=200 if whole else 503)


async def _readyz(request: web.Request) -> web.StreamResponse:
    try:
        await request.app[DATABASE].check()
    except StartError as exc:
        raise ProblemError(ProblemType.UNAVAILABLE, str(exc), retry_after=30) from exc
    return answers.json(Ready(status="ok", alerts=request.app[ALERTS]()))


async def _metrics(request: web.Request) -> web.StreamResponse:
    metrics = request.app[METRICS]
    for task, alive in request.app[BACKGROUND]().items():
        metrics.tasks.labels(task).set(alive)
    try:
        async with request.app[DATABASE].query() as conn:
            states = await nodes.states(conn, request.app[CONFIG].silent_after)
            conflicts = await nodes.conflicts(conn)
    except ProblemError:
        metrics.database_up.set(0)
    else:
        metrics.database_up.set(1)
        metrics.conflicts.labels("one").set(conflicts.one_machine)
        metrics.conflicts.labels("two").set(conflicts.two_machines)
        metrics.nodes.clear()
        for state, count in states.items():
            metrics.nodes.labels(state).set(count)
    return web.Response(body=metrics.render(), headers={"Content-Type": CONTENT_TYPE})


ROUTES = (
    Route(
        method="GET",
        path="/healthz",
        handler=_healthz,
        access=Access.PUBLIC,
        tag="service",
        summary="Whether the process and its background tasks live; 503 if one does not",
        answer=Health,
    ),
    Route(
        method="GET",
        path="/readyz",
        handler=_readyz,
        access=Access.PUBLIC,
        tag="service",
        summary="Whether the database can be reached and is migrated; 503 if not, with what to do",
        answer=Ready,
    ),
    Route(
        method="GET",
        path="/metrics",
        handler=_metrics,
        access=Access.PUBLIC,
        tag="service",
        summary="Measurements for Prometheus: counts and times, no names",
        media=("text/plain",),
    ),
)
