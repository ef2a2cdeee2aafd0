"""Reads the audit log for whoever compares it: while one page is hashed, the database makes the next one ready."""

import asyncio
from collections.abc import Callable
from typing import Final

from collector.ledger.verify import Known
from collector.store import ledger
from collector.store.engine import Connection
from collector.store.ledger import AuditKind, Link, Place

SIGNED: Final = (AuditKind.RETENTION, AuditKind.RESTORE)
"""Kinds of entries that the verifier has to know from the beginning."""


async def known(connection: Connection) -> Known:
    """Return what the register says of its log."""
    head = await ledger.head(connection)
    signed = [link for kind in SIGNED for link in await ledger.of_kind(connection, kind)]
    return Known(str(head.register), head.seq, head.hash, signed)


async def everything(connection: Connection, take: Callable[[list[Link]], bool], limit: int = ledger.BATCH) -> None:
    """Hand the log to ``take``, ``limit`` entries at a time and in a thread of its own, until it has seen enough.

    Raises:
        ProblemError: what the store raises.
    """
    page = await ledger.page(connection, Place(), limit=limit)
    while page:
        taken = asyncio.create_task(asyncio.to_thread(take, page))
        try:
            page = await ledger.page(connection, ledger.behind(page[-1]), limit=limit)
        finally:
            more = await taken
        if not more:
            return
