"""Sizes arrive beside the hashed state: they lock nothing, change nothing else, and forget what is old."""

import time
from typing import Any

import pytest

from collector import ingest
from collector.errors import ProblemError
from collector.store import usage
from collector.store.nodes import NodeIdentity
from protocol.entries import Entry
from protocol.messages import Applied
from protocol.problems import ProblemType
from protocol.usage import Measurement, Part, Room, Usage, UsageReply
from tests.integration.collector.node import Node, Rows, container, layer


def measured(entry: Entry, part: Part, size: int, *, ago: float = 0.0, **fields: Any) -> Measurement:
    return Measurement(entry=entry.entry_key, part=part, bytes=size, inodes=1, seconds_ago=ago, **fields)


async def send(node: Node, *measurements: Measurement, rooms: tuple[Room, ...] = ()) -> UsageReply:
    message = Usage(
        generation=node.generation, clock=time.time(), measurements=list(measurements), rooms=list(rooms), sweep=None
    )
    return await ingest.usage(node.database, node.identity, message)


async def told(node: Node, *entries: Entry) -> Applied:
    await node.hello()
    return await node.snapshot(*entries)


async def test_a_measurement_is_kept_and_the_state_stays_as_it_is(node: Node, rows: Rows) -> None:
    applied = await told(node, container(1))
    before = rows.node()
    reply = await send(node, measured(container(1), Part.WRITABLE, 4096, partial=True))
    assert (reply.stored, reply.unknown) == (1, 0)
    (row,) = rows.ask("SELECT bytes, inodes, partial, first_at = measured_at AS first FROM usage_current")
    assert row == {"bytes": 4096, "inodes": 1, "partial": True, "first": True}
    assert rows.node() == before
    assert before["state_hash"].hex() == applied.state_hash


async def test_a_newer_size_replaces_an_older_one_which_is_remembered(node: Node, rows: Rows) -> None:
    await told(node, container(1))
    for size, ago in ((1000, 7200.0), (1000, 3600.0), (2000, 0.0)):
        await send(node, measured(container(1), Part.WRITABLE, size, ago=ago))
    assert [row["bytes"] for row in rows.ask("SELECT bytes FROM usage_current")] == [2000]
    (sample,) = rows.ask(
        "SELECT bytes, hour = date_trunc('hour', measured_at, 'UTC') AS of_the_hour, "
        "measured_at BETWEEN clock_timestamp() - interval '61 min' AND clock_timestamp() - interval '59 min' AS late "
        "FROM usage_samples"
    )
    assert sample == {"bytes": 1000, "of_the_hour": True, "late": True}, "the last moment at which it was so"


async def test_of_one_hour_one_earlier_size_is_kept(node: Node, rows: Rows) -> None:
    await told(node, container(1))
    for step in range(20):
        await send(node, measured(container(1), Part.WRITABLE, step, ago=20.0 - step))
    (count,) = rows.ask("SELECT count(*) AS samples FROM usage_samples")
    assert count["samples"] <= 2, "the twenty may lie in two hours"


async def test_what_arrives_late_does_not_replace_what_is_newer(node: Node, rows: Rows) -> None:
    await told(node, container(1))
    await send(node, measured(container(1), Part.WRITABLE, 2000))
    reply = await send(node, measured(container(1), Part.WRITABLE, 1000, ago=600.0))
    assert reply.stored == 1
    assert rows.ask("SELECT bytes FROM usage_current") == [{"bytes": 2000}]
    assert rows.ask("SELECT bytes FROM usage_samples") == []


async def test_sizes_of_unknown_entries_and_impossible_parts_are_dropped_and_counted(node: Node, rows: Rows) -> None:
    await told(node, container(1), layer(1))
    reply = await send(
        node,
        measured(container(1), Part.WRITABLE, 1),
        measured(container(2), Part.WRITABLE, 1),
        measured(layer(1), Part.VOLUME, 1),
    )
    assert (reply.stored, reply.unknown) == (1, 2)
    assert [row["kind"] for row in rows.ask("SELECT kind FROM usage_current")] == ["container"]


async def test_a_node_cannot_write_sizes_of_another_nodes_entries(node: Node, rows: Rows) -> None:
    await told(node, container(1))
    other = Node(node.database, NodeIdentity("swarm", "n2"))
    await told(other)
    reply = await send(other, measured(container(1), Part.WRITABLE, 666))
    assert (reply.stored, reply.unknown) == (0, 1)
    assert rows.ask("SELECT bytes FROM usage_current") == []


async def test_an_old_generation_is_refused(node: Node) -> None:
    await told(node, container(1))
    node.generation = "1-" + "0" * 16
    with pytest.raises(ProblemError) as caught:
        await send(node, measured(container(1), Part.WRITABLE, 1))
    assert caught.value.kind is ProblemType.HELLO


async def test_one_part_that_is_measured_twice_in_a_message_counts_once(node: Node, rows: Rows) -> None:
    await told(node, container(1))
    twice = (measured(container(1), Part.WRITABLE, size, ago=ago) for size, ago in ((7, 1.0), (5, 9.0)))
    assert (await send(node, *twice)).stored == 1
    assert rows.ask("SELECT bytes FROM usage_current") == [{"bytes": 7}]


async def test_rooms_replace_those_before(node: Node, rows: Rows) -> None:
    await told(node)
    given = {"device": 1, "total_bytes": 100, "free_bytes": 10, "total_inodes": 50, "free_inodes": 5}
    await send(node, rooms=(Room(path="/a", **given), Room(path="/b", **given)))
    await send(node, rooms=(Room(path="/b", **{**given, "free_bytes": 9}),))
    assert rows.ask("SELECT path, free_bytes FROM rooms") == [{"path": "/b", "free_bytes": 9}]


async def test_old_samples_and_sizes_of_what_is_gone_are_forgotten(node: Node, rows: Rows) -> None:
    await told(node, container(1), container(2))
    for number in (1, 2):
        await send(node, measured(container(number), Part.WRITABLE, 1, ago=9 * 86400.0))
    await send(node, measured(container(1), Part.WRITABLE, 2, ago=8.5 * 86400.0))
    await send(node, measured(container(1), Part.WRITABLE, 3, ago=3600.0))
    await node.delta(removes=[container(2)])
    async with node.database.ingest() as connection:
        deleted = await usage.forget(connection)
    assert deleted == 3
    assert rows.ask("SELECT bytes FROM usage_current") == [{"bytes": 3}]
    assert rows.ask("SELECT bytes FROM usage_samples") == []
