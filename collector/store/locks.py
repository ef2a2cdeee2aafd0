"""Jobs that one collector does at a time: whoever does not get the lock at once leaves the job to who has it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy import text

from collector.store.engine import Connection

_TAKE: Final = text("SELECT pg_try_advisory_lock(:key)")
_LEAVE: Final = text("SELECT pg_advisory_unlock(:key)")


@asynccontextmanager
async def alone(connection: Connection, key: int) -> AsyncIterator[bool]:
    """Hold the lock with this number for the session; gives whether it is free. Outside a transaction."""
    free: bool = (await connection.execute(_TAKE, {"key": key})).scalar_one()
    try:
        yield free
    finally:
        if free and not connection.invalidated:
            await connection.execute(_LEAVE, {"key": key})
