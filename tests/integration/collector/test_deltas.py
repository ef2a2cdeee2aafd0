"""Deltas of many nodes at once: one transaction, an answer for each, and none that suffers from another."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import psycopg
import pytest

from collector import ingest
from collector.errors import ProblemError
from collector.store.engine import Database
from collector.store.nodes import NodeIdentity
from protocol.entries import Entry
from protocol.messages import Applied, Delta
from protocol.problems import ProblemType
from tests.integration.collector.node import POLICY, Node, Rows, container
from tests.integration.living import eventually

FIRST = "first"


@pytest.fixture
def deltas(database: Database) -> ingest.Deltas:
    """What is tested, with one transaction at a time."""
    return ingest.Deltas(database, POLICY, at_once=1)


async def greeted(database: Database, *names: str, cluster: str = "swarm") -> list[Node]:
    nodes = [Node(database, NodeIdentity(cluster, name)) for name in names]
    for node in nodes:
        await node.hello()
        await node.snapshot()
    return nodes


async def waiting(rows: Rows) -> bool:
    """Whether somebody waits for a lock."""
    found = rows.ask("SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
    return bool(found)


@asynccontextmanager
async def held_up(rows: Rows, database: Database, deltas: ingest.Deltas) -> AsyncIterator[None]:
    """Keep the next transaction waiting, with a message of another node in it; it goes on at the end."""
    (first,) = await greeted(database, FIRST)
    with psycopg.connect(rows.url) as other:
        other.execute("SELECT FROM nodes WHERE node = %s FOR UPDATE", (FIRST,))
        waits = asyncio.create_task(deltas.apply(first.identity, first.delta_message([container(1)])))
        await eventually("it waits for the lock", partial(waiting, rows))
        yield
        await asyncio.sleep(0)  # who was just started comes before it goes on
    await waits


def sent(deltas: ingest.Deltas, node: Node, *entries: Entry) -> "asyncio.Task[Applied]":
    return asyncio.create_task(deltas.apply(node.identity, node.delta_message(entries)))


async def outcomes(tasks: Sequence["asyncio.Task[Applied]"]) -> list[Applied | BaseException]:
    return await asyncio.gather(*tasks, return_exceptions=True)


def transactions(rows: Rows) -> dict[str, str]:
    """Return which transaction wrote each node's row last."""
    return {row["node"]: row["xmin"] for row in rows.ask("SELECT node, xmin::text FROM nodes")}


async def test_what_comes_meanwhile_goes_in_one_transaction(
    database: Database, deltas: ingest.Deltas, rows: Rows
) -> None:
    nodes = await greeted(database, "b", "a", 'c"\\,{}')
    async with held_up(rows, database, deltas):
        tasks = [sent(deltas, node, container(number)) for number, node in enumerate(nodes)]
    replies = await outcomes(tasks)
    assert [reply.seq for reply in replies if isinstance(reply, Applied)] == [2, 2, 2]
    assert {(row["node"], row["key"]) for row in rows.open()} == {
        (FIRST, container(1).key),
        *((node.identity.node, container(number).key) for number, node in enumerate(nodes)),
    }
    wrote = transactions(rows)
    together = {wrote[node.identity.node] for node in nodes}
    assert len(together) == 1
    assert wrote[FIRST] not in together, "that was under way already"


async def test_one_that_comes_at_the_end_of_the_one_before_is_written(
    database: Database, deltas: ingest.Deltas
) -> None:
    """Who hears an answer may say the next at once, before the loop knows that the transaction's task has ended."""
    one, other = await greeted(database, "one", "other")
    async with asyncio.timeout(10):
        await deltas.apply(one.identity, one.delta_message([container(1)]))
        assert (await deltas.apply(other.identity, other.delta_message([container(2)]))).seq == 2


