"""The months that history has room for."""

from typing import Final

from sqlalchemy import text

from collector.store.read import Connection

_MONTHS_AHEAD: Final = text("""
    SELECT count(*) FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'history'::regclass
        AND c.relname > 'history_' || to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY_MM')
""")


async def months_ahead(conn: Connection) -> int:
    """Return how many months after the present one have a partition."""
    return int((await conn.execute(_MONTHS_AHEAD)).scalar_one())
