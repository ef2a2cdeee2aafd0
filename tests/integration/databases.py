"""Databases for tests: made, emptied, dropped."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

_Connection = psycopg.Connection[TupleRow]

_SHAPE: Final = """
    WITH ours AS (SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema')
    SELECT md5(string_agg(line, chr(10) ORDER BY line)) FROM (
        SELECT concat_ws(' ', nspname, nspacl) AS line FROM pg_namespace
        UNION ALL
        SELECT concat_ws(' ', oid, relname, relkind, relacl, reloptions, relrowsecurity, relpartbound) FROM pg_class
        WHERE relnamespace IN (SELECT oid FROM ours)
        UNION ALL
        SELECT concat_ws(' ', attrelid, attname, atttypid, attnotnull, attisdropped, attacl) FROM pg_attribute
        WHERE attrelid IN (SELECT oid FROM pg_class WHERE relnamespace IN (SELECT oid FROM ours))
        UNION ALL
        SELECT concat_ws(' ', conrelid, conname, convalidated, conbin) FROM pg_constraint
        WHERE connamespace IN (SELECT oid FROM ours)
        UNION ALL SELECT concat_ws(' ', inhrelid, inhparent, inhdetachpending) FROM pg_inherits
        UNION ALL SELECT concat_ws(' ', indexrelid, indisvalid) FROM pg_index
        UNION ALL SELECT concat_ws(' ', tgrelid, tgname, tgenabled) FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL SELECT concat_ws(' ', oid, prosrc) FROM pg_proc WHERE pronamespace IN (SELECT oid FROM ours)
        UNION ALL SELECT concat_ws(' ', extname, extversion) FROM pg_extension
        UNION ALL
        SELECT concat_ws(' ', datacl, datallowconn, setrole, setconfig) FROM pg_database
        LEFT JOIN pg_db_role_setting ON setdatabase = pg_database.oid WHERE datname = current_database()
        UNION ALL
        SELECT concat_ws(' ', 'statistics of', starelid, staattnum) FROM pg_statistic
        WHERE starelid IN (SELECT oid FROM pg_class WHERE relnamespace IN (SELECT oid FROM ours))
    ) AS lines
"""
"""What makes one database behave unlike another, but for its rows; what the planner knows of them included."""
_FILLED: Final = """
    SELECT oid::regclass::text FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 0
"""
_OTHERS: Final = """
    SELECT count(*) FILTER (WHERE NOT pg_terminate_backend(pid, 60000)) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A server on which databases can be made."""

    url: str

    def named(self, database: str) -> str:
        """Return the address of one of its databases."""
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{database}"))

    def make(self, template: str = "template0") -> str:
        """Make a database and return its address."""
        name = f"test_{uuid4().hex}"
        self._run("CREATE DATABASE {} TEMPLATE {}", name, template)
        return self.named(name)

    def drop(self, url: str) -> None:
        """Drop a database, whoever is connected to it."""
        self._run("DROP DATABASE {} WITH (FORCE)", _name(url))

    def _run(self, statement: str, *names: str) -> None:
        with psycopg.connect(self.named("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


class Migrated:
    """Migrated databases, as migrating leaves them. One that a test gives back is emptied and used again.

    Copying a database takes ten times as long as emptying one, and most tests are shorter than either. A database that
    a test has left changed in anything but its rows is dropped.
    """

    def __init__(self, server: Server, template: str) -> None:
        self._server, self._template = server, template
        with psycopg.connect(template, autocommit=True) as connection:
            self._rows = {table: _copied(connection, table) for table in _filled(connection)}
        self._free: list[str] = []
        self._shapes: dict[str, str] = {}

    def take(self) -> str:
        """Return the address of one that nobody uses."""
        if self._free:
            return self._free.pop()
        url = self._server.make(_name(self._template))
        with psycopg.connect(url, autocommit=True) as connection:
            self._shapes[url] = _shape(connection)
        return url

    def give_back(self, url: str) -> None:
        """Take one back, whoever is still connected to it."""
        with psycopg.connect(url) as connection:
            connection.execute(_OTHERS)
            unchanged = _shape(connection) == self._shapes[url]
            if unchanged:
                self._empty(connection)
        if unchanged:
            self._free.append(url)
        else:
            self._server.drop(url)

    def close(self) -> None:
        """Drop all of them."""
        for url in (*self._free, self._template):
            self._server.drop(url)

    def _empty(self, connection: _Connection) -> None:
        filled = sql.SQL(", ").join(map(sql.SQL, _filled(connection)))
        connection.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(filled))
        for table, rows in self._rows.items():
            with connection.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(sql.SQL(table))) as copy:
                copy.write(rows)
        connection.execute("SELECT pg_stat_reset()")


def _name(url: str) -> str:
    return urlsplit(url).path[1:]


def _shape(connection: _Connection) -> str:
    ((shape,),) = connection.execute(_SHAPE).fetchall()
    return str(shape)


def _filled(connection: _Connection) -> list[str]:
    return [table for (table,) in connection.execute(_FILLED)]


def _copied(connection: _Connection, table: str) -> bytes:
    with connection.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(sql.SQL(table))) as copy:
        return b"".join(copy)