async def test_each_is_answered_for_itself(database: Database, deltas: ingest.Deltas, rows: Rows) -> None:
    """One is repeated, one is of an older generation, one leads elsewhere; the one beside them is applied."""
    repeated, former, astray, good = await greeted(database, "repeated", "former", "astray", "good")
    again = repeated.delta_message([container(1)])
    before = await deltas.apply(repeated.identity, again)
    former.generation = "1"
    async with held_up(rows, database, deltas):
        tasks = [
            asyncio.create_task(deltas.apply(repeated.identity, again)),
            sent(deltas, former, container(2)),
            asyncio.create_task(
                deltas.apply(astray.identity, astray.delta_message([container(3)], state_hash="0" * 64))
            ),
            sent(deltas, good, container(4)),
        ]
    same, hello, resync, applied = await outcomes(tasks)
    assert same == before
    assert isinstance(hello, ProblemError)
    assert hello.kind is ProblemType.HELLO
    assert isinstance(resync, ProblemError)
    assert resync.kind is ProblemType.RESYNC
    assert isinstance(applied, Applied)
    assert {row["node"] for row in rows.open()} == {FIRST, "repeated", "good"}


async def test_one_that_the_database_does_not_take_spoils_no_other(
    database: Database, deltas: ingest.Deltas, rows: Rows
) -> None:
    rows.change("ALTER TABLE entries ADD CONSTRAINT curse CHECK (name <> 'cursed')")
    nodes = await greeted(database, "a", "b", "c")
    names = ["fine", "cursed", "fine"]
    async with held_up(rows, database, deltas):
        tasks = [sent(deltas, node, container(9, name=name)) for node, name in zip(nodes, names, strict=True)]
    first, cursed, last = await outcomes(tasks)
    assert isinstance(cursed, psycopg.errors.CheckViolation)
    assert isinstance(first, Applied)
    assert isinstance(last, Applied)
    assert {row["node"] for row in rows.open()} == {FIRST, "a", "c"}


async def test_messages_of_one_node_keep_their_order(database: Database, deltas: ingest.Deltas, rows: Rows) -> None:
    (node,) = await greeted(database, "a")
    messages: list[Delta] = []
    for number in range(3):
        message = node.delta_message([container(number)])
        messages.append(message)
        node.state[container(number).entry_key] = container(number)
        node.seq += 1
    async with held_up(rows, database, deltas):
        tasks = [asyncio.create_task(deltas.apply(node.identity, message)) for message in messages]
    assert [reply.seq for reply in await outcomes(tasks) if isinstance(reply, Applied)] == [2, 3, 4]
    assert {row["key"] for row in rows.open()} >= {container(number).key for number in range(3)}


async def test_nodes_of_other_clusters_are_not_mixed_up(database: Database, deltas: ingest.Deltas, rows: Rows) -> None:
    (here,), (there,) = await greeted(database, "twin"), await greeted(database, "twin", cluster="elsewhere")
    async with held_up(rows, database, deltas):
        tasks = [sent(deltas, here, container(7)), sent(deltas, there, container(8))]
    assert all(isinstance(reply, Applied) for reply in await outcomes(tasks))
    found = rows.ask(
        "SELECT n.cluster, e.key FROM entries AS e JOIN nodes AS n ON n.id = e.node_id WHERE node = 'twin'"
    )
    assert {(row["cluster"], row["key"]) for row in found} == {
        ("swarm", container(7).key),
        ("elsewhere", container(8).key),
    }


async def test_who_goes_away_leaves_the_others_alone(database: Database, deltas: ingest.Deltas, rows: Rows) -> None:
    gone, stays = await greeted(database, "gone", "stays")
    async with held_up(rows, database, deltas):
        impatient, patient = sent(deltas, gone, container(2)), sent(deltas, stays, container(3))
        await asyncio.sleep(0)
        impatient.cancel()
    assert isinstance(await patient, Applied)
    assert {row["node"] for row in rows.open()} == {FIRST, "gone", "stays"}, "it was sent, so it is applied"


async def test_a_database_that_goes_away_is_told_to_all(database: Database, deltas: ingest.Deltas, rows: Rows) -> None:
    nodes = await greeted(database, "a", "b")
    rows.change("ALTER TABLE entries RENAME TO elsewhere")
    replies = await outcomes([sent(deltas, node, container(2)) for node in nodes])
    assert [reply.kind for reply in replies if isinstance(reply, ProblemError)] == [ProblemType.NOT_MIGRATED] * 2
    rows.change("ALTER TABLE elsewhere RENAME TO entries")
    replies = await outcomes([sent(deltas, node, container(2)) for node in nodes])
    assert all(isinstance(reply, Applied) for reply in replies)
