"""What the simulated agents report to: a PostgreSQL and a collector, processes of their own that can be killed.

They lie in a directory that is removed at the end; what comes from outside (``--url``, ``--database``) is left alone.
"""

import asyncio
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp

from collector.config import Config
from collector.errors import CollectorError, ConfigError
from collector.identity import add, add_agents
from collector.store.engine import Database
from mountbook.errors import UserError
from mountbook.local import postgres
from mountbook.simulate import proc
from mountbook.simulate.options import Options
from mountbook.simulate.register import Register
from protocol.messages import API

CLUSTER: Final = "simulated"
"""The cluster of all simulated nodes."""
COMMENT: Final = "mountbook simulate"
_HOST: Final = "127.0.0.1"
_PORTS: Final = range(10_000, 30_000)
_TRIES: Final = 100
_START: Final = 180.0
_POLL: Final = 0.05
_WORDS: Final = 4
"""So many last lines of a log are shown when something does not start."""


@dataclass(slots=True)
class Stage:
    """What is reported to. ``home`` holds the logs; ``tokens`` are by node, ``operator`` is one that may ask."""

    options: Options
    home: Path
    database: str = ""
    url: str = ""
    tokens: dict[str, str] = field(default_factory=dict)
    operator: str = ""
    peak: float = 0.0
    """Most memory of a collector that was killed, in MiB."""
    _server: postgres.Server | None = None
    _collector: subprocess.Popen[bytes] | None = None
    _port: int = 0

    @property
    def collector(self) -> int | None:
        """The collector's process; None when it is not the simulation's own, or just away."""
        return self._collector.pid if self._collector is not None else None

    @property
    def postmaster(self) -> int | None:
        """PostgreSQL's first process; None when it is not the simulation's own, or just away."""
        return self._server.process.pid if self._server is not None else None

    async def start_postgres(self) -> None:
        """Start PostgreSQL where it lies; after a kill it recovers what was committed.

        Raises:
            UserError: it does not start.
        """
        self._server = await asyncio.to_thread(postgres.start, self.home)
        self.database = self._server.url

    async def start_collector(self) -> None:
        """Start the collector, on the same port as before; returns when it answers.

        Raises:
            UserError: it does not start.
        """
        if not self._port:
            self._port = _free_port()
            self.url = f"http://{_HOST}:{self._port}"
        environment = {
            **os.environ,
            "MOUNTBOOK_DATABASE": self.database,
            "MOUNTBOOK_HOST": _HOST,
            "MOUNTBOOK_PORT": str(self._port),
            "MOUNTBOOK_HEARTBEAT": f"{self.options.heartbeat:g}",
            "MOUNTBOOK_RELIST": f"{self.options.relist:g}",
        }
        log = self.home / "collector.log"
        process, began = await asyncio.to_thread(_spawn, environment, log)
        self._collector = process
        await self._answers(process, log, began)

    async def _answers(self, process: subprocess.Popen[bytes], log: Path, began: int) -> None:
        until = time.monotonic() + _START
        async with aiohttp.ClientSession() as session:
            while time.monotonic() < until and process.poll() is None:
                try:
                    async with session.get(f"{self.url}/readyz") as response:
                        if response.status == 200:
                            return
                except (aiohttp.ClientError, OSError):
                    pass
                await asyncio.sleep(_POLL)
        said = await asyncio.to_thread(log.read_bytes)
        words = "\n  ".join(said[began:].decode(errors="backslashreplace").splitlines()[-_WORDS:])
        raise UserError(f"The collector did not start:\n  {words or 'it said nothing'}")

    async def kill_collector(self, pause: float) -> None:
        """Kill the collector, and start it again after so many seconds.

        Raises:
            UserError: it does not start again.
        """
        if self._collector is None:
            return
        self.peak = max(self.peak, proc.peak_mib(self._collector.pid))
        self._collector.kill()
        await asyncio.to_thread(self._collector.wait)
        self._collector = None
        await asyncio.sleep(pause)
        await self.start_collector()

    async def kill_postgres(self, pause: float) -> None:
        """Kill PostgreSQL's first process, which ends all others, and start it again after so many seconds.

        Raises:
            UserError: it does not start again.
        """
        if self._server is None:
            return
        self._server.process.send_signal(signal.SIGKILL)
        await asyncio.to_thread(self._server.process.wait)
        self._server = None
        await asyncio.sleep(pause)
        await self.start_postgres()

    async def stop(self) -> None:
        """End what was started."""
        if self._collector is not None:
            self._collector.terminate()
            try:
                await asyncio.to_thread(self._collector.wait, 15.0)
            except subprocess.TimeoutExpired:
                self._collector.kill()
                await asyncio.to_thread(self._collector.wait)
        if self._server is not None:
            await asyncio.to_thread(self._server.stop)


