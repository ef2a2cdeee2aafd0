"""How the reading side asks: a connection of SQLAlchemy, or a ``Reader`` for the questions that come all the time.

Statements are text whose parameters are written ``:name``; what comes back are plain rows, whoever is asked.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from collector.store.engine import statement
from collector.store.reader import Reader

Asking = AsyncConnection | Reader
"""A transaction that questions are asked in."""
Rows = Sequence[tuple[Any, ...]]


async def rows(conn: Asking, sql: str, given: Mapping[str, Any] | None = None) -> Rows:
    """Return the rows of a statement."""
    if isinstance(conn, Reader):
        return await conn.rows(sql, given or {})
    found: Sequence[Any] = (await conn.execute(statement(sql), given)).all()
    return found


async def several(conn: Asking, *statements: tuple[str, Mapping[str, Any]]) -> Sequence[Rows]:
    """Return the rows of each of these statements, which are sent together where that can be."""
    if isinstance(conn, Reader):
        return await conn.several(*statements)
    return [await rows(conn, sql, given) for sql, given in statements]


async def known(conn: Asking, *statements: tuple[str, Mapping[str, Any]]) -> Sequence[Rows]:
    """Return the rows of each of these statements, as ``several`` does.

    Where that can be, they are planned once for all values: one index only has to be right for any of them.
    """
    if isinstance(conn, Reader):
        return await conn.known(*statements)
    return await several(conn, *statements)


async def alone(conn: Asking, *statements: tuple[str, Mapping[str, Any]]) -> Sequence[Rows]:
    """Return the rows of each of these statements, as ``known`` does: they are all that is asked.

    What is asked after them may see a later state of the register.
    """
    if isinstance(conn, Reader):
        return await conn.alone(*statements)
    return await several(conn, *statements)


async def stream(conn: Asking, sql: str, given: Mapping[str, Any], batch: int) -> AsyncIterator[tuple[Any, ...]]:
    """Yield the rows of a statement through a cursor of the database; ``batch`` of them are held in memory."""
    if isinstance(conn, Reader):
        async for found in conn.stream(sql, given, batch):
            for row in found:
                yield row
        return
    async with conn.stream(statement(sql).execution_options(yield_per=batch), given) as result:
        async for partition in result.partitions(batch):
            for row in partition:
                yield tuple(row)
