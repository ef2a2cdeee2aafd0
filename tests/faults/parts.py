"""The parts as processes of their own, which can be killed: PostgreSQL, collectors, agents."""

import contextlib
import hashlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit, urlunsplit

import psycopg

from migrations.run import upgrade
from mountbook.errors import UserError
from mountbook.local import postgres

T = TypeVar("T")

PATIENCE: Final = 120.0
"""Seconds that something may take on a machine that does much else; nothing is measured by it."""
ROOT: Final = Path(__file__).resolve().parents[2]


def eventually(what: str, look: Callable[[], T | None]) -> T:
    """Return what ``look`` gives as soon as it gives something true.

    Raises:
        AssertionError: it has not for ``PATIENCE`` seconds.
    """
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {PATIENCE:.0f} s: {what}")


class Postgres:
    """A PostgreSQL of its own that keeps what it acknowledged: ``fsync`` and the like are on."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._server: postgres.Server | None = None
        self.url = ""

    def start(self) -> None:
        """Start it; what a kill left behind is recovered."""

        def begin() -> postgres.Server | None:
            # Backends of a killed server hold its memory until they notice that it is gone.
            try:
                return postgres.start(self.home)
            except UserError:
                return None

        self._server = eventually("PostgreSQL starts", begin)
        self.url = self._server.url

    def kill(self) -> None:
        """``kill -9`` of every process of the server at once, as a power cut would; then start it again."""
        for pid in self._processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert self._server is not None
        self._server.process.wait()
        eventually("every process of the killed PostgreSQL is gone", lambda: not self._processes())
        self.start()

    def stop(self) -> None:
        """Stop it."""
        if self._server is not None:
            self._server.stop()

    def restart(self) -> None:
        """Stop it as an operator does, and start it again."""
        self.stop()
        self.start()

    def beside(self, name: str) -> "Postgres":
        """Make another database in the same server, in this release's form; stop and start the server by this one."""
        other = self.empty(name)
        other.migrate()
        return other

    def empty(self, name: str) -> "Postgres":
        """Make another database in the same server with nothing in it."""
        self.run(f"CREATE DATABASE {name}")
        other = Postgres(self.home)
        other.url = urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))
        return other

    def run(self, *statements: str) -> None:
        """Run statements, each in a transaction of its own, also where sessions are read-only by default."""
        with psycopg.connect(self.url, autocommit=True, options="-c default_transaction_read_only=off") as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def value(self, query: str) -> object:
        """Return the one value that a query gives."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]

    def migrate(self) -> None:
        """Bring its database to this release's form."""
        upgrade(self.url)

    def token(self, node: str) -> str:
        """Make a token for a node's agent, in a register of this release or an earlier one."""
        token = secrets.token_urlsafe(32)
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(
                "INSERT INTO credentials (token_hash, role, cluster, node) VALUES (%s, 'agent', 'faults', %s)",
                (hashlib.sha256(token.encode()).digest(), node),
            )
        return token

    def _processes(self) -> list[int]:
        home = (self.home / "postgres").resolve()
        found = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError):
                if Path(os.readlink(f"/proc/{name}/cwd")) == home:
                    found.append(int(name))
        return found


@dataclass
class Process:
    """One of our programs: ``python -m <module>`` with an environment, its log in a file."""

    module: str
    environment: Mapping[str, str]
    log: Path
    programs: Path = ROOT
    """Where its packages lie: this checkout, or another release."""
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Start it, or start it again."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self.module],
                cwd=self.programs,
                env={"PATH": os.environ["PATH"], **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """``kill -9``, and start it again."""
        self.end(signal.SIGKILL)
        self.start()

    def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send it a signal that ends it, and wait until it has."""
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait()

    def rss(self) -> int:
        """Return its resident memory in bytes."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        [line] = [line for line in status.splitlines() if line.startswith("VmRSS:")]
        return int(line.split()[1]) * 1024

    @property
    def alive(self) -> bool:
        """Whether it runs; when not, its log says why."""
        return self.process is not None and self.process.poll() is None

    def last_words(self) -> str:
        """Return the end of its log."""
        return self.log.read_text(errors="replace")[-3000:]


class Collector(Process):
    """A collector at a port that stays its own over every start."""

    def __init__(self, database_url: str, home: Path, name: str = "collector", programs: Path = ROOT) -> None:
        self.port = free_port()
        environment = {
            "MOUNTBOOK_DATABASE": database_url,
            "MOUNTBOOK_PORT": str(self.port),
            "MOUNTBOOK_HEARTBEAT": "0.5",
            "MOUNTBOOK_RELIST": "1",
        }
        super().__init__("collector", environment, home / f"{name}.log", programs)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def ready(self) -> bool:
        """Whether it says that it can answer."""
        return self.status("/readyz") == 200

    def status(self, path: str) -> int:
        """Return the status of its answer, 0 when there is none."""
        try:
            with urllib.request.urlopen(f"{self.url}{path}", timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as exc:
            exc.close()
            return exc.code
        except OSError:
            return 0

    def await_ready(self) -> None:
        """Return once it can answer.

        Raises:
            AssertionError: it ended, or has not for ``PATIENCE`` seconds.
        """

        def look() -> bool:
            assert self.alive, f"the collector ended: {self.last_words()}"
            return self.ready()

        eventually("the collector is ready", look)


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
