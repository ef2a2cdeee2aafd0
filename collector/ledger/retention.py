"""Retention: months of history and audit log that are too old are dropped, and the audit log says so.

What goes of the audit log leaves a signed anchor, chained before anything is dropped: the number and the hash of its
last entry. Without a key it stays.
"""

import asyncio
import contextlib
from typing import Final

import msgspec
import structlog

from collector.errors import ProblemError
from collector.ledger import chain, vouched
from collector.ledger.signing import SigningKey
from collector.ledger.vouched import Anchor
from collector.store import holds, ledger, partitions
from collector.store.engine import Connection, Database
from collector.store.ledger import AuditKind
from collector.store.partitions import Month

_EVERY: Final = 3600.0
_RETRY: Final = 30.0
_log = structlog.stdlib.get_logger("collector.ledger.retention")


class Retention:
    """The job that drops what is older than ``kept`` whole months."""

    def __init__(self, database: Database, kept: int, key: SigningKey | None) -> None:
        self._database, self._kept, self._key = database, kept, key

    async def run(self, stopping: asyncio.Event) -> None:
        """Drop what is too old now, and now and then until ``stopping`` is set."""
        while True:
            pause = _EVERY
            try:
                if await enforce(self._database, self._kept, self._key):
                    pause = _RETRY
            except ProblemError as exc:
                _log.warning("a month could not be dropped yet", why=exc.detail)
                pause = _RETRY
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), pause)
            if stopping.is_set():
                return


async def enforce(database: Database, kept: int, key: SigningKey | None) -> list[Month]:
    """Drop what is too old; return the months that are to go and could not yet.

    Raises:
        ProblemError: ``busy``: somebody reads a month for too long; and what the store raises.
    """
    async with database.maintenance() as connection, partitions.alone(connection) as free:
        if not free:
            return []
        # One that is half detached is ended also under a hold: no question sees it any more as it is.
        for month in await partitions.months(connection):
            if month.pending:
                await partitions.detach(connection, month)
        old = await partitions.expired(connection, kept)
        if not old or await _held(connection, old):
            return []
        return [month for month in old if not await _drop(database, connection, month, key)]


async def _held(connection: Connection, old: list[Month]) -> bool:
    lasting = await holds.lasting(connection)
    if lasting:
        _log.info("months are kept by a hold", holds=lasting, months=[month.name for month in old])
    return bool(lasting)


async def _drop(database: Database, connection: Connection, month: Month, key: SigningKey | None) -> bool:
    """Detach and drop a month; whether it is gone."""
    chained = month.table == "audit_log"
    if chained and not await _anchored(database, month, key):
        return False
    if month.attached:
        await partitions.detach(connection, month)
    async with database.ingest() as dropping:
        await partitions.drop(dropping, month)
        if not chained:
            await ledger.note(dropping, AuditKind.RETENTION, {"partition": month.name})
    return True


async def _anchored(database: Database, month: Month, key: SigningKey | None) -> bool:
    """Whether the chain has the anchor of a month of the audit log; if not, it is noted."""
    async with database.query() as connection:
        last = await ledger.last_of(connection, month.name)
        if last is None:
            return True
        head = await ledger.head(connection)
        told = await ledger.of_kind(connection, AuditKind.RETENTION)
    if key is None:
        _log.warning("a month of the audit log is kept: there is no key to sign its anchor", partition=month.name)
        return False
    anchors = (vouched.anchor_of(link, key.public) for link in told)
    if any(anchor is not None and anchor.through == last.seq for anchor in anchors):
        return True
    anchor = Anchor(register=str(head.register), partition=month.name, through=last.seq, hash=last.hash.hex())
    async with database.ingest() as connection:
        await ledger.note(connection, AuditKind.RETENTION, msgspec.to_builtins(vouched.sign_anchor(anchor, key)))
    await chain.extend(database)
    return False
