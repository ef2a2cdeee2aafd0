"""What both sides agree on over time: sums, hash versions, completeness, lost events, and who speaks for a node."""

import asyncio

import pytest

from collector.config import Config
from collector.errors import ProblemError
from collector.ingest import HeartbeatBatcher, sums
from collector.store.engine import Database
from collector.store.read import nodes as read_nodes
from collector.store.sums import AT_ONCE
from protocol.entries import Kind
from protocol.problems import ProblemType
from protocol.statehash import entry_hash
from tests.integration.collector.node import ALL_KINDS, POLICY, Node, Rows, container, layer, sum_of
from tests.integration.collector.serving import collector
from tests.integration.living import eventually


async def test_hello_says_which_kinds_are_not_known_to_be_complete(node: Node) -> None:
    assert set((await node.hello()).incomplete) == set(Kind)
    await node.snapshot(container(1), kinds={**ALL_KINDS, Kind.VOLUME: False})
    node.attempt += 1
    assert (await node.hello()).incomplete == [Kind.VOLUME]


async def test_a_delta_tells_that_a_kind_is_complete_and_ends_its_gap(node: Node, rows: Rows) -> None:
    await node.hello()
    await node.snapshot(container(1), kinds={**ALL_KINDS, Kind.CONTAINER: False})
    await node.delta(container(2))
    assert "container" not in rows.node()["complete"]
    await node.delta(kinds={Kind.CONTAINER: True})
    assert rows.node()["complete"] == sorted(Kind)
    assert rows.node()["observed_since"] is not None
    assert [(gap["reason"], gap["detail"]) for gap in rows.gaps()] == [("incomplete", "container")]
    await node.delta(kinds={Kind.LAYER: False})
    assert "layer" not in rows.node()["complete"]
    assert len(rows.open()) == 2, "completeness alone removes nothing"


async def test_a_rise_of_lost_events_leaves_a_gap_with_their_number(database: Database, node: Node, rows: Rows) -> None:
    await node.hello()
    await node.snapshot(container(1), lost_events=2)
    await node.delta(container(2), lost_events=2)
    batcher = HeartbeatBatcher(database, POLICY.silent_after, every=0.01)
    batcher.start()
    for lost in (2, 5, 3, 5):
        await batcher.beat(node.identity, node.heartbeat_message(lost_events=lost))
    await batcher.stop()
    await node.delta(container(3), lost_events=6)
    gaps = [gap for gap in rows.gaps() if gap["reason"] == "lost-events"]
    assert [gap["detail"] for gap in gaps] == ["2", "3", "1"]
    assert all(gap["after"] < gap["before"] for gap in gaps)


async def test_lost_events_are_counted_on_over_a_restart_and_anew_without_the_volume(node: Node, rows: Rows) -> None:
    await node.hello()
    await node.snapshot(container(1), lost_events=4)
    for lost in (6, 1):
        again = Node(node.database)
        again.lost_events = lost
        await again.hello()
    assert [gap["detail"] for gap in rows.gaps() if gap["reason"] == "lost-events"] == ["4", "2", "1"]


async def test_another_hash_version_has_the_rows_hashed_anew(node: Node, rows: Rows) -> None:
    await node.hello()
    await node.snapshot(*(container(number) for number in range(AT_ONCE + 1)))
    rows.change("UPDATE nodes SET hash_version = 9")
    rows.change("UPDATE entries SET hash = sha256(hash)")
    node.attempt += 1
    reply = await node.hello()
    assert (reply.hash_version, reply.last_hash) == (1, sum_of(node.state.values()))
    assert {row["hash"] for row in rows.open()} == {entry_hash(entry) for entry in node.state.values()}
    assert rows.closed() == []
    await node.delta(container(9999))


async def test_a_hello_again_is_answered_in_the_version_that_was_agreed(node: Node, rows: Rows) -> None:
    first = await node.hello()
    rows.change("UPDATE nodes SET hash_version = 9")
    assert (await node.hello()).hash_version == 9
    assert first.hash_version == 1


async def test_rows_that_are_not_what_was_acknowledged_are_found_and_put_right(
    database: Database, node: Node, rows: Rows
) -> None:
    await node.hello()
    await node.snapshot(container(1), layer(1))
    assert await sums.check(database, node.identity)
    rows.change("""UPDATE entries SET doc = jsonb_set(doc, '{name}', '"other"') WHERE kind = 'container'""")
    assert not await sums.check(database, node.identity)
    batcher = HeartbeatBatcher(database, POLICY.silent_after, every=0.01)
    batcher.start()
    assert (await batcher.beat(node.identity, node.heartbeat_message())).action == "resync"
    await batcher.stop()
    await node.snapshot(container(1), layer(1))
    assert {row["hash"] for row in rows.open()} == {entry_hash(container(1)), entry_hash(layer(1))}
    assert await sums.check(database, node.identity)


async def test_every_node_is_checked_once_in_a_round(database: Database, node: Node, rows: Rows) -> None:
    await node.hello()
    await node.snapshot(container(1))
    rows.change("DELETE FROM entries")
    daily = sums.DailySums(database, every=0.0)
    stopping = asyncio.Event()
    running = asyncio.create_task(daily.run(stopping))

    async def checked() -> int:
        return daily.checked

    await eventually("a round over all nodes", checked)
    stopping.set()
    await running
    assert daily.wrong == 1
    assert rows.node()["state_hash"] == bytes(32)


async def at_war(node: Node) -> Node:
    """Have another machine's agent take the node's place, and the node notice."""
    await node.hello()
    await node.snapshot(container(1), container(2))
    other = Node(node.database, boot_id="boot-2", state=dict(node.state))
    await other.hello()
    node.attempt += 1
    with pytest.raises(ProblemError) as caught:
        await node.hello()
    assert caught.value.kind is ProblemType.CONFLICT
    return other


async def test_two_machines_that_speak_for_one_node_are_a_security_event(
    node: Node, database: Database, database_url: str
) -> None:
    await at_war(node)
    async with database.query() as connection:
        (row,) = await read_nodes.everything(connection, POLICY.silent_after)
    assert row.conflict
    assert row.problems == ["security: another machine speaks for this node too; its disk or its token is a copy"]
    async with collector(Config(database_url=database_url)) as http, http.get("/metrics") as response:
        assert 'mountbook_node_conflicts{machines="two"} 1.0' in await response.text()


async def test_nothing_is_removed_by_name_while_two_agents_speak_for_a_node(node: Node, rows: Rows) -> None:
    other = await at_war(node)
    reply = await other.send(other.delta_message([container(3)], [container(2)]))
    assert [item.key for item in reply.kept] == [container(2).entry_key]
    assert reply.state_hash == sum_of([container(1), container(2), container(3)])
    assert len(rows.open()) == 3
    rows.change("UPDATE nodes SET conflict_seen = conflict_seen - interval '4 min'")
    other.state = {entry.entry_key: entry for entry in (container(1), container(2), container(3))}
    await other.delta(removes=[container(2)])
    assert len(rows.open()) == 2


async def test_an_entry_that_is_told_and_removed_at_once_is_there(node: Node, rows: Rows) -> None:
    await node.hello()
    await node.snapshot(container(1))
    after = container(1, state="exited")
    await node.send(node.delta_message([after], [container(1)], state_hash=sum_of([after])))
    assert [row["hash"] for row in rows.open()] == [entry_hash(after)]
    assert [row["ended_why"] for row in rows.closed()] == ["changed"]
