"""Bring a database to the form that this release needs: a step of its own, before collectors start.

Two that run at once are safe: one works, the other waits and finds nothing left to do. The lock is polled, because a
session that blocks on an advisory lock holds a snapshot, and ``CREATE INDEX CONCURRENTLY`` waits for every snapshot.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import alembic.command
import psycopg
import sqlalchemy.exc
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from collector.errors import StartError
from collector.store import engine as store

LOCK: Final = 0x4D6F756E74  # "Mount"
"""Key of the advisory lock that one migrator holds."""

_POLL: Final = 0.2
_LOCK_TIMEOUT: Final = "2s"
"""How long a migration waits for a table before it gives way to ingest and fails; it can be run again."""


def upgrade(database_url: str, progress: Callable[[str], None] = lambda _: None) -> None:
    """Migrate the database at ``database_url`` (``postgresql://…``) to this release's form; says each step.

    Raises:
        collector.errors.ProblemError: the database cannot be used now.
        collector.errors.StartError: its server is too old, or it holds what is not Mountbook's.
    """
    engine = create_engine(store.driver_url(database_url), poolclass=NullPool)
    with store.translate(), engine.connect() as connection:
        store.check_server(connection)
        _lock(connection, progress)
        try:
            _upgrade(connection, progress)
        finally:
            if not connection.invalidated:
                connection.rollback()
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK})
                connection.commit()


def head() -> str:
    """Return the newest revision that this release knows."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    if revision is None:
        raise RuntimeError("the installation is incomplete: migrations/versions is empty")
    return revision


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _lock(connection: Connection, progress: Callable[[str], None]) -> None:
    waiting = False
    while not connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": LOCK}).scalar_one():
        connection.commit()
        if not waiting:
            progress("another migration is running on this database; waiting for its end")
            waiting = True
        time.sleep(_POLL)
    connection.commit()


def _upgrade(connection: Connection, progress: Callable[[str], None]) -> None:
    scripts = ScriptDirectory.from_config(_config())
    present = MigrationContext.configure(connection).get_current_heads()
    connection.commit()
    known = {script.revision: script for script in scripts.walk_revisions()}
    unknown = [revision for revision in present if revision not in known]
    if unknown:
        progress(f"the database is at {', '.join(unknown)}, made by a newer release; nothing to do")
        return
    if present == (head(),):
        progress(f"the database is at {head()}, as this release needs; nothing to do")
        return
    connection.execute(text(f"SET lock_timeout = '{_LOCK_TIMEOUT}'"))
    connection.commit()
    config = _config()
    config.attributes["connection"] = connection
    for script in reversed(list(scripts.iterate_revisions("head", present or "base"))):
        progress(f"{script.revision}: {script.doc.rstrip('.')}")
    try:
        alembic.command.upgrade(config, "head")
    except sqlalchemy.exc.ProgrammingError as exc:
        if isinstance(exc.orig, psycopg.errors.DuplicateTable):
            raise StartError(
                f"the database holds something that is not Mountbook's: {exc.orig.diag.message_primary}. "
                "Nothing was changed; name an empty database"
            ) from exc
        raise
    connection.commit()
    progress(f"the database is at {head()}")
