"""A collector that keeps every byte that an agent sends to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from aiohttp import web

from agent.outcome import Rejected, Unreachable
from agent.wire import Body
from protocol.messages import API, Intervals
from protocol.problems import Problem, problem_uri
from protocol.roster import Roster, RosterReply
from protocol.usage import Measurement, Usage, UsageReply
from tests.unit.agent.model_collector import ModelCollector, inflate


class Recorder:
    """Answers as a collector does. ``sent`` has every request: what stands in its head, and its body, inflated."""

    def __init__(self) -> None:
        self.register = ModelCollector(intervals=Intervals(heartbeat=1.0, relist=1.0))
        self.sent: list[bytes] = []
        self.names: list[str] = []
        self.rosters: list[Roster] = []
        self.measured: dict[tuple[str, str], Measurement] = {}
        """What was measured last, by the entry's key and the part."""

    async def take(self, request: web.Request) -> web.Response:
        """Take a message."""
        body = inflate(Body(await request.read(), request.headers.get("Content-Encoding", "")))
        head = [(name, value) for name, value in request.raw_headers if name.lower() != b"authorization"]
        self.sent += [request.raw_path.encode(), *(name + b": " + value for name, value in head), body]
        name = request.match_info["name"]
        self.names.append(name)
        if name == "usage":
            usage = msgspec.json.decode(body, type=Usage)
            self.measured |= {(one.entry.key, one.part.value): one for one in usage.measurements}
            return _answer(UsageReply(stored=len(usage.measurements), unknown=0, server_time=1.0))
        if name == "roster":
            self.rosters.append(msgspec.json.decode(body, type=Roster))
            return _answer(RosterReply(taken=True, server_time=1.0))
        outcome = self.register.post(name, Body(body, ""))
        if isinstance(outcome, Rejected):
            kind = problem_uri(outcome.type) if outcome.type else "about:blank"
            return _answer(Problem(type=kind, title="", status=outcome.status, detail=outcome.detail), outcome.status)
        assert not isinstance(outcome, Unreachable), "a register in memory is always there"
        return _answer(outcome)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serve on a free port of this machine and give the address."""
        app = web.Application(client_max_size=1 << 30)
        app.router.add_post(f"{API}/{{name}}", self.take)
        runner = web.AppRunner(app, auto_decompress=False)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


def _answer(item: msgspec.Struct, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(item), status=status, content_type="application/json")
