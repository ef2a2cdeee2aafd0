"""Real agents and a real collector, living in a test: started, restarted, asked over HTTP."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from agent import service
from agent.config import Config as AgentConfig
from collector import identity
from collector.app import serve
from collector.config import Config
from collector.store.engine import Database
from mountbook.client import Client
from mountbook.errors import NotFoundError
from protocol.answers import ContainerRow, Whose

T = TypeVar("T")

DATA_ROOT = "/var/lib/docker"
PATIENCE = 60.0


async def eventually(what: str, look: Callable[[], Awaitable[T | None]]) -> T:
    """Return what ``look`` gives as soon as it gives something.

    Raises:
        AssertionError: it has not for ``PATIENCE`` seconds; ``what`` says what was waited for.
    """
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                found = await look()
                if found:
                    return found
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"not within {PATIENCE:.0f} s: {what}") from None


@dataclass(slots=True)
class Task:
    """Something that runs until it is stopped."""

    work: asyncio.Task[Any]

    async def stop(self) -> None:
        """End it, and pass on what it failed with."""
        self.work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.work


class Living:
    """A collector on a free port with its database; agents come and go. Use it as a context manager."""

    def __init__(self, database_url: str, state: Path) -> None:
        self.database_url, self.state = database_url, state
        self.database = Database(Config(database_url=database_url))
        self.url = ""
        self.collector: Task | None = None
        self.agents: dict[str, Task] = {}

    async def __aenter__(self) -> Self:
        await self.start_collector(0)
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _exc: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        for one in self.agents.values():
            await one.stop()
        if self.collector is not None:
            await self.collector.stop()
        await self.database.close()

    async def start_collector(self, port: int) -> None:
        """Start the collector on a port, 0 for a free one."""
        address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        config = Config(database_url=self.database_url, port=port, heartbeat=0.5, relist=0.5, flush=0.05)
        work = asyncio.create_task(serve(config, started=address.set_result))
        either: set[asyncio.Future[Any]] = {work, address}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            await work
        self.url, self.collector = address.result(), Task(work)

    async def restart_collector(self) -> None:
        """Stop the collector and start it at the same address."""
        assert self.collector is not None
        await self.collector.stop()
        await self.start_collector(int(self.url.rpartition(":")[2]))

    async def token(self, node: str, cluster: str = "test") -> str:
        """Make a token for a node's agent."""
        return await identity.add(self.database, "agent", cluster=cluster, node=node)

    async def start_agent(self, node: str, host_root: Path, token: str) -> None:
        """Start an agent that reads the files below ``host_root``, where the data root is ``DATA_ROOT``."""
        state = self.state / node
        state.mkdir(exist_ok=True)
        config = AgentConfig(
            collectors=(self.url,),
            token=token,
            state_dir=str(state),
            docker_host="",
            host_root=str(host_root),
            data_root=DATA_ROOT,
            relist=1.0,
            measure_share=1.0,
            usage=0.2,
            poll=0.05,
            start_spread=0.0,
        )
        self.agents[node] = Task(asyncio.create_task(service.run(config)))

    async def stop_agent(self, node: str) -> None:
        """End a node's agent."""
        await self.agents.pop(node).stop()

    async def ask(self, question: Callable[[Client], T]) -> T:
        """Ask a question of the collector, as the command does."""

        def put() -> T:
            with Client(self.url, None) as client:
                return question(client)

        return await asyncio.to_thread(put)

    async def where(self, ref: str, *, node: str | None = None, at: str | None = None) -> list[ContainerRow]:
        """Return the containers that a reference names, none if it names nothing."""
        try:
            return (await self.ask(lambda client: client.where(ref, node=node, at=at))).containers
        except NotFoundError:
            return []

    async def whose(self, path: str, *, node: str | None = None, at: str | None = None) -> Whose:
        """Return whose a path is."""
        return (await self.ask(lambda client: client.whose([path], node=node, at=at))).answers[0]

    async def ls(self) -> list[ContainerRow]:
        """Return every container that the register has now."""
        lines = await self.ask(lambda client: list(client.containers()))
        return [line for line in lines if isinstance(line, ContainerRow)]

    async def all_of(self, node: str, count: int) -> list[ContainerRow]:
        """Return the node's containers once there are so many."""

        async def look() -> list[ContainerRow] | None:
            rows = [row for row in await self.ls() if row.node == node]
            return rows if len(rows) == count else None

        return await eventually(f"{count} containers of {node}", look)


def began_of(row: ContainerRow) -> str:
    """Return the moment by which the row's version had begun."""
    assert row.began, "a current row says since when"
    return row.began.before
