"""Heartbeats: many nodes in one statement, answered after its commit."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import msgspec
import psycopg
import pytest
import pytest_asyncio

from collector.errors import ProblemError
from collector.ingest import HeartbeatBatcher
from collector.store.engine import Database
from collector.store.nodes import NodeIdentity
from protocol.problems import ProblemType
from tests.integration.collector.node import POLICY, Node, Rows, container
from tests.integration.living import eventually


@pytest_asyncio.fixture
async def batcher(database: Database) -> AsyncIterator[HeartbeatBatcher]:
    batcher = HeartbeatBatcher(database, POLICY.silent_after, every=0.05)
    batcher.start()
    yield batcher
    await batcher.stop()


async def many(database: Database, count: int) -> list[Node]:
    agents = [Node(database, NodeIdentity("swarm", f"n{number}")) for number in range(count)]
    for agent in agents:
        await agent.hello()
    return agents


async def test_an_equal_state_is_ok(node: Node, batcher: HeartbeatBatcher, rows: Rows) -> None:
    await node.hello()
    await node.snapshot(container(1))
    before = rows.ask("SELECT * FROM node_heartbeats")[0]
    reply = await batcher.beat(node.identity, node.heartbeat_message(lost_events=3))
    after = rows.ask("SELECT * FROM node_heartbeats")[0]
    assert reply.action == "ok"
    assert after["heard_at"] > before["heard_at"]
    assert after["lost_events"] == 3
    assert abs(after["skew"]) < 60


@pytest.mark.parametrize(("field", "value"), [("seq", 9), ("state_hash", "1" * 64)])
async def test_another_state_is_to_be_sent_again(
    node: Node, batcher: HeartbeatBatcher, rows: Rows, field: str, value: object
) -> None:
    await node.hello()
    before = rows.ask("SELECT * FROM node_heartbeats")
    message = msgspec.structs.replace(node.heartbeat_message(), **{field: value})
    assert (await batcher.beat(node.identity, message)).action == "resync"
    assert rows.ask("SELECT * FROM node_heartbeats") == before


async def test_one_behind_a_later_one_of_its_generation_changes_nothing(
    node: Node, batcher: HeartbeatBatcher, rows: Rows
) -> None:
    """The age of its list, and its clock, were right when it was sent."""
    await node.hello()
    first, second = (node.heartbeat_message(beat=number, listed_ago=5.0) for number in (1, 2))
    await batcher.beat(node.identity, second)
    before = rows.ask("SELECT * FROM node_heartbeats")
    for late in (first, second):
        assert (await batcher.beat(node.identity, late)).action == "ok", "its agent has what the register has"
        assert rows.ask("SELECT * FROM node_heartbeats") == before
    await batcher.beat(node.identity, node.heartbeat_message(beat=3))
    assert rows.ask("SELECT * FROM node_heartbeats") != before
    node.attempt += 1
    await node.hello()
    await batcher.beat(node.identity, node.heartbeat_message(beat=1))
    assert rows.ask("SELECT beat FROM node_heartbeats") == [{"beat": 1}], "another generation counts anew"


async def test_another_generation_and_an_unknown_node_say_hello(node: Node, batcher: HeartbeatBatcher) -> None:
    await node.hello()
    stale = node.heartbeat_message(generation="9-0123456789abcdef")
    for identity in (node.identity, NodeIdentity("swarm", "unknown")):
        with pytest.raises(ProblemError) as caught:
            await batcher.beat(identity, stale)
        assert caught.value.kind is ProblemType.HELLO


async def test_many_heartbeats_are_one_statement(database: Database, batcher: HeartbeatBatcher) -> None:
    agents = await many(database, 40)
    wrong = agents[7].heartbeat_message(state_hash="1" * 64)
    beats = [batcher.beat(agent.identity, agent.heartbeat_message()) for agent in agents]
    replies = await asyncio.gather(*beats, batcher.beat(agents[7].identity, wrong))
    assert [reply.action for reply in replies] == ["ok"] * 40 + ["resync"]
    assert batcher.statements == 1


async def test_the_same_heartbeat_twice_gets_one_answer(node: Node, batcher: HeartbeatBatcher) -> None:
    await node.hello()
    message = node.heartbeat_message()
    replies = await asyncio.gather(*(batcher.beat(node.identity, message) for _ in range(3)))
    assert [reply.action for reply in replies] == ["ok"] * 3


async def test_a_silent_node_leaves_a_gap_when_its_heartbeat_comes(
    node: Node, batcher: HeartbeatBatcher, rows: Rows
) -> None:
    await node.hello()
    heard = rows.pretend_silence(POLICY.silent_after + 1)
    await batcher.beat(node.identity, node.heartbeat_message())
    await batcher.beat(node.identity, node.heartbeat_message(clock=0.0))
    (gap,) = rows.gaps()
    assert (gap["reason"], gap["after"]) == ("silent", heard)


async def test_absurd_numbers_of_one_node_do_no_harm_to_the_others(
    database: Database, batcher: HeartbeatBatcher
) -> None:
    first, second = await many(database, 2)
    absurd = first.heartbeat_message(clock=1e300, listed_ago=1e300, lost_events=10**30)
    replies = await asyncio.gather(
        batcher.beat(first.identity, absurd), batcher.beat(second.identity, second.heartbeat_message())
    )
    assert [reply.action for reply in replies] == ["ok", "ok"]


async def test_the_age_of_the_list_bounds_what_is_known(node: Node, batcher: HeartbeatBatcher, rows: Rows) -> None:
    await node.hello()
    await node.snapshot()
    rows.change("UPDATE nodes SET listed_at = listed_at - interval '1 hour'")
    await batcher.beat(node.identity, node.heartbeat_message(listed_ago=10.0))
    (beat,) = rows.ask("SELECT * FROM node_heartbeats")
    assert timedelta(seconds=10) <= beat["heard_at"] - beat["listed_at"] < timedelta(seconds=20)
    await node.delta(container(1))
    assert rows.open()[0]["began_after"] == beat["listed_at"]


async def test_a_database_that_is_away_is_everybodys_answer_and_the_next_batch_works(
    node: Node, batcher: HeartbeatBatcher, rows: Rows
) -> None:
    await node.hello()
    await batcher.beat(node.identity, node.heartbeat_message())
    waits = "FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"

    async def writing() -> bool:
        return bool(rows.ask(f"SELECT pid {waits}"))

    with psycopg.connect(rows.url) as holder:
        holder.execute("SELECT FROM node_heartbeats FOR UPDATE")
        beats = [asyncio.create_task(batcher.beat(node.identity, node.heartbeat_message())) for _ in range(3)]
        await eventually("the batch is being written", writing)
        rows.change(f"SELECT pg_terminate_backend(pid) {waits}")
        for outcome in await asyncio.gather(*beats, return_exceptions=True):
            assert isinstance(outcome, ProblemError)
            assert outcome.kind is ProblemType.UNAVAILABLE
    assert (await batcher.beat(node.identity, node.heartbeat_message())).action == "ok"


async def test_a_connection_that_ended_between_two_batches_is_replaced(
    node: Node, batcher: HeartbeatBatcher, rows: Rows
) -> None:
    await node.hello()
    await batcher.beat(node.identity, node.heartbeat_message())
    rows.change(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    assert (await batcher.beat(node.identity, node.heartbeat_message())).action == "ok"


async def test_an_unexpected_error_reaches_who_waits_and_does_not_end_the_writing(
    node: Node, batcher: HeartbeatBatcher
) -> None:
    await node.hello()
    broken = msgspec.structs.replace(node.heartbeat_message(), state_hash="no hash")
    with pytest.raises(ValueError, match="hex"):
        await batcher.beat(node.identity, broken)
    assert (await batcher.beat(node.identity, node.heartbeat_message())).action == "ok"


async def test_when_enough_have_come_nobody_waits_for_more(database: Database) -> None:
    agents = await many(database, 5)
    batcher = HeartbeatBatcher(database, POLICY.silent_after, every=3600, enough=3)
    batcher.start()
    beats = [asyncio.create_task(batcher.beat(agent.identity, agent.heartbeat_message())) for agent in agents]
    async with asyncio.timeout(30):
        await asyncio.gather(*beats)
    assert batcher.statements == 2, "those that had come by then go next"
    beats = [asyncio.create_task(batcher.beat(agent.identity, agent.heartbeat_message())) for agent in agents[:2]]
    await asyncio.sleep(0.2)
    assert batcher.statements == 2, "two are not enough"
    await batcher.stop()
    assert [reply.action for reply in await asyncio.gather(*beats)] == ["ok", "ok"]


async def test_who_comes_last_does_not_wait_for_nobody(node: Node, database: Database) -> None:
    await node.hello()
    batcher = HeartbeatBatcher(database, POLICY.silent_after, every=12)
    batcher.start()
    first = asyncio.create_task(batcher.beat(node.identity, node.heartbeat_message()))
    async with asyncio.timeout(10):
        assert (await first).action == "ok"
    await batcher.stop()


async def test_stopping_writes_what_is_there_and_takes_no_more(database: Database, node: Node) -> None:
    await node.hello()
    batcher = HeartbeatBatcher(database, POLICY.silent_after, every=3600)
    batcher.start()
    waiting = asyncio.create_task(batcher.beat(node.identity, node.heartbeat_message()))
    await asyncio.sleep(0)
    await batcher.stop()
    assert (await waiting).action == "ok"
    with pytest.raises(ProblemError) as caught:
        await batcher.beat(node.identity, node.heartbeat_message())
    assert caught.value.kind is ProblemType.UNAVAILABLE


async def test_updates_stay_on_their_page(database: Database, batcher: HeartbeatBatcher, rows: Rows) -> None:
    agents = await many(database, 60)
    for _ in range(5):
        await asyncio.gather(*(batcher.beat(agent.identity, agent.heartbeat_message()) for agent in agents))
    # A session reports its counts when it ends, if not before.
    await database.close()
    (counts,) = rows.ask("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'node_heartbeats'")
    assert counts["n_tup_upd"] == 300
    assert counts["n_tup_hot_upd"] >= 0.95 * counts["n_tup_upd"]
