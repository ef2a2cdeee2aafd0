"""The register of ``up``: its database brought up to date, its collector, and what it holds."""

import asyncio
from collections.abc import Callable

import msgspec

from collector import app
from collector.config import Config
from collector.errors import ProblemError
from collector.lookup import lists
from collector.lookup.filters import Filters
from collector.lookup.scope import scoped
from collector.store.engine import Database
from mountbook.local.parts import Parts
from protocol.answers import ContainerRow
from protocol.entries import Kind
from protocol.problems import ProblemType

_SOME = 50


async def bring_up_to_date(database: Database, url: str, progress: Callable[[str], None]) -> bool:
    """Migrate the database unless this release can use it as it is; return whether there was anything to do.

    Alembic is imported only then: it costs a quarter of a second.

    Raises:
        collector.errors.CollectorError: the database cannot be used.
    """
    try:
        await database.check()
    except ProblemError as exc:
        if exc.kind is not ProblemType.NOT_MIGRATED:
            raise
    else:
        return False
    from migrations.run import upgrade

    await asyncio.to_thread(upgrade, url, progress)
    return True


async def serve(parts: Parts, config: Config) -> str:
    """Start the collector and return its address once it accepts requests.

    Raises:
        collector.errors.StartError: it cannot start.
    """
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    parts.service("The collector", app.serve(config, started=address.set_result))
    return await parts.while_all_run(address)


async def some_containers(database: Database, config: Config) -> list[ContainerRow]:
    """Return some of the containers that the register knows now."""
    async with database.query() as connection:
        scope = await scoped(connection, config.silent_after)
        page = await lists.page(scope, Kind.CONTAINER, Filters(), _SOME, "")
    return [msgspec.json.decode(row, type=ContainerRow) for row in page.rows]
