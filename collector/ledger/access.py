"""The access log: who asked what, noted before the answer leaves, many at a time."""

import asyncio
from collections.abc import Mapping
from typing import Any

from collector.store import ledger
from collector.store.engine import Database
from collector.store.ledger import AuditKind


class AccessLog:
    """Notes accesses; those that come while one is written are written together by the next of them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[tuple[Mapping[str, Any], asyncio.Future[None]]] = []
        self._writing = asyncio.Lock()

    async def record(self, entry: Mapping[str, Any]) -> None:
        """Note an access (fields as ``AuditKind.ACCESS`` has them); returns when it is committed.

        Raises:
            ProblemError: what the store raises.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, done))
        async with self._writing:
            if not done.done():
                await self._write()
        done.result()

    async def _write(self) -> None:
        batch, self._waiting = self._waiting, []
        try:
            async with self._database.access() as wire:
                await ledger.note_at_once(wire, AuditKind.ACCESS, *(entry for entry, _ in batch))
        except asyncio.CancelledError:
            # Only who wrote is gone: the others' turn comes.
            self._waiting[:0] = batch
            raise
        except Exception as exc:  # everybody whose access it was gets it
            for _, done in batch:
                done.set_exception(exc)
                done.exception()  # nobody may be waiting any more
            return
        for _, done in batch:
            done.set_result(None)
