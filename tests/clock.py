"""A PostgreSQL whose clock can be set: in new sessions the register's queries find another clock before its own."""

from typing import Final

SETTABLE: Final = (
    "CREATE SCHEMA wrong",
    "CREATE TABLE wrong.clock (ahead interval NOT NULL)",
    "INSERT INTO wrong.clock VALUES ('0')",
    """
    CREATE FUNCTION wrong.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
    AS 'SELECT pg_catalog.clock_timestamp() + ahead FROM wrong.clock'
    """,
    """
    DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I SET search_path = wrong, pg_catalog, public', current_database());
    END $$
    """,
)
"""What makes a database's clock one that ``ahead`` sets."""


def set_ahead(seconds: float) -> str:
    """Return the statement that sets the clock so many seconds ahead of the true one."""
    return f"UPDATE wrong.clock SET ahead = make_interval(secs => {seconds})"
