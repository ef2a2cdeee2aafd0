"""Hello against a real database: where the register stands, generations, gaps, and agents that take turns."""

import time
from datetime import timedelta

import msgspec
import pytest

from collector import ingest
from collector.errors import ProblemError
from protocol.messages import Acknowledged
from protocol.problems import ProblemType
from tests.integration.collector.node import POLICY, Node, Rows, container, sum_of


async def test_hello_says_where_the_register_stands_and_repeats_itself(node: Node) -> None:
    first = await node.hello()
    assert (first.last_seq, first.last_hash) == (0, "0" * 64)
    assert (await node.hello()).generation == first.generation
    await node.snapshot(container(1))
    repeated = await node.hello()
    assert (repeated.last_seq, repeated.last_hash) == (1, sum_of([container(1)]))
    node.attempt += 1
    later = await node.hello()
    assert later.generation != first.generation
    assert int(later.generation.split("-")[0]) > int(first.generation.split("-")[0])
    assert (later.last_seq, later.last_hash) == (0, sum_of([container(1)]))


async def test_a_hello_that_is_repeated_says_nothing_of_the_clock(node: Node, rows: Rows) -> None:
    """It may have been under way for an hour; from the skew is seen how long other messages were."""
    await node.hello()
    before = rows.ask("SELECT skew FROM node_heartbeats")
    late = msgspec.structs.replace(node.hello_message(), clock=time.time() - 3600)
    await ingest.hello(node.database, POLICY, node.identity, late)
    assert rows.ask("SELECT skew FROM node_heartbeats") == before
    await ingest.hello(node.database, POLICY, node.identity, msgspec.structs.replace(late, attempt=1))
    assert rows.ask("SELECT skew FROM node_heartbeats")[0]["skew"] < -3500


async def test_a_hello_that_arrives_late_is_not_answered(node: Node) -> None:
    node.attempt = 3
    await node.hello()
    node.attempt = 2
    with pytest.raises(ProblemError) as caught:
        await node.hello()
    assert caught.value.kind is ProblemType.HELLO


@pytest.mark.parametrize(("field", "value"), [("protocol", 2), ("hash_versions", [99])])
async def test_a_release_that_speaks_otherwise_is_told_so(node: Node, field: str, value: object) -> None:
    message = msgspec.structs.replace(node.hello_message(), **{field: value})
    with pytest.raises(ProblemError) as caught:
        await ingest.hello(node.database, POLICY, node.identity, message)
    assert caught.value.kind is ProblemType.UNSUPPORTED
    assert caught.value.field == f"$.{field}"


async def test_a_restored_database_is_seen_and_leaves_a_gap(node: Node, rows: Rows) -> None:
    await node.hello()
    await node.snapshot(container(1))
    stood = rows.node()["changed_at"]
    node.attempt += 1
    ahead = Acknowledged(node.generation, 7, 0.0)
    await node.hello(ahead)
    (gap,) = rows.gaps()
    assert gap["reason"] == "restored"
    assert (gap["after"], gap["before"]) == (stood, rows.node()["changed_at"])


async def test_a_generation_never_goes_back_behind_one_that_was_given(node: Node, rows: Rows) -> None:
    await node.hello(Acknowledged("41-00000000000000aa", 3, 0.0))
    assert node.generation.startswith("42-")
    assert [(gap["reason"], gap["after"]) for gap in rows.gaps()] == [("restored", None)]


async def test_what_was_acknowledged_and_is_known_is_no_gap(node: Node, rows: Rows) -> None:
    await node.hello()
    await node.snapshot(container(1))
    node.attempt += 1
    await node.hello(Acknowledged(node.generation, 1, 0.0))
    assert rows.gaps() == []


@pytest.mark.parametrize("speak", ["hello", "snapshot", "delta"])
async def test_a_node_that_was_silent_leaves_a_gap_when_it_is_heard_again(node: Node, rows: Rows, speak: str) -> None:
    await node.hello()
    await node.snapshot(container(1))
    heard = rows.pretend_silence(POLICY.silent_after + 1)
    if speak == "hello":
        node.attempt += 1
        await node.hello()
    elif speak == "snapshot":
        await node.snapshot(container(1))
    else:
        await node.delta(container(2))
    (gap,) = rows.gaps()
    assert (gap["reason"], gap["after"]) == ("silent", heard)
    assert gap["before"] - gap["after"] > timedelta(seconds=POLICY.silent_after)


async def test_a_new_agent_or_a_rebooted_node_leaves_a_gap_with_its_reason(node: Node, rows: Rows) -> None:
    await node.hello()
    restarted = Node(node.database)
    await restarted.hello()
    rebooted = Node(node.database, boot_id="boot-2")
    await rebooted.hello()
    assert [gap["reason"] for gap in rows.gaps()] == ["agent-restart", "node-restart"]


async def test_two_agents_that_take_turns_are_a_conflict(node: Node, rows: Rows) -> None:
    await node.hello()
    await node.snapshot(container(1), container(2))
    other = Node(node.database, boot_id="boot-2")
    await other.hello()
    node.attempt += 1
    with pytest.raises(ProblemError) as caught:
        await node.hello()
    assert caught.value.kind is ProblemType.CONFLICT
    assert caught.value.retry_after == 60
    assert rows.node()["conflict_with"] == {"instance": node.instance, "boot_id": "boot-1"}
    reply = await other.snapshot(container(1))
    assert [item.key for item in reply.kept] == [container(2).entry_key], "snapshots remove nothing meanwhile"


async def test_a_conflict_ends_when_the_other_agent_is_not_heard_any_more(node: Node, rows: Rows) -> None:
    await node.hello()
    await node.snapshot(container(1))
    other = Node(node.database)
    await other.hello()
    node.attempt += 1
    with pytest.raises(ProblemError):
        await node.hello()
    rows.change(
        "UPDATE nodes SET conflict_since = conflict_since - interval '4 min', "
        "conflict_seen = conflict_seen - interval '4 min'"
    )
    await other.snapshot()
    assert rows.open() == []
    assert rows.node()["conflict_since"] is None
    assert [gap["reason"] for gap in rows.gaps()] == ["agent-restart", "conflict"]


async def test_an_agent_takes_over_again_when_the_one_that_replaced_it_is_silent(node: Node, rows: Rows) -> None:
    await node.hello()
    other = Node(node.database)
    await other.hello()
    rows.pretend_silence(POLICY.silent_after + 1)
    node.attempt += 1
    await node.hello()
    await node.snapshot(container(1))
    assert rows.node()["conflict_since"] is None


async def test_a_late_copy_of_a_replaced_agents_hello_is_no_conflict(node: Node, rows: Rows) -> None:
    await node.hello()
    await Node(node.database).hello()
    with pytest.raises(ProblemError) as caught:
        await node.hello()
    assert caught.value.kind is ProblemType.HELLO
    assert rows.node()["conflict_since"] is None
