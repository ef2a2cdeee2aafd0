"""S17: ``mountbook where`` as a whole process, beside ``python -c 'import json, http.client'``."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import msgspec

from bench.table import Row, at_most
from protocol.answers import ContainerRow, Coverage, Where
from protocol.entries import PathKind, ResolvedBy

ROOT = Path(__file__).resolve().parent.parent
GOAL = 3.0


def measure(pairs: int = 15) -> list[Row]:
    """Run both in turn, ``pairs`` times after one that does not count (it fills the caches of the disk)."""
    with _collector() as url:
        environment = {**os.environ, "MOUNTBOOK_URL": url, "PYTHONPATH": str(ROOT)}
        ours = [sys.executable, "-m", "mountbook", "where", "web"]
        yardstick = [sys.executable, "-c", "import json, http.client"]
        _seconds(ours, environment), _seconds(yardstick, environment)
        times = [(_seconds(ours, environment), _seconds(yardstick, environment)) for _ in range(pairs)]
    return [at_most("S17", "mountbook where / python -c 'import json, http.client'", "ms", times, GOAL)]


def _seconds(command: Sequence[str], environment: dict[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


@contextmanager
def _collector() -> Iterator[str]:
    """Answer every question with the same container, so that only the command is measured."""
    row = ContainerRow(
        cluster="c1",
        node="n1id",
        hostname="n1",
        container_id="4f2d1b0c9a8e" + "0" * 52,
        root="/var/lib/docker",
        name="web",
        backend="overlay2",
        mount_id="3f2a" * 16,
        diff_path=f"/var/lib/docker/overlay2/{'3f2a' * 16}/diff",
        path_kind=PathKind.DIFF,
        resolved_by=ResolvedBy.LAYERDB,
        image="nginx:1.27",
        state="running",
        started_at="2026-01-31T11:57:00.000000Z",
    )
    coverage = Coverage(as_of="2026-01-31T12:00:00.000000Z", complete=True, nodes_observed=1)
    body = msgspec.json.encode(Where(ref="web", matched="name", exact=True, containers=[row], coverage=coverage))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it so
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


if __name__ == "__main__":
    for row in measure():
        print(row)
