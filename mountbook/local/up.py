"""``mountbook up``: PostgreSQL, migrations, collector and agents of one machine, in one process.

One process, because the services share most of what they import, and importing is most of a start; it is
done while PostgreSQL starts.
"""

import asyncio
import gc
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mountbook.errors import UserError
from mountbook.local import datadir, engines, hints, postgres
from mountbook.local.engines import Reach
from mountbook.local.parts import Parts
from mountbook.local.postgres import Server

if TYPE_CHECKING:
    from collector.store.engine import Database
    from mountbook.local.agents import Node
    from protocol.answers import ContainerRow

Say = Callable[[str], None]

_HOST: Final = "127.0.0.1"
_FIRST_REPORTS: Final = 60.0
"""Seconds to wait for the agents' first reports before the rest is said all the same."""


@dataclass(frozen=True, slots=True)
class _Options:
    home: Path
    port: int
    database: str | None
    engine: str
    say: Say
    began: float


def run(data: Path, port: int, database: str | None, sample: bool, say: Say) -> int:
    """Run everything until Ctrl-C or SIGTERM; return the exit status.

    Sample nodes have a register of their own below ``data``/sample: in another they would be silent nodes for ever.

    Args:
        data: where everything is kept; made if need be.
        port: the collector's, on the loopback address; 0 takes a free one.
        database: address of a PostgreSQL to use in place of one of our own.
        sample: show sample nodes even if there is an engine.
        say: takes lines for a person.

    Raises:
        UserError: it cannot start, or a part of it ended by itself.
    """
    began = time.monotonic()
    _check_port(port)
    engine = "" if sample else _engine(say)
    with datadir.claimed(data) as claimed:
        home = claimed if engine else claimed / "sample"
        home.mkdir(mode=0o700, exist_ok=True)
        asyncio.run(_run(_Options(home, port, database, engine, say, began)))
    say(f"Stopped. The data stays in {home}.")
    return 0


