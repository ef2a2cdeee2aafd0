"""A collector with its PostgreSQL, and agents of real engines, each a process of its own; for S5 and S15."""

import contextlib
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

from migrations.run import upgrade
from mountbook.client import Client
from mountbook.credentials import Token
from mountbook.errors import UserError
from mountbook.local import postgres
from tests.swarm.engines import Engine

ROOT: Final = Path(__file__).resolve().parent.parent
PATIENCE: Final = 120.0


class Living:
    """The processes, for the length of a ``with``. ``folder`` is for what they keep."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = contextlib.ExitStack()
        self._token = secrets.token_hex(16)
        self.url = ""

    def __enter__(self) -> Self:
        try:
            self._begin()
        except BaseException:
            self._stack.close()
            raise
        return self

    def _begin(self) -> None:
        self._folder.chmod(0o755)  # PostgreSQL may run as another user
        data = self._folder / "data"
        data.mkdir()
        server = postgres.start(data)
        self._stack.callback(server.stop)
        upgrade(server.url, lambda _: None)
        for name in ("join", "admin"):
            (self._folder / name).write_text(self._token if name == "admin" else secrets.token_hex(16))
        log = self._folder / "collector.log"
        self._start(
            "collector",
            log,
            MOUNTBOOK_DATABASE=server.url,
            MOUNTBOOK_JOIN_SECRET_FILE=str(self._folder / "join"),
            MOUNTBOOK_ADMIN_TOKEN_FILE=str(self._folder / "admin"),
            MOUNTBOOK_PORT="0",
        )
        until("the collector listens", lambda: "the collector listens" in log.read_text())
        line = next(line for line in log.read_text().splitlines() if "the collector listens" in line)
        self.url = line.partition('"address": "')[2].partition('"')[0]

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def observe(self, engine: Engine) -> None:
        """Start an agent for an engine, and wait until its node is observed."""
        name = engine.host.name
        state = self._folder / name
        state.mkdir()
        self._start(
            "agent",
            self._folder / f"{name}.log",
            MOUNTBOOK_URL=self.url,
            MOUNTBOOK_JOIN_SECRET_FILE=str(self._folder / "join"),
            MOUNTBOOK_STATE_DIR=str(state),
            MOUNTBOOK_HOST_ROOT=str(engine.host.path("")),
            MOUNTBOOK_START_SPREAD="0",
            DOCKER_HOST=engine.url,
        )
        with self.client() as client:
            until(
                f"{name} is observed",
                lambda: name in {row.hostname for row in client.nodes().nodes if row.state == "observed"},
            )

    def client(self) -> Client:
        """Return a client with a connection of its own."""
        return Client(self.url, Token(self._token, "bench"))

    def _start(self, program: str, log: Path, **environment: str) -> None:
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", program],
                env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self._stack.callback(process.wait, 30)
        self._stack.callback(process.terminate)


def until(what: str, happened: Callable[[], bool]) -> None:
    """Look again and again until something has happened.

    Raises:
        RuntimeError: it has not, for ``PATIENCE`` seconds.
    """
    give_up = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(UserError):
            if happened():
                return
        if time.monotonic() > give_up:
            raise RuntimeError(f"after {PATIENCE:g} s still not so: {what}")
        time.sleep(0.05)
