"""A collector's HTTP side with answers that a test gives it; the shapes are those of ``protocol.answers``."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from protocol.answers import (
    Bounds,
    ContainerRow,
    Coverage,
    NodeRow,
    Nodes,
    Owner,
    SilentNode,
    StreamEnd,
    Where,
    Whose,
    WhoseAnswer,
)
from protocol.entries import Kind, Mount, PathKind, ResolvedBy, Role
from protocol.problems import CONTENT_TYPE, STATUS, Problem, ProblemType, problem_uri

AS_OF = "2026-01-31T12:00:00.000000Z"
WEB = "4f2d1b0c9a8e" + "0" * 52
DB = "8b1c7e6d5f40" + "1" * 52
LAYER = "3f2a" * 16

COMPLETE = Coverage(as_of=AS_OF, complete=True, nodes_observed=2)
PARTIAL = Coverage(
    as_of=AS_OF,
    complete=False,
    nodes_observed=2,
    silent=[SilentNode(cluster="c1", node="n3id", hostname="n3", state="silent", since="2026-01-31T11:45:00.000000Z")],
)

WEB_ROW = ContainerRow(
    cluster="c1",
    node="n1id",
    hostname="n1",
    container_id=WEB,
    root="/var/lib/docker",
    name="shop_web.1.x7",
    backend="overlay2",
    mount_id=LAYER,
    diff_path=f"/var/lib/docker/overlay2/{LAYER}/diff",
    path_kind=PathKind.DIFF,
    resolved_by=ResolvedBy.LAYERDB,
    image="nginx:1.27",
    state="running",
    started_at="2026-01-31T11:57:00.000000Z",
    labels={"com.example.tier": "front", "team": "shop"},
    mounts=[Mount("volume", "/data", name="data", source="/var/lib/docker/volumes/data/_data", rw=False)],
    service="shop_web",
    stack="shop",
    task="shop_web.1.x7",
    began=Bounds(after="2026-01-31T11:56:58.000000Z", before="2026-01-31T11:57:01.000000Z"),
)
DB_ROW = ContainerRow(
    cluster="c1",
    node="n2id",
    hostname="n2",
    container_id=DB,
    root="/var/lib/docker",
    name="db",
    backend="zfs",
    diff_path="tank/docker/8b1c",
    path_kind=PathKind.DATASET,
    resolved_by=ResolvedBy.LAYERDB,
    image="postgres:18",
    state="exited",
    exit_code=137,
    oom_killed=True,
)
LOST_ROW = ContainerRow(
    cluster="c1",
    node="n2id",
    hostname="n2",
    container_id="c" * 64,
    root="/var/lib/docker",
    name="lost",
    state="running",
    image="nginx:1.27",
    reason="layerdb/mounts has no such container",
)
OWNER = Owner(
    cluster="c1",
    node="n1id",
    hostname="n1",
    kind=Kind.CONTAINER,
    role=Role.WRITABLE,
    key=WEB,
    root="/var/lib/docker",
    matched=f"/var/lib/docker/overlay2/{LAYER}",
    inside="/etc/passwd",
    name="shop_web.1.x7",
    image="nginx:1.27",
    service="shop_web",
    stack="shop",
    sentence="writable layer of container shop_web.1.x7 on node n1: /etc/passwd inside",
)
NODES = [
    NodeRow(
        cluster="c1",
        node="n1id",
        hostname="n1",
        state="observed",
        since=None,
        seen="2026-01-31T11:59:58.000000Z",
        engine={"version": "28.5.2"},
        backends=[{"root": "/var/lib/docker", "name": "overlay2", "type": "graph-driver"}],
        agent="0.1.0",
        containers=12,
        unresolved=1,
    ),
    NodeRow(
        cluster="c1",
        node="n3id",
        hostname="n3",
        state="silent",
        since="2026-01-31T11:45:00.000000Z",
        seen="2026-01-31T11:45:00.000000Z",
        containers=3,
        problems=["/var/lib/docker: cannot be read (Permission denied)"],
    ),
]


@dataclass(frozen=True)
class Request:
    """What the command sent."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True)
class Reply:
    """What the command gets."""

    body: bytes
    status: int = 200
    media: str = "application/json"
    claimed: int | None = None
    """Its length as its head says, when that is not true."""


Answer = Callable[[Request], Any]


@dataclass
class FakeCollector:
    """Answers by path; ``requests`` is what was asked, in order."""

    url: str = ""
    answers: dict[str, Answer] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)

    def give(self, path: str, answer: Any) -> None:
        """Answer ``path`` with a reply, a value of ``protocol.answers``, or what a function makes of the request."""
        self.answers[path] = answer if callable(answer) else lambda _request: answer

    def refuse(self, path: str, kind: ProblemType, detail: str, **facts: Any) -> None:
        """Answer ``path`` with a problem document."""
        self.give(path, problem(kind, detail, **facts))

    def where(self, *rows: ContainerRow, coverage: Coverage = COMPLETE) -> None:
        """Answer ``where`` with these containers."""
        self.give(
            "/api/v1/where",
            lambda request: Where(
                ref=request.query["ref"][0], matched="name", exact=True, containers=list(rows), coverage=coverage
            ),
        )

    def containers(self, *rows: ContainerRow, coverage: Coverage = COMPLETE) -> None:
        """Answer the list of containers with a stream of these."""
        lines = [*rows, StreamEnd(rows=len(rows), coverage=coverage)]
        body = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
        self.give("/api/v1/containers", Reply(body, media="application/x-ndjson"))

    def whose(self, owners: dict[str, list[Owner]], coverage: Coverage = COMPLETE) -> None:
        """Answer ``whose`` with the owners of each path; any other path has none."""
        self.give(
            "/api/v1/whose",
            lambda request: WhoseAnswer(
                answers=[
                    Whose(path=path, owners=owners.get(path, []), owners_total=len(owners.get(path, [])))
                    for path in request.body["paths"]
                ],
                coverage=coverage,
            ),
        )

    def nodes(self, coverage: Coverage = PARTIAL) -> None:
        """Answer the list of nodes, and say that the collector is ready."""
        self.give("/api/v1/nodes", Nodes(nodes=NODES, coverage=coverage))
        self.give("/readyz", Reply(b'{"status": "ready"}'))


def problem(kind: ProblemType, detail: str, **facts: Any) -> Reply:
    """Return a problem document as a reply."""
    document = Problem(type=problem_uri(kind), title=kind.value, status=STATUS[kind], detail=detail, **facts)
    return Reply(msgspec.json.encode(document), STATUS[kind], CONTENT_TYPE)


@contextmanager
def serving() -> Iterator[FakeCollector]:
    """Serve a collector without answers on a free port."""
    fake = FakeCollector()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            target = urlsplit(self.path)
            length = int(self.headers.get("Content-Length", "0"))
            body = msgspec.json.decode(self.rfile.read(length)) if length else None
            request = Request(
                self.command, target.path, parse_qs(target.query), {k.lower(): v for k, v in self.headers.items()}, body
            )
            fake.requests.append(request)
            answer = (
                fake.answers[target.path](request) if target.path in fake.answers else Reply(b"no", 404, "text/plain")
            )
            reply = answer if isinstance(answer, Reply) else Reply(msgspec.json.encode(answer))
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.media)
            self.send_header("Content-Length", str(len(reply.body) if reply.claimed is None else reply.claimed))
            try:
                self.end_headers()
                self.wfile.write(reply.body)
                self.close_connection = self.close_connection or reply.claimed is not None
            except BrokenPipeError:  # the command was stopped meanwhile
                self.close_connection = True

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class names it so
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = False  # closing the server waits for them
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