@asynccontextmanager
async def staged(options: Options, nodes: list[str]) -> AsyncIterator[Stage]:
    """Start what is missing, make the nodes' tokens, and remove it all at the end.

    Raises:
        UserError: something does not start, or the register holds nodes that are not simulated.
    """
    home = Path(tempfile.mkdtemp(prefix="mountbook-simulate-"))
    stage = Stage(options, home, database=options.database, url=options.url)
    try:
        await _prepare(stage, nodes)
        yield stage
    except ConfigError as exc:
        raise UserError("\n".join(exc.problems)) from exc
    except CollectorError as exc:
        raise UserError(str(exc)) from exc
    finally:
        await stage.stop()
        await asyncio.to_thread(shutil.rmtree, home, ignore_errors=True)


async def _prepare(stage: Stage, nodes: list[str]) -> None:
    if not stage.database:
        await stage.start_postgres()
    config = Config(database_url=stage.database)
    config.check()
    if not stage.url:
        from migrations.run import upgrade

        await asyncio.to_thread(upgrade, stage.database)
    database = Database(config)
    try:
        await database.check()
        async with Register(stage.database) as register:
            await register.check_only(CLUSTER)
        stage.tokens = await add_agents(database, CLUSTER, nodes, COMMENT)
        stage.operator = await add(database, "operator", comment=COMMENT)
    finally:
        await database.close()
    if stage.url:
        await _reach(stage)
    else:
        await stage.start_collector()


async def _reach(stage: Stage) -> None:
    """Look whether the given collector answers with the tokens of the given database.

    Raises:
        UserError: it does not.
    """
    headers = {"Authorization": f"Bearer {stage.operator}"}
    try:
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.get(f"{stage.url}{API}/nodes?limit=1") as response,
        ):
            status = response.status
    except (aiohttp.ClientError, OSError, ValueError) as exc:
        raise UserError(f"No collector answers at {stage.url}: {exc}") from exc
    if status == 401:
        raise UserError(f"The collector at {stage.url} does not use the database that --database names.")
    if status != 200:
        raise UserError(f"{stage.url} answers with status {status}; is it a collector?")


def _spawn(environment: dict[str, str], log: Path) -> tuple[subprocess.Popen[bytes], int]:
    """Start a collector; return its process, and where in the log its words begin."""
    with log.open("ab") as output:
        began = output.tell()
        process = subprocess.Popen(
            [sys.executable, "-m", "collector"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # a Ctrl-C is for the command, which ends the collector itself
        )
    return process, began


def _free_port() -> int:
    """Return a port that is free, below those that the kernel gives to outgoing connections (ip(7)).

    While the collector is away, the connection of an agent could take its port otherwise.

    Raises:
        UserError: none was found.
    """
    for _ in range(_TRIES):
        port = _PORTS.start + secrets.randbelow(len(_PORTS))
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind((_HOST, port))
            except OSError:
                continue
            return port
    raise UserError(f"No free port was found between {_PORTS.start} and {_PORTS.stop}; is something else taking them?")
