"""``mountbook token``: credentials, made and ended next to the database."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from collector import enrolment, identity
from collector.config import Config
from collector.errors import CollectorError, ConfigError
from collector.store import credentials
from collector.store.credentials import Credential
from collector.store.engine import Database
from mountbook.errors import UserError
from mountbook.local import postgres
from protocol.times import to_text

T = TypeVar("T")


class TokenRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a token: all but the token. ``prefix`` names it: the first digits of its hash."""

    prefix: str
    role: str
    cluster: str
    node: str
    comment: str
    created_at: str
    revoked_at: str | None


class WaitingRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An agent that asked for a node which has another token; ``prefix`` as in ``TokenRecord``."""

    prefix: str
    cluster: str
    node: str
    hostname: str
    engine_id: str
    address: str
    attempts: int
    first_at: str
    last_at: str


def create(database: str | None, role: str, cluster: str | None, node: str | None, comment: str) -> str:
    """Make a token and return it; it cannot be read again.

    Raises:
        UserError: the database cannot be used, or the role does not go with what was given.
    """
    return with_database(
        database, lambda db: identity.add(db, role, cluster=cluster or "", node=node or "", comment=comment)
    )


def list_tokens(database: str | None) -> list[TokenRecord]:
    """Return every token's record, oldest first.

    Raises:
        UserError: the database cannot be used.
    """

    async def ask(opened: Database) -> list[Credential]:
        async with opened.query() as connection:
            return await credentials.list_all(connection)

    return [_record(one) for one in with_database(database, ask)]


def revoke(database: str | None, prefix: str) -> None:
    """End the validity of the token that these first digits of its hash name.

    Raises:
        UserError: the database cannot be used, or the digits name none, or several.
    """
    with_database(database, lambda db: identity.revoke(db, prefix))


def list_waiting(database: str | None) -> list[WaitingRecord]:
    """Return the enrolments that wait for approval, the latest first.

    Raises:
        UserError: the database cannot be used.
    """
    return [
        WaitingRecord(
            prefix=one.prefix,
            cluster=one.cluster,
            node=one.node,
            hostname=one.hostname,
            engine_id=one.engine_id,
            address=one.address,
            attempts=one.attempts,
            first_at=to_text(one.first_at),
            last_at=to_text(one.last_at),
        )
        for one in with_database(database, enrolment.waiting)
    ]


def approve(database: str | None, prefix: str) -> str:
    """Let the waiting token that these first digits of its hash name speak for its node; return the node.

    Raises:
        UserError: the database cannot be used, or the digits name none, or several.
    """
    return with_database(database, lambda db: enrolment.approve(db, prefix)).node


def _record(one: Credential) -> TokenRecord:
    return TokenRecord(
        prefix=one.prefix,
        role=one.role,
        cluster=one.cluster,
        node=one.node,
        comment=one.comment,
        created_at=to_text(one.created_at),
        revoked_at=None if one.revoked_at is None else to_text(one.revoked_at),
    )


def with_database(url: str | None, work: Callable[[Database], Awaitable[T]]) -> T:
    """Do something with a database, the named one or that of a running ``up``; return what comes of it.

    Raises:
        UserError: the database cannot be used, or what the work raises of the collector's errors.
    """

    async def connected(config: Config) -> T:
        database = Database(config)
        try:
            await database.check()
            return await work(database)
        finally:
            await database.close()

    try:
        config = Config(database_url=postgres.named_or_running(url))
        config.check()
        return asyncio.run(connected(config))
    except ConfigError as exc:
        raise UserError("\n".join(exc.problems)) from exc
    except CollectorError as exc:
        raise UserError(str(exc)) from exc
