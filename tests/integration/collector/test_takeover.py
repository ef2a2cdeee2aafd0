"""An agent that takes over from another one with a list that is older than what the other one told last."""

from collector.store.engine import Database
from tests.integration.collector.node import Node, Rows, container


async def test_what_was_told_after_its_list_is_kept_until_its_next_list(
    database: Database, node: Node, rows: Rows
) -> None:
    await node.hello()
    await node.snapshot(container(1))
    await node.delta(container(2))
    follower = Node(database)
    await follower.hello()
    reply = await follower.snapshot(listed_ago=60.0)
    assert {kept.key.key for kept in reply.kept} == {container(1).key, container(2).key}
    assert len(rows.open()) == 2
    assert rows.closed() == []
    reply = await follower.snapshot(container(2))
    assert reply.kept == []
    assert [row["key"] for row in rows.open()] == [container(2).key]


async def test_what_the_list_of_the_same_agent_lacks_ends(node: Node, rows: Rows) -> None:
    await node.hello()
    await node.snapshot(container(1))
    reply = await node.snapshot(listed_ago=60.0)
    assert reply.kept == []
    assert rows.open() == []
