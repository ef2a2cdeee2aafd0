"""Transactions that write: several statements in one round trip, all or nothing, and what becomes of errors."""

import asyncio
from datetime import UTC, datetime

import psycopg
import pytest

from collector.config import Config
from collector.errors import ProblemError
from collector.store.engine import Database
from collector.store.wire import ANEW
from collector.store.writer import Statement, Value, array
from protocol.problems import ProblemType
from tests.integration.collector.node import Node, Rows, container, layer

ADD = Statement("INSERT INTO rosters (cluster, version, read_at) VALUES (:cluster, :version, clock_timestamp())")
NAMES = Statement("SELECT cluster FROM rosters ORDER BY 1")
PID = Statement("SELECT pg_backend_pid()")


async def names(database: Database) -> list[str]:
    async with database.agents() as writer:
        return [name for (name,) in (await writer.ask(NAMES()))[0]]


async def test_statements_are_answered_in_their_order_and_committed_by_finish(database: Database) -> None:
    async with database.agents() as writer:
        first, added, second = await writer.ask(NAMES(), ADD(cluster="a", version=1), NAMES())
        assert (first, added, second) == ([], [], [("a",)])
        assert await writer.finish(ADD(cluster="b", version=2)) == [[]]
    assert await names(database) == ["a", "b"]


async def test_what_is_not_finished_is_rolled_back(database: Database) -> None:
    async with database.agents() as writer:
        await writer.ask(ADD(cluster="a", version=1))

    async def fail() -> None:
        async with database.agents() as writer:
            await writer.ask(ADD(cluster="b", version=1))
            raise RuntimeError("a mistake of ours")

    with pytest.raises(RuntimeError, match="ours"):
        await fail()
    assert await names(database) == []


async def test_what_agents_say_is_planned_once_and_reads_no_table_from_its_begin(
    database: Database, node: Node, rows: Rows
) -> None:
    """Else what a change costs would follow the size of the register, or that which it had a while ago."""
    for number in range(3):  # the third time, a statement is prepared and its table known to be small
        await node.hello()
        await node.snapshot(container(1), layer(number))
        await node.delta(container(1, state="exited"), container(2))
        await node.delta(removes=[container(2)])
        rows.change("ANALYZE")
    prepared = Statement(
        "SELECT name, statement, custom_plans, cardinality(parameter_types) FROM pg_prepared_statements "
        "WHERE statement ~ '^(SELECT|WITH|INSERT|UPDATE|DELETE)'"
    )
    async with database.agents() as writer:
        (found,) = await writer.ask(prepared())
        assert len(found) >= 8
        assert [sql for _, sql, custom, _ in found if custom] == []
        await writer.ask((ANEW, {}))
        for name, sql, _, count in found:
            values = f"({', '.join(['NULL'] * count)})" if count else ""
            (plan,) = await writer.ask((f"EXPLAIN EXECUTE {name}{values}", {}))
            whole = [line for (line,) in plan if "Seq Scan" in line and "on shapes" not in line]  # which has one row
            assert whole == [], f"{sql} is planned as {plan}"


async def test_values_of_every_type_arrive_as_they_were(database: Database) -> None:
    when = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
    echo = Statement(
        "SELECT CAST(:text AS text), CAST(:bytes AS bytea), CAST(:number AS bigint), CAST(:float AS float8), "
        "CAST(:time AS timestamptz), CAST(:nothing AS int), CAST(:list AS int[]), CAST(:text AS text) || 'x'"
    )
    values: dict[str, Value] = {
        "text": "a'\\ü\n",
        "bytes": b"\x00\xff\\",
        "number": -(2**60),
        "float": 0.1,
        "time": when,
    }
    async with database.agents() as writer:
        ((row,),) = await writer.ask(echo(**values, nothing=None, list=array([1, 2])))
    assert row == (*values.values(), None, [1, 2], "a'\\ü\nx")


async def test_a_text_with_nul_is_refused_not_cut(database: Database) -> None:
    async with database.agents() as writer:
        with pytest.raises(psycopg.DataError):
            await writer.ask(ADD(cluster="a\x00b", version=1))


async def test_after_an_error_nothing_of_it_stays_and_the_connection_serves_on(database: Database) -> None:
    async with database.agents() as writer:
        ((before,),) = await writer.ask(PID())
    with pytest.raises(psycopg.errors.UniqueViolation):
        async with database.agents() as writer:
            await writer.finish(ADD(cluster="a", version=1), ADD(cluster="a", version=1), ADD(cluster="b", version=1))
    async with database.agents() as writer:
        assert (await writer.ask(PID(), NAMES())) == [[before], []]


async def test_a_slow_statement_is_busy(database_url: str) -> None:
    database = Database(Config(database_url=database_url, ingest_timeout=0.05))
    with pytest.raises(ProblemError) as caught:
        async with database.agents() as writer:
            await writer.ask(Statement("SELECT pg_sleep(10)")())
    assert caught.value.kind is ProblemType.BUSY
    await database.close()


async def test_nobody_at_the_address_is_unavailable() -> None:
    database = Database(Config(database_url="postgresql://nobody@127.0.0.1:1/none"))
    for _ in range(2):
        with pytest.raises(ProblemError) as caught:
            async with database.agents():
                pass
        assert caught.value.kind is ProblemType.UNAVAILABLE
    await database.close()


async def test_a_connection_that_the_server_ends_is_unavailable_and_replaced(database: Database, rows: Rows) -> None:
    async def be_ended() -> None:
        async with database.agents() as writer:
            ((pid,),) = await writer.ask(PID())
            rows.change(f"SELECT pg_terminate_backend({pid[0]}, 10000)")
            await writer.ask(PID())

    with pytest.raises(ProblemError) as caught:
        await be_ended()
    assert (caught.value.kind, caught.value.retry_after) == (ProblemType.UNAVAILABLE, 2)
    assert await names(database) == []


async def test_one_that_ends_while_nobody_uses_it_is_noticed_before_it_is_used(database: Database, rows: Rows) -> None:
    async with database.agents() as writer:
        ((pid,),) = await writer.ask(PID())
    rows.change(f"SELECT pg_terminate_backend({pid[0]}, 10000)")
    await asyncio.sleep(0.05)  # it is heard of when others have had their turn
    assert await names(database) == []


async def test_who_goes_away_in_the_middle_leaves_nothing_behind(database_url: str) -> None:
    database = Database(Config(database_url=database_url, ingest_pool=1))

    async def leave() -> None:
        async with database.agents() as writer:
            await writer.ask(ADD(cluster="a", version=1))
            await writer.ask(Statement("SELECT pg_sleep(30)")())

    leaving = asyncio.create_task(leave())
    await asyncio.sleep(0.05)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert await names(database) == []
    await database.close()


async def test_more_than_a_socket_holds_goes_through_both_ways(database: Database) -> None:
    echo = Statement("SELECT CAST(:text AS text)")
    text = "x" * 3_000_000
    async with database.agents() as writer:
        answers = await writer.ask(*(echo(text=text) for _ in range(4)))
    assert answers == [[(text,)]] * 4
