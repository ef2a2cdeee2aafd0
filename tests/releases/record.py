"""Record this release for the tests of the next: ``python -m tests.releases.record`` writes ``<release>/`` beside it.

- ``mountbook-<release>-py3-none-any.whl``: the programs themselves (`make wheel` made it before);
- ``messages.jsonl``: every request of three agents and its answer, as they passed the line;
- ``register.sql``: the database after that (``pg_dump`` without owners), closed versions included.

Run it from a checkout of the release, once; what is there is never changed afterwards.
"""

import http.client
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import psycopg
import zstandard

from mountbook.local import pgprograms, sample
from protocol.version import RELEASE
from tests.faults.parts import Collector, Postgres, Process

HERE = Path(__file__).resolve().parent
LONG_ENOUGH = 75.0
"""Seconds until the first sizes were told, too."""


class Recorder(ThreadingHTTPServer):
    """Passes requests on to a collector, and writes each down with its answer."""

    daemon_threads = True

    def __init__(self, target: str, output: IO[str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target, self.output, self.lock = urlsplit(target).netloc, output, threading.Lock()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Recorder

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        onward = http.client.HTTPConnection(self.server.target, timeout=60)
        onward.request("POST", self.path, body, dict(self.headers))
        answer = onward.getresponse()
        data = answer.read()
        onward.close()
        self.send_response(answer.status)
        for name in ("Content-Type", "Retry-After"):
            if answer.headers[name]:
                self.send_header(name, answer.headers[name])
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        who = self.headers["Authorization"].removeprefix("Bearer ")
        line = {
            "agent": who[-4:],
            "path": self.path,
            "request": json.loads(_plain(body, self.headers.get("Content-Encoding", ""))),
            "status": answer.status,
            "answer": json.loads(data),
        }
        with self.server.lock:
            self.server.output.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n")

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


def _plain(body: bytes, encoding: str) -> bytes:
    if encoding == "zstd":
        return zstandard.ZstdDecompressor().decompressobj().decompress(body)
    return zlib.decompress(body, wbits=31) if encoding == "gzip" else body


def main() -> int:
    """Record; return the exit status."""
    target = HERE / RELEASE
    if target.exists():
        print(f"{target} is there already; a release is recorded once", file=sys.stderr)
        return 1
    [wheel] = (HERE.parents[1] / "dist").glob(f"mountbook-{RELEASE}-*.whl")
    target.mkdir()
    shutil.copy(wheel, target)
    home = Path(tempfile.mkdtemp(prefix="mb-"))
    home.chmod(0o755)
    try:
        _record(home, target)
    finally:
        shutil.rmtree(home)
    return 0


def _record(home: Path, target: Path) -> None:
    with ExitStack() as stack:
        database = Postgres(home)
        database.start()
        stack.callback(database.stop)
        database.migrate()
        nodes = sample.prepare(home / "samples")
        tokens = [database.token(one.node) for one in nodes]
        collector = Collector(database.url, home)
        collector.start()
        stack.callback(collector.end)
        collector.await_ready()
        output = stack.enter_context((target / "messages.jsonl").open("w"))
        recorder = Recorder(collector.url, output)
        threading.Thread(target=recorder.serve_forever, daemon=True).start()
        for one, token in zip(nodes, tokens, strict=True):
            (home / one.node).mkdir()
            environment = {
                "MOUNTBOOK_URL": recorder.url,
                "MOUNTBOOK_TOKEN": token,
                "MOUNTBOOK_STATE_DIR": str(home / one.node),
                "MOUNTBOOK_RELIST": "1",
                "MOUNTBOOK_START_SPREAD": "0",
                "MOUNTBOOK_HOST_ROOT": str(one.root),
                "MOUNTBOOK_DATA_ROOT": sample.DATA_ROOT,
                "DOCKER_HOST": "",
            }
            agent = Process("agent", environment, home / f"{one.node}.log")
            agent.start()
            stack.callback(agent.end, signal.SIGTERM)
        time.sleep(10)
        for one in nodes:
            _remove_a_container(one.root / sample.DATA_ROOT[1:])
        time.sleep(LONG_ENOUGH)
        recorder.shutdown()
        _dump(database, target / "register.sql")


def _remove_a_container(data_root: Path) -> None:
    """Take one container away as its engine does."""
    gone = min((data_root / "containers").iterdir())
    for mounts in data_root.glob("image/*/layerdb/mounts"):
        shutil.rmtree(mounts / gone.name, ignore_errors=True)
    shutil.rmtree(gone)


def _dump(database: Postgres, target: Path) -> None:
    programs: Any = pgprograms.find(database.home / "postgres", None, database.home)
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute("DELETE FROM credentials")  # tokens' hashes are nobody's business
    dump = subprocess.run(
        [programs.bin / "pg_dump", "--no-owner", "--no-privileges", "--inserts", database.url],
        capture_output=True,
        check=True,
        text=True,
    )
    # What a newer pg_dump writes for itself and servers of another version do not know.
    lines = [line for line in dump.stdout.splitlines() if not line.startswith((r"\restrict", r"\unrestrict", "SET "))]
    target.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
