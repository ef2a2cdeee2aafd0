"""What agents post, each about the node of its token only: state, heartbeats, sizes, and a manager's roster."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, TypeVar

import msgspec
from aiohttp import web

from collector import ingest
from collector.http import answers, bodies
from collector.http.auth import own_node
from collector.http.routes import Access, Handler, Route
from collector.http.state import ADMISSION, BATCHER, DATABASE, DELTAS, DELTAS_ADMISSION, METRICS, POLICY
from protocol.messages import (
    API,
    MAX_BODY,
    MAX_HEARTBEAT,
    Applied,
    Delta,
    Heartbeat,
    HeartbeatReply,
    Hello,
    HelloReply,
    Snapshot,
)
from protocol.problems import ProblemType
from protocol.roster import Roster, RosterReply
from protocol.usage import Usage, UsageReply

T = TypeVar("T")

_HELLO: Final = msgspec.json.Decoder(Hello)
_SNAPSHOT: Final = msgspec.json.Decoder(Snapshot)
_DELTA: Final = msgspec.json.Decoder(Delta)
_HEARTBEAT: Final = msgspec.json.Decoder(Heartbeat)
_USAGE: Final = msgspec.json.Decoder(Usage)
_ROSTER: Final = msgspec.json.Decoder(Roster)


@asynccontextmanager
async def _message(request: web.Request, decoder: msgspec.json.Decoder[T]) -> AsyncIterator[T]:
    """Give the message when it is its turn; it is worked on inside.

    Raises:
        ProblemError: ``busy``, ``too-large``, ``bad-request``.
    """
    async with request.app[ADMISSION].enter() as place:
        sent = await bodies.receive(request, MAX_BODY, place.take)
        async with place.turn():
            yield await bodies.unpack(sent, bodies.encoding(request), decoder, MAX_BODY, place.take)


async def _hello(request: web.Request) -> web.StreamResponse:
    async with _message(request, _HELLO) as message:
        return answers.json(await ingest.hello(request.app[DATABASE], request.app[POLICY], own_node(request), message))


async def _snapshot(request: web.Request) -> web.StreamResponse:
    async with _message(request, _SNAPSHOT) as message:
        applied = await ingest.snapshot(request.app[DATABASE], request.app[POLICY], own_node(request), message)
    _count(request, "snapshot", len(message.entries), applied)
    return answers.json(applied)


async def _delta(request: web.Request) -> web.StreamResponse:
    async with request.app[DELTAS_ADMISSION].enter() as place:
        sent = await bodies.receive(request, MAX_BODY, place.take)
        message = await bodies.unpack(sent, bodies.encoding(request), _DELTA, MAX_BODY, place.take)
        applied = await request.app[DELTAS].apply(own_node(request), message)
    _count(request, "delta", len(message.upserts) + len(message.removes), applied)
    return answers.json(applied)


async def _heartbeat(request: web.Request) -> web.StreamResponse:
    # Past admission: it is small, and answers whether the node is seen.
    message = bodies.decode(await bodies.read(request, MAX_HEARTBEAT), _HEARTBEAT)
    return answers.json(await request.app[BATCHER].beat(own_node(request), message))


async def _usage(request: web.Request) -> web.StreamResponse:
    async with _message(request, _USAGE) as message:
        return answers.json(await ingest.usage(request.app[DATABASE], own_node(request), message))


async def _roster(request: web.Request) -> web.StreamResponse:
    async with _message(request, _ROSTER) as message:
        return answers.json(await ingest.roster(request.app[DATABASE], own_node(request), message))


def _count(request: web.Request, message: str, entries: int, applied: Applied) -> None:
    counter = request.app[METRICS].entries
    counter.labels(message, "refused").inc(len(applied.refused))
    counter.labels(message, "accepted").inc(entries - len(applied.refused))


def _route(name: str, handler: Handler, body: type, answer: type, summary: str, *problems: ProblemType) -> Route:
    return Route(
        method="POST",
        path=f"{API}/{name}",
        handler=handler,
        access=Access.AGENT,
        tag="agents",
        summary=summary,
        description="The body may be sent with `Content-Encoding: zstd` or `gzip`.",
        body=body,
        answer=answer,
        problems=(ProblemType.TOO_LARGE, *problems),
    )


ROUTES = (
    _route(
        "hello",
        _hello,
        Hello,
        HelloReply,
        "An agent begins its life, and learns where the register stands",
        ProblemType.CONFLICT,
        ProblemType.UNSUPPORTED,
    ),
    _route("snapshot", _snapshot, Snapshot, Applied, "The node's whole state", ProblemType.HELLO, ProblemType.RESYNC),
    _route("delta", _delta, Delta, Applied, "What changed on the node", ProblemType.HELLO, ProblemType.RESYNC),
    _route(
        "heartbeat",
        _heartbeat,
        Heartbeat,
        HeartbeatReply,
        "The state is still the one with this hash; at most 300 bytes",
        ProblemType.HELLO,
    ),
    _route(
        "usage",
        _usage,
        Usage,
        UsageReply,
        "What entries cost and how much room is left; may be lost, changes nothing else",
        ProblemType.HELLO,
    ),
    _route("roster", _roster, Roster, RosterReply, "What a manager knows of its Swarm's nodes and services"),
)
