"""What is around every request, on an application that has nothing else."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import msgspec
import pytest
import pytest_asyncio
import structlog
from aiohttp import web
from aiohttp.test_utils import TestServer

from collector.errors import ProblemError
from collector.http import middleware, state
from collector.metrics import Metrics
from protocol.problems import Problem, ProblemType

log = structlog.get_logger(__name__)


async def says(request: web.Request) -> web.Response:
    """Log a line, others get a turn, and log another."""
    log.info("began", path=request.path)
    await asyncio.sleep(0.01)
    log.info("ended", path=request.path)
    return web.Response(text="said")


async def refuses(_request: web.Request) -> web.Response:
    raise ProblemError(ProblemType.BUSY, "not now", retry_after=3)


async def fails(_request: web.Request) -> web.Response:
    raise RuntimeError("a bad number")


@pytest_asyncio.fixture
async def app() -> web.Application:
    app = web.Application(middlewares=[middleware.around])
    app[state.METRICS] = Metrics()
    app.router.add_get("/says/{what}", says)
    app.router.add_get("/refuses", refuses)
    app.router.add_get("/fails", fails)
    return app


@pytest_asyncio.fixture
async def http(app: web.Application) -> AsyncIterator[aiohttp.ClientSession]:
    async with TestServer(app) as server, aiohttp.ClientSession(server.make_url("/")) as session:
        yield session


async def test_what_is_logged_bears_the_number_of_its_own_request(http: aiohttp.ClientSession) -> None:
    async def ask(number: int) -> str:
        async with http.get(f"/says/{number}") as response:
            return response.headers["X-Request-Id"]

    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        numbers = [*await asyncio.gather(*(ask(number) for number in range(8))), await ask(8)]
        log.info("nobody's")
    assert len(set(numbers)) == 9
    logged = [(line["path"], line["request_id"]) for line in lines if "path" in line]
    assert sorted(logged) == sorted(
        (f"/says/{place}", number) for place, number in enumerate(numbers) for _ in range(2)
    )
    assert "request_id" not in lines[-1]


async def test_a_mistake_is_logged_with_its_traceback_and_told_without(http: aiohttp.ClientSession) -> None:
    with structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as lines:
        async with http.get("/fails") as response:
            problem = msgspec.json.decode(await response.read(), type=Problem)
    assert response.status == 500
    assert problem.instance == response.headers["X-Request-Id"]
    assert "a bad number" not in problem.detail
    (line,) = lines
    assert (line["event"], line["path"], line["request_id"]) == ("request failed", "/fails", problem.instance)
    assert isinstance(line["exc_info"], RuntimeError)


@pytest.mark.parametrize(
    ("path", "route", "status"),
    [
        ("/says/hello", "/says/{what}", 200),
        ("/refuses", "/refuses", 503),
        ("/fails", "/fails", 500),
        ("/none", "unmatched", 404),
    ],
)
async def test_a_request_is_counted_under_its_route(
    app: web.Application, http: aiohttp.ClientSession, path: str, route: str, status: int
) -> None:
    with structlog.testing.capture_logs():
        async with http.get(path) as response:
            assert response.status == status
    method = "unmatched" if route == "unmatched" else "GET"
    registry = app[state.METRICS].registry
    labels = {"method": method, "route": route}
    assert registry.get_sample_value("mountbook_http_requests_total", {**labels, "status": str(status)}) == 1
    assert registry.get_sample_value("mountbook_http_request_seconds_count", labels) == 1
