"""Migrations: from nothing to what the tables say, once, whoever else runs them."""

import multiprocessing
from importlib import resources

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Table, create_engine, text
from sqlalchemy.pool import NullPool

from collector.errors import ProblemError, StartError
from collector.store.engine import driver_url
from collector.store.tables import REVISION, metadata
from migrations import run
from protocol.problems import ProblemType


def ask(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()


def test_an_empty_database_becomes_what_the_tables_say(empty_database_url: str) -> None:
    said: list[str] = []
    run.upgrade(empty_database_url, said.append)
    assert said[-1] == f"the database is at {REVISION}"
    with create_engine(driver_url(empty_database_url), poolclass=NullPool).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        tables = text(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent::regclass::text = ANY(:parents)"
        )
        parents = {"parents": ["history", "audit_log"]}
        months = {row[0] for row in connection.execute(tables, parents)}
        differences = [
            difference for difference in compare_metadata(context, metadata) if not _is_month(difference, months)
        ]
    assert differences == []


def _is_month(difference: object, months: set[str]) -> bool:
    """Whether it only says that the table of a month is nowhere in the metadata."""
    if not isinstance(difference, tuple):
        return False
    kind, thing = difference[0], difference[1]
    table = thing if isinstance(thing, Table) else getattr(thing, "table", None)
    return isinstance(table, Table) and kind in {"remove_table", "remove_index"} and table.name in months


def test_collation_fillfactor_and_eager_indexes_are_as_meant(empty_database_url: str) -> None:
    run.upgrade(empty_database_url)
    collations = ask(
        empty_database_url,
        "SELECT DISTINCT collation_name FROM information_schema.columns WHERE table_name IN ('entries', 'history') "
        "AND data_type = 'text' AND column_name IN ('root', 'key', 'name', 'mount_id')",
    )
    assert collations == [("C",)]
    rows = ask(empty_database_url, "SELECT relname, reloptions::text FROM pg_class WHERE reloptions IS NOT NULL")
    options = {row[0]: row[1] for row in rows}
    assert options["node_heartbeats"] == "{fillfactor=30}"
    assert options["entries"] == "{fillfactor=75}"
    assert options["entries_paths"] == options["history_refs"] == "{fastupdate=off}"


def test_a_second_run_finds_nothing_to_do(empty_database_url: str) -> None:
    run.upgrade(empty_database_url)
    said: list[str] = []
    run.upgrade(empty_database_url, said.append)
    assert said == [f"the database is at {REVISION}, as this release needs; nothing to do"]


def test_a_database_of_a_newer_release_is_left_alone(empty_database_url: str) -> None:
    run.upgrade(empty_database_url)
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    said: list[str] = []
    run.upgrade(empty_database_url, said.append)
    assert "newer release" in said[0]
    assert ask(empty_database_url, "SELECT version_num FROM alembic_version") == [("9999",)]


def test_several_at_once_migrate_once(empty_database_url: str) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        outcomes = pool.map(_upgrade, [empty_database_url] * 3)
    assert outcomes == [f"the database is at {REVISION}"] + [outcomes[1]] * 2 or sorted(outcomes) == sorted(
        [f"the database is at {REVISION}"]
        + [f"the database is at {REVISION}, as this release needs; nothing to do"] * 2
    )
    assert ask(empty_database_url, "SELECT count(*) FROM alembic_version") == [(1,)]


def _upgrade(url: str) -> str:
    said: list[str] = []
    run.upgrade(url, said.append)
    return said[-1]


def test_one_that_waits_for_another_says_so(empty_database_url: str) -> None:
    said: list[str] = []
    with psycopg.connect(empty_database_url, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (run.LOCK,))

        def hear(line: str) -> None:
            said.append(line)
            if len(said) == 1:
                other.execute("SELECT pg_advisory_unlock(%s)", (run.LOCK,))

        run.upgrade(empty_database_url, hear)
    assert said[0] == "another migration is running on this database; waiting for its end"
    assert said[-1] == f"the database is at {REVISION}"


def test_a_failed_migration_leaves_nothing_half_done(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE nodes (mine int)")
    with pytest.raises(StartError, match="not Mountbook's"):
        run.upgrade(empty_database_url)
    names = ask(empty_database_url, "SELECT relname FROM pg_class WHERE relname IN ('credentials', 'entries', 'nodes')")
    assert names == [("nodes",)]
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute("DROP TABLE nodes")
    run.upgrade(empty_database_url)


def test_nobody_at_the_address_is_said_in_a_sentence() -> None:
    with pytest.raises(ProblemError) as caught:
        run.upgrade("postgresql://nobody@127.0.0.1:1/none")
    assert caught.value.kind is ProblemType.UNAVAILABLE


def test_the_release_needs_the_newest_migration() -> None:
    assert run.head() == REVISION
    names = sorted(file.name for file in resources.files("migrations.versions").iterdir() if file.name[0] == "0")
    assert [name[:4] for name in names] == [f"{number:04}" for number in range(1, len(names) + 1)]
