"""A wire answers as any other connection does, also when a statement fails, is given up, or the server goes away."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from collector.config import Config
from collector.errors import ProblemError
from collector.store import asking
from collector.store.engine import Database
from collector.store.reader import AllInUseError, Reader, Wires
from protocol.problems import ProblemType

NOBODY: dict[str, object] = {}
_PREPARED = "SELECT name FROM pg_prepared_statements WHERE statement LIKE 'SELECT count(*) FROM things%'"


@pytest.fixture
async def wires(database_url: str) -> AsyncIterator[Wires]:
    made = Wires(lambda: psycopg.AsyncConnection.connect(database_url, autocommit=True), 1)
    yield made
    made.close()


async def test_several_statements_are_answered_together_and_again_when_they_are_prepared(wires: Wires) -> None:
    when = datetime(2026, 1, 2, tzinfo=UTC)
    for number in range(4):
        async with wires.transaction(1.0) as reader:
            found = await reader.several(
                ("SELECT :number + 1, :text::text, '12:30'", {"number": number, "text": "a:b"}),
                ("SELECT CAST(:when AS timestamptz), CAST(:numbers AS bigint[])", {"when": when, "numbers": [1, 2]}),
                ("SELECT 1 WHERE FALSE", NOBODY),
            )
        assert found == [[(number + 1, "a:b", "12:30")], [(when, [1, 2])], []]


async def test_a_transaction_sees_one_state(wires: Wires, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as other:
        other.execute("CREATE TABLE things (name text)")
        async with wires.transaction(1.0) as reader:
            await reader.rows("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", NOBODY)
            assert await reader.rows("SELECT count(*) FROM things", NOBODY) == [(0,)]
            other.execute("INSERT INTO things VALUES ('one')")
            assert await reader.rows("SELECT count(*) FROM things", NOBODY) == [(0,)]
        async with wires.transaction(1.0) as reader:
            assert await reader.rows("SELECT count(*) FROM things", NOBODY) == [(1,)]


async def test_a_stream_yields_everything_a_batch_at_a_time(wires: Wires) -> None:
    async with wires.transaction(1.0) as reader:
        batches = [batch async for batch in reader.stream("SELECT generate_series(1, :most)", {"most": 7}, 3)]
        assert [number for batch in batches for (number,) in batch] == [1, 2, 3, 4, 5, 6, 7]
        assert [row async for row in asking.stream(reader, "SELECT 1 WHERE FALSE", NOBODY, 3)] == []


@pytest.mark.parametrize("way", ["query", "questions"])
async def test_what_a_stream_has_not_yielded_yet_is_not_read_yet(database_url: str, way: str) -> None:
    database = Database(Config(database_url=database_url))
    try:
        async with getattr(database, way)() as conn:
            read = []
            async for (at,) in asking.stream(conn, "SELECT clock_timestamp() FROM generate_series(1, 6)", NOBODY, 2):
                read.append(at)
                await asyncio.sleep(0.05)
        assert len(read) == 6
        assert all(later - earlier > timedelta(seconds=0.05) for earlier, later in zip(read, read[2:], strict=False))
    finally:
        await database.close()


async def test_after_a_statement_that_fails_the_wire_goes_on(wires: Wires) -> None:
    for _ in range(3):  # as it is, being prepared, prepared
        async with wires.transaction(1.0) as reader:
            with pytest.raises(psycopg.errors.DivisionByZero):
                await reader.several(("SELECT 1 / :nothing", {"nothing": 0}), ("SELECT 2", NOBODY))
            with pytest.raises(psycopg.errors.InFailedSqlTransaction):
                await reader.rows("SELECT 3", NOBODY)
        async with wires.transaction(1.0) as reader:
            assert await reader.rows("SELECT 4", NOBODY) == [(4,)]


async def test_outside_a_transaction_an_exchange_is_one(wires: Wires) -> None:
    wire = await wires.take(1.0)
    await wire.exchange(("CREATE TABLE things (name text)", NOBODY))
    with pytest.raises(psycopg.errors.DivisionByZero):
        await wire.exchange(("INSERT INTO things VALUES ('one')", NOBODY), ("SELECT 1 / 0", NOBODY))
    names = ['a "b"', "c\\d", "{e,f}", "", "NULL"]
    await wire.exchange(("INSERT INTO things SELECT unnest(CAST(:names AS text[]))", {"names": names}))
    assert await wire.exchange(("SELECT name FROM things", NOBODY)) == [[(name,) for name in names]]
    wires.give_back(wire)


async def test_large_values_go_both_ways(wires: Wires) -> None:
    text = "mountbook " * 1_000_000
    async with wires.transaction(1.0) as reader:
        assert await reader.rows("SELECT :text::text", {"text": text}) == [(text,)]


async def test_a_question_that_is_given_up_leaves_no_answer_for_the_next(wires: Wires) -> None:
    async def ask() -> None:
        async with wires.transaction(1.0) as reader:
            await reader.rows("SELECT pg_sleep(60)", NOBODY)

    asked = asyncio.create_task(ask())
    await asyncio.sleep(0.05)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    async with wires.transaction(1.0) as reader:
        assert await reader.rows("SELECT 5", NOBODY) == [(5,)]


async def test_a_connection_that_the_server_ends_is_a_problem_for_who_uses_it_only(database_url: str) -> None:
    database = Database(Config(database_url=database_url))
    process = 0

    def end() -> None:
        with psycopg.connect(database_url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 10000)", (process,))

    async def ask(*, ended: bool) -> None:
        async with database.questions() as reader:
            await reader.rows("SELECT 1", NOBODY)
            if ended:
                end()
            await reader.rows("SELECT 2", NOBODY)

    try:
        async with database.questions() as reader:
            ((process,),) = await reader.rows("SELECT pg_backend_pid()", NOBODY)
        end()
        await asyncio.sleep(0.01)  # the loop turns: what the server said is heard
        async with database.questions() as reader:
            ((process,),) = await reader.rows("SELECT pg_backend_pid()", NOBODY)
        await asyncio.sleep(0.01)
        with pytest.raises(ProblemError) as told:
            await ask(ended=True)
        assert told.value.kind is ProblemType.UNAVAILABLE
        await ask(ended=False)
    finally:
        await database.close()


async def test_questions_cannot_write_and_do_not_wait_for_ever(database_url: str) -> None:
    database = Database(Config(database_url=database_url, query_pool=1, query_timeout=0.2))
    try:
        for sql in ("CREATE TABLE things (name text)", "SELECT pg_sleep(5)"):
            with pytest.raises(ProblemError):
                async with database.questions() as reader:
                    await reader.rows(sql, NOBODY)
    finally:
        await database.close()


async def test_a_statement_is_planned_for_what_is_asked_unless_one_plan_serves_all(database_url: str) -> None:
    database = Database(Config(database_url=database_url, query_pool=1))
    mode = ("SHOW plan_cache_mode", NOBODY)
    try:
        for _ in range(2):
            async with database.questions() as reader:
                assert await asking.alone(reader, mode) == [[("force_generic_plan",)]]
                assert not reader.begun
            async with database.questions() as reader:
                assert await asking.known(reader, mode) == [[("force_generic_plan",)]]
                assert await asking.several(reader, mode, mode) == [[("force_custom_plan",)]] * 2
                assert await asking.rows(reader, mode[0]) == [("force_custom_plan",)]
    finally:
        await database.close()


async def test_a_plan_for_a_small_table_does_not_serve_a_large_one(wires: Wires) -> None:
    asked = ("SELECT count(*) FROM things WHERE number = :number", {"number": 1})
    wire = await wires.take(1.0)
    await wire.exchange(
        ("SET plan_cache_mode = force_generic_plan", NOBODY),
        ("CREATE TABLE things (number bigint PRIMARY KEY) WITH (autovacuum_enabled = off)", NOBODY),
        ("INSERT INTO things VALUES (0)", NOBODY),
        ("ANALYZE things", NOBODY),
    )

    async def plan(kept: float) -> str:
        reader = Reader(wire, kept)
        for _ in range(2):
            await reader.alone(asked)
        (((name,),),) = await reader.alone((_PREPARED, NOBODY))
        (lines,) = await reader.alone((f"EXPLAIN EXECUTE {name} (1)", NOBODY))
        return str(lines)

    try:
        first = await plan(60.0)
        assert "Seq Scan" in first
        await wire.exchange(("INSERT INTO things SELECT generate_series(1, 50000)", NOBODY))
        assert await plan(60.0) == first
        assert "Index Only Scan" in await plan(0.0)
    finally:
        wires.give_back(wire)


async def test_statements_that_are_all_that_is_asked_see_one_state_too(database_url: str) -> None:
    database = Database(Config(database_url=database_url, query_pool=1))
    many = "SELECT count(*) FROM audit_pending, pg_sleep(0.3)"
    try:
        with psycopg.connect(database_url, autocommit=True) as other:
            async with database.questions() as reader:
                asked = asyncio.create_task(asking.alone(reader, (many, NOBODY), (many, NOBODY)))
                await asyncio.sleep(0.4)
                other.execute("INSERT INTO audit_pending (kind, body) VALUES ('access', '{}')")
                first, second = await asked
                assert first == second
                ((later,),) = await reader.rows(many, NOBODY)
                assert later == first[0][0] + 1
    finally:
        await database.close()


async def test_who_finds_no_free_wire_is_told_that_all_are_in_use(wires: Wires) -> None:
    wire = await wires.take(1.0)
    with pytest.raises(AllInUseError):
        await wires.take(0.01)
    wires.give_back(wire)
    assert await wires.take(1.0) is wire
    wires.give_back(wire)
