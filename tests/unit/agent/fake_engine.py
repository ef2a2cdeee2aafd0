"""An engine's API over a real unix socket, at the level of HTTP: what the agent asks for, and faults."""

import contextlib
import json
import queue
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]

SECRET = "PASSWORD=planted-secret"


def listed(container_id: str, name: str, state: str = "running", **more: Any) -> Json:
    """One item of ``/containers/json``, with what the agent wants and with what it must leave alone."""
    return {
        "Id": container_id,
        "Names": [f"/{name}"],
        "Image": "nginx:1",
        "ImageID": "sha256:" + "1" * 64,
        "Command": f"run --{SECRET}",
        "Created": 1_790_000_000,
        "State": state,
        "Status": "Up 3 minutes",
        "Labels": {"com.docker.swarm.service.name": "web"},
        "Ports": [{"PrivatePort": 80, "Type": "tcp"}],
        "HostConfig": {"NetworkMode": "default"},
        "NetworkSettings": {"Networks": {"bridge": {"IPAddress": "172.17.0.2"}}},
        "Mounts": [
            {
                "Type": "volume",
                "Name": "data",
                "Source": "/var/lib/docker/volumes/data/_data",
                "Destination": "/data",
                "Driver": "local",
                "Mode": "z",
                "RW": True,
                "Propagation": "",
            }
        ],
        **more,
    }


@dataclass
class FakeEngine:
    """What the engine knows. ``fail`` maps a path to the status that it answers with."""

    path: Path
    containers: dict[str, Json] = field(default_factory=dict)
    images: list[Json] = field(default_factory=list)
    volumes: list[Json] = field(default_factory=list)
    inspected: dict[str, Json] = field(default_factory=dict)
    info: Json = field(default_factory=lambda: {"ID": "ENGINE", "Name": "host", "Driver": "overlay2"})
    fail: dict[str, int] = field(default_factory=dict)
    garbage: dict[str, bytes] = field(default_factory=dict)
    hangs_up: bool = False
    api: str = "1.41"
    asked: list[str] = field(default_factory=list)
    subscribed: threading.Event = field(default_factory=threading.Event)
    _streams: list["queue.Queue[bytes | None]"] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"unix://{self.path}"

    def emit(self, kind: str, action: str, actor: str) -> None:
        """Send an event of API 1.52, which has no ``status``, ``id`` and ``from``, to every listener."""
        self.emit_raw(
            json.dumps({"Type": kind, "Action": action, "Actor": {"ID": actor, "Attributes": {"a": SECRET}}}).encode()
            + b"\n"
        )

    def emit_raw(self, data: bytes) -> None:
        for stream in self._streams:
            stream.put(data)

    def end_streams(self) -> None:
        """End every event stream, cleanly: as an engine that shuts down does."""
        for stream in self._streams:
            stream.put(None)
        self._streams.clear()

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, bytes]:
        if path in self.fail:
            return self.fail[path], b'{"message":"the test says so"}'
        if path in self.garbage:
            return 200, self.garbage[path]
        if path.startswith("containers/") and path != "containers/json":
            found = self.inspected.get(path.split("/")[1])
            return (200, json.dumps(found).encode()) if found else (404, b'{"message":"No such container"}')
        answers: dict[str, Any] = {
            "version": {"ApiVersion": self.api, "Version": "20.10.24"},
            "info": self.info,
            "containers/json": list(self.containers.values()),
            "images/json": self.images,
            "volumes": {"Volumes": self.volumes or None, "Warnings": None},
        }
        if path not in answers:
            return 404, b'{"message":"page not found"}'
        if path == "containers/json" and "filters" in query:
            wanted = json.loads(query["filters"][0])["id"]
            return 200, json.dumps([self.containers[one] for one in wanted if one in self.containers]).encode()
        return 200, json.dumps(answers[path]).encode()


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False
    engine: FakeEngine

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is not the server's concern."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        path = parts.path.lstrip("/")
        path = path.partition("/")[2] if path.startswith("v1.") else path
        engine = self.server.engine
        engine.asked.append(path)
        if engine.hangs_up:
            self.close_connection = True
            return
        if path == "events" and path not in engine.fail:
            self._stream(engine)
            return
        status, body = engine.answer(path, parse_qs(parts.query))
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, engine: FakeEngine) -> None:
        events: queue.Queue[bytes | None] = queue.Queue()
        engine._streams.append(events)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        engine.subscribed.set()
        while (data := events.get()) is not None:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True

    def address_string(self) -> str:
        return "unix"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


@contextlib.contextmanager
def serving(engine: FakeEngine) -> Iterator[FakeEngine]:
    """Serve the engine's socket until the block ends."""
    server = _Server(str(engine.path), _Handler)
    server.engine = engine
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield engine
    finally:
        engine.end_streams()
        server.shutdown()
        server.server_close()
        thread.join()
        engine.path.unlink(missing_ok=True)