def _check_port(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
            probe.listen()
        except PermissionError:
            raise UserError(f"Port {port} is for root only; choose one above 1023 with --port.") from None
        except OSError as exc:
            raise UserError(
                f"Port {port} cannot be used ({exc.strerror}). Perhaps another `mountbook up` runs already: look at "
                f"http://{_HOST}:{port}/. `ss -ltnp 'sport = :{port}'` says who has it; --port chooses another."
            ) from exc


def _engine(say: Say) -> str:
    """Return the address of this machine's engine, ``""`` when there is none.

    Raises:
        UserError: there is one, and this user may not use it.
    """
    found = engines.look(os.environ.get("DOCKER_HOST", ""))
    if found.reach is Reach.READY:
        return found.address
    if found.reach is Reach.FORBIDDEN:
        raise UserError(f"{engines.sentence(found)}. To look at three sample nodes meanwhile, add --sample.")
    say(f"{engines.sentence(found)}. Here are three sample nodes instead.")
    return ""


async def _run(options: _Options) -> None:
    async with Parts() as parts:
        starting = _postgres(parts, options) if options.database is None else None
        # Imported while PostgreSQL starts.
        from agent.errors import AgentError
        from collector.errors import CollectorError, ConfigError

        try:
            with _nothing_collected():
                await _start(parts, options, starting)
            await parts.while_all_run(asyncio.Event().wait())
        except ConfigError as exc:
            raise UserError("\n".join(exc.problems)) from exc
        except (AgentError, CollectorError) as exc:
            raise UserError(str(exc)) from exc
        except UserError:
            raise
        except Exception:
            import structlog

            structlog.get_logger(__name__).exception("up ends because of a fault of its own; please report it")
            raise


async def _start(parts: Parts, options: _Options, starting: "asyncio.Future[Server] | None") -> None:
    from collector.config import Config
    from collector.store.engine import Database
    from mountbook.local import logfile, register

    say = options.say
    logfile.open_log(options.home / "mountbook.log")
    url = options.database or ""
    if starting is not None:
        with _step(say, "PostgreSQL"):
            server = await asyncio.shield(starting)
        url = server.url
        parts.service("PostgreSQL", _watch(server))
    config = Config(database_url=url, host=_HOST, port=options.port, **register.ledger(options.home))
    config.check()
    database = Database(config)
    parts.at_end(database.close)
    with _step(say, "database"):
        await register.bring_up_to_date(database, url, lambda line: say(f"  {line}"))
    with _step(say, "collector"):
        address = await register.serve(parts, config)
    nodes = await _agents(parts, options, database, address)
    _welcome(options, address, nodes, await register.some_containers(database, config))


def _postgres(parts: Parts, options: _Options) -> "asyncio.Future[Server]":
    """Begin to start PostgreSQL in a thread; it is stopped at the end, however far its start has come by then."""
    starting = asyncio.get_running_loop().run_in_executor(
        None, postgres.start, options.home, lambda line: options.say(f"  {line}"), lambda: not parts.stopping
    )

    async def stop() -> None:
        try:
            server = await starting
        except UserError:
            return  # who waits for its start has it too
        await asyncio.to_thread(server.stop)

    parts.at_end(stop)
    return starting


async def _watch(server: Server) -> None:
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    handle = os.pidfd_open(server.process.pid)
    loop.add_reader(handle, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(handle)
        os.close(handle)
    raise UserError(
        f"PostgreSQL ended by itself (status {server.process.wait()}). "
        "Start again: what was committed is kept. Its log is postgres.log beside its data."
    )


async def _agents(parts: Parts, options: _Options, database: "Database", address: str) -> "list[Node]":
    """Start the agents, and wait until each has reported what it sees."""
    from agent import service
    from mountbook.local import agents

    with _step(options.say, "agent" if options.engine else "sample nodes"):
        if options.engine:
            containerd_root = os.environ.get("MOUNTBOOK_CONTAINERD_ROOT", "").rstrip("/")
            nodes = [await asyncio.to_thread(agents.of_engine, options.engine, containerd_root)]
        else:
            nodes = await asyncio.to_thread(agents.of_samples, options.home / "nodes")
        configs = [await agents.configure(node, options.home, database, address) for node in nodes]
        for node, config in zip(nodes, configs, strict=True):
            parts.service(f"The agent of {node.hostname or node.node}", service.run(config))
        try:
            await parts.while_all_run(asyncio.gather(*map(agents.reported, configs)), _FIRST_REPORTS)
        except TimeoutError:
            options.say(f"  still reporting; {options.home}/mountbook.log says more")
    return nodes


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """Keep the garbage collector from going through modules while they are imported: a sixth of a start's time."""
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()


@contextmanager
def _step(say: Say, what: str) -> Iterator[None]:
    """Say how long a step took, once it is done."""
    began = time.monotonic()
    yield
    say(f"{what:<14}{time.monotonic() - began:6.1f} s")


def _welcome(options: _Options, address: str, nodes: "Sequence[Node]", rows: "Sequence[ContainerRow]") -> None:
    say, command = options.say, _command()
    names = ", ".join(node.hostname or node.node for node in nodes)
    say(f"{'ready':<14}{time.monotonic() - options.began:6.1f} s")
    say("")
    say(f"  page   {address}/")
    say(f"  nodes  {names}")
    say(f"  data   {options.home}")
    for node in nodes:
        if node.unreadable:
            say("")
            say(f"You may not read {node.unreadable}: what is known is what `docker inspect` says.")
            say("For the rest stop this and type:")
            say(f"  sudo {shutil.which(command) or command} up")
    say("")
    say("Try in another terminal:")
    for line in hints.lines(command, address, rows):
        say(f"  {line}")
    say("")
    say("Ctrl-C stops everything and keeps the data.")


def _command() -> str:
    """Return how a shell finds this command: by its name, or where that is not on its path, by its place."""
    itself = Path(sys.argv[0])
    if itself.name != "mountbook":
        return f"{sys.executable} -m mountbook"
    found = shutil.which("mountbook")
    return "mountbook" if found and os.path.samefile(found, itself) else str(itself)
