"""The store: partitions, the connection, and what the driver's errors become."""

import asyncio
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import text

from collector.config import Config
from collector.errors import ProblemError, StartError
from collector.store import partitions
from collector.store.engine import Database, driver_url
from collector.store.partitions import Partitions
from collector.store.writer import Statement
from protocol.problems import ProblemType
from tests.integration.collector.node import Node, Rows, container


async def failure(database: Database, statement: str) -> ProblemError:
    with pytest.raises(ProblemError) as caught:
        async with database.ingest() as connection:
            await connection.execute(text(statement))
    return caught.value


async def test_the_present_month_and_three_more_are_ready(database: Database, rows: Rows) -> None:
    assert await partitions.make_ahead(database) == partitions.AHEAD
    today = datetime.now(UTC)
    names = [row["relid"] for row in rows.ask("SELECT relid::text FROM pg_partition_tree('history') WHERE isleaf")]
    assert f"history_{today:%Y_%m}" in names


async def test_missing_months_are_made_with_every_index(database: Database, rows: Rows, node: Node) -> None:
    def shape() -> list[dict[str, object]]:
        return rows.ask(
            "SELECT regexp_replace(indexdef, '[0-9]{4}_[0-9]{2}', 'M', 'g') AS made FROM pg_indexes "
            "WHERE tablename LIKE 'history_2%%' GROUP BY 1 ORDER BY 1"
        )

    by_migration = len(shape())
    for row in rows.ask("SELECT relid::text FROM pg_partition_tree('history') WHERE isleaf"):
        rows.change(f"DROP TABLE {row['relid']}")
    await node.hello()
    await node.snapshot(container(1))
    with pytest.raises(ProblemError) as caught:
        await node.delta(container(1, state="exited"))
    assert caught.value.kind is ProblemType.UNAVAILABLE
    assert "partition" in caught.value.detail
    assert await partitions.make_ahead(database, 5) == 5
    assert len(shape()) == by_migration > 1
    await node.delta(container(1, state="exited"))
    assert len(rows.closed()) == 1


async def test_two_collectors_that_make_months_at_once_do_not_collide(database: Database) -> None:
    made = await asyncio.gather(*(partitions.make_ahead(database, 9) for _ in range(4)))
    assert made == [9] * 4


async def test_the_job_makes_months_tells_how_many_are_ready_and_stops(database: Database, rows: Rows) -> None:
    last = max(row["relid"] for row in rows.ask("SELECT relid::text FROM pg_partition_tree('history') WHERE isleaf"))
    rows.change(f"DROP TABLE {last}")
    job, stopping = Partitions(database), asyncio.Event()
    stopping.set()
    await job.run(stopping)
    assert job.ahead == partitions.AHEAD
    assert rows.ask("SELECT to_regclass(%(last)s) IS NOT NULL AS made", last=last) == [{"made": True}]


async def test_a_migrated_database_can_be_used(database: Database) -> None:
    await database.check()


async def test_a_database_that_is_not_migrated_names_the_command(empty_database_url: str) -> None:
    database = Database(Config(database_url=empty_database_url))
    with pytest.raises(ProblemError) as caught:
        await database.check()
    assert caught.value.kind is ProblemType.NOT_MIGRATED
    assert "mountbook migrate --database URL" in caught.value.detail
    await database.close()


async def test_an_older_form_of_the_database_names_the_command(database: Database, rows: Rows) -> None:
    rows.change("UPDATE alembic_version SET version_num = '0000'")
    with pytest.raises(ProblemError) as caught:
        await database.check()
    assert caught.value.kind is ProblemType.NOT_MIGRATED
    rows.change("UPDATE alembic_version SET version_num = '9999'")
    await database.check()


async def test_nobody_at_the_address_is_unavailable() -> None:
    database = Database(Config(database_url="postgresql://nobody@127.0.0.1:1/none"))
    with pytest.raises(ProblemError) as caught:
        await database.check()
    assert caught.value.kind is ProblemType.UNAVAILABLE
    assert caught.value.retry_after is not None
    await database.close()


async def test_a_statement_that_takes_too_long_is_busy(database_url: str) -> None:
    database = Database(Config(database_url=database_url, ingest_timeout=0.05))
    assert (await failure(database, "SELECT pg_sleep(10)")).kind is ProblemType.BUSY
    await database.close()


async def test_questions_cannot_write(database: Database) -> None:
    with pytest.raises(ProblemError) as caught:
        async with database.query() as connection:
            await connection.execute(text("DELETE FROM entries"))
    assert caught.value.kind is ProblemType.UNAVAILABLE


async def test_a_read_only_database_refuses_agents_for_a_while_and_recovers(
    database: Database, node: Node, rows: Rows
) -> None:
    await node.hello()
    (name,) = rows.ask("SELECT current_database() AS name")
    rows.change(f"ALTER DATABASE {name['name']} SET default_transaction_read_only = on")
    await database.close()
    with pytest.raises(ProblemError) as caught:
        await node.snapshot(container(1))
    assert (caught.value.kind, caught.value.retry_after) == (ProblemType.UNAVAILABLE, 10)
    with psycopg.connect(rows.url, autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        connection.execute(f"ALTER DATABASE {name['name']} RESET default_transaction_read_only".encode())
    await database.close()
    await node.snapshot(container(1))


async def test_a_mistake_of_ours_is_not_called_the_databases(database: Database) -> None:
    with pytest.raises(Exception, match="syntax error"):
        async with database.ingest() as connection:
            await connection.execute(text("SELEC"))


async def test_what_is_acknowledged_is_on_disk(database: Database) -> None:
    async with database.ingest() as connection:
        assert (await connection.execute(text("SHOW synchronous_commit"))).scalar_one() == "on"
    for transaction in (database.agents, database.heartbeats):
        async with transaction() as writer:
            assert await writer.ask(Statement("SHOW synchronous_commit")()) == [[("on",)]]


def test_an_address_that_cannot_be_read_is_refused_without_repeating_it() -> None:
    with pytest.raises(StartError) as caught:
        driver_url("postgresql://me:secret@host:port/name")
    assert "secret" not in str(caught.value)
