"""The client against real collectors' ports: addresses, answers, problems, silence."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from agent.client import CollectorClient
from agent.config import Config
from agent.credential import read_token
from agent.outcome import Outcome, Rejected, Unreachable
from agent.wire import Body
from protocol.messages import HeartbeatReply
from protocol.problems import CONTENT_TYPE, ProblemType

BODY = Body(b'{"seq":1}', "")
OK = b'{"action":"ok","server_time":1.5}'
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Serve = Callable[[Handler], Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    servers: list[TestServer] = []

    async def start(handler: Handler) -> str:
        app = web.Application()
        app.router.add_post("/api/v1/heartbeat", handler)
        server = TestServer(app)
        servers.append(server)
        await server.start_server()
        return str(server.make_url("/"))

    yield start
    for server in servers:
        await server.close()


async def ok(_request: web.Request) -> web.StreamResponse:
    return web.Response(body=OK)


async def post(*urls: str, token: str = "secret", patience: float = 5.0) -> Outcome:
    async with CollectorClient(urls, lambda: token, timeout=patience) as client:
        return await client.post("heartbeat", BODY, HeartbeatReply)


async def test_the_message_arrives_with_its_token_and_encoding(serve: Serve) -> None:
    seen: list[tuple[str, str | None, bytes]] = []

    async def look(request: web.Request) -> web.StreamResponse:
        seen.append((request.headers["Authorization"], request.headers.get("Content-Encoding"), await request.read()))
        return web.Response(body=OK)

    assert await post(await serve(look)) == HeartbeatReply(action="ok", server_time=1.5)
    assert seen == [("Bearer secret", None, BODY.data)]


async def test_a_problem_document_becomes_a_rejection(serve: Serve) -> None:
    async def refuse(_request: web.Request) -> web.StreamResponse:
        problem = {"type": "/problems/hello", "title": "Hello", "status": 409, "detail": "again", "field": "$.seq"}
        return web.Response(status=409, text=json.dumps(problem), content_type=CONTENT_TYPE)

    assert await post(await serve(refuse)) == Rejected(ProblemType.HELLO, 409, "again ($.seq)")


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("Wed, 21 Oct 2026 07:28:00 GMT", 0.0), ("999999", 3600.0)]
)
async def test_retry_after_is_read_in_seconds(serve: Serve, header: str, seconds: float) -> None:
    async def busy(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=503, text="not now", headers={"Retry-After": header})

    assert await post(await serve(busy)) == Rejected(None, 503, "not now", seconds)


async def test_every_collector_is_tried_and_the_one_that_answers_is_remembered(serve: Serve) -> None:
    good, dead = await serve(ok), "http://127.0.0.1:1"
    async with CollectorClient((dead, good), lambda: "t") as client:
        assert isinstance(await client.post("heartbeat", BODY, HeartbeatReply), HeartbeatReply)
        assert client.collectors == (good.rstrip("/"), dead)


async def test_nobody_there_names_every_address() -> None:
    outcome = await post("http://127.0.0.1:1", "http://127.0.0.1:2")
    assert isinstance(outcome, Unreachable)
    assert "127.0.0.1:1" in outcome.detail
    assert "127.0.0.1:2" in outcome.detail


async def test_a_collector_that_never_answers_is_given_up(serve: Serve) -> None:
    release = asyncio.Event()

    async def hang(_request: web.Request) -> web.StreamResponse:
        await release.wait()
        return web.Response(body=OK)

    outcome = await post(await serve(hang), patience=0.1)
    release.set()
    assert isinstance(outcome, Unreachable)
    assert "did not answer in 0.1 s" in outcome.detail


async def test_an_answer_that_is_none_counts_as_silence(serve: Serve) -> None:
    async def nonsense(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"<html>welcome to the hotel</html>")

    assert isinstance(await post(await serve(nonsense)), Unreachable)


async def test_a_redirect_is_not_followed_with_the_token(serve: Serve) -> None:
    async def elsewhere(_request: web.Request) -> web.StreamResponse:
        raise web.HTTPTemporaryRedirect("http://127.0.0.1:1/")

    outcome = await post(await serve(elsewhere))
    assert isinstance(outcome, Unreachable)
    assert "redirects" in outcome.detail


async def test_a_proxy_without_its_collector_counts_as_silence(serve: Serve) -> None:
    async def gateway(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=502)

    assert isinstance(await post(await serve(gateway)), Unreachable)


async def test_a_replaced_token_file_is_taken_up(serve: Serve, tmp_path: Path) -> None:
    seen: list[str] = []

    async def look(request: web.Request) -> web.StreamResponse:
        seen.append(request.headers["Authorization"])
        return web.Response(body=OK)

    file = tmp_path / "token"
    config = Config(collectors=(await serve(look),), token_file=str(file))
    async with CollectorClient(config.collectors, lambda: read_token(config)) as client:
        assert isinstance(await client.post("heartbeat", BODY, HeartbeatReply), Unreachable)
        for token in ("one", "two"):
            file.write_text(f"{token}\n")
            await client.post("heartbeat", BODY, HeartbeatReply)
    assert seen == ["Bearer one", "Bearer two"]
