"""The register of ``up``: its database brought up to date, its collector, and what it holds."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypedDict

import msgspec

from collector import app
from collector.config import Config
from collector.errors import ProblemError
from collector.ledger import signing
from collector.lookup import lists
from collector.lookup.filters import Filters
from collector.lookup.scope import scoped
from collector.store.engine import Database
from mountbook.errors import UserError
from mountbook.local.parts import Parts
from protocol.answers import ContainerRow
from protocol.entries import Kind
from protocol.problems import ProblemType

KEY: Final = "signing.key"
PUBLIC_KEY: Final = "signing.pub"
CHECKPOINTS: Final = "checkpoints"
_SOME = 50


class Ledger(TypedDict):
    """The fields of a collector's ``Config`` that its audit log needs."""

    signing_key: str
    checkpoints: str


def ledger(home: Path) -> Ledger:
    """Return the settings of an audit log whose key and checkpoints are kept in ``home``; they are made if need be.

    The public key is written beside it, for ``mountbook verify``.

    Raises:
        collector.errors.CollectorError: the key cannot be read or made.
        UserError: the directory cannot be written.
    """
    key = signing.read_or_make_key(home / KEY)
    try:
        (home / PUBLIC_KEY).write_text(f"{key.public.text}\n")
        (home / CHECKPOINTS).mkdir(mode=0o700, exist_ok=True)
    except OSError as exc:
        raise UserError(f"{exc.filename} cannot be written: {exc.strerror}.") from exc
    return Ledger(signing_key=(home / KEY).read_text().strip(), checkpoints=str(home / CHECKPOINTS))


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
