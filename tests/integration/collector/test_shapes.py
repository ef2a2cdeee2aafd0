"""Shapes in PostgreSQL: they come with the entries, and a look-up leaves out only what can be nowhere."""

import asyncio
from collections.abc import Sequence

import psycopg
import pytest

from collector.errors import ProblemError
from collector.lookup import refs
from collector.lookup.scope import scoped
from collector.lookup.where import where
from collector.lookup.whose import whose
from collector.store import keys, shape_count, shapes, write
from collector.store.engine import Database
from collector.store.shape_count import Rest, ShapeCount, count
from protocol.entries import Container, Entry
from protocol.problems import ProblemType
from tests.integration.collector.cluster import Cluster, bind, container, image_entries, mounts, orphan, volume
from tests.integration.collector.node import Node, Rows
from tests.integration.collector.node import container as numbered
from tests.integration.living import eventually

WEB = container(1, "shop_web.1.aaaa", service="shop_web", stack="shop", mounts=mounts(volumes={"data": "/data"}))
CAFE = container(0xCAFE, "cafe", image="registry.example/shop/web:1")
EVERYTHING: tuple[Entry, ...] = (WEB, CAFE, *image_entries(), volume("data"), bind("/srv"), bind("/"), orphan("leaked"))
REFS = (
    *("shop_web.1.aaaa", "shop_web.1", "shop_web", "shop", "web", "0001", "cafe", "cafec", "cafee", "nginx", "s"),
    *("nginx:1.27", "registry.example/shop/web", "docker.io/nginx:1.27", WEB.key, WEB.init_id or "", "nobody", "1"),
)
PATHS = (
    *(f"{WEB.diff_path}/etc/passwd", "/srv/a/b/c", "/", "/a", "/var/lib/docker/volumes/data/_data/x", "/srv"),
    *("/var/lib/docker/overlay2/l/L0001", "/var/lib/docker", "/x/" * 70),
)
FORGET = "UPDATE shapes SET present = NULL, counting = NULL"
EMPTY = f"UPDATE shapes SET present = CAST(B'0' AS bit({shapes.BITS})), counting = NULL"
RARE = "x" * 41
"""A name with a shape of its own."""


async def answer(database: Database, ref: str) -> Sequence[object]:
    async with database.questions() as conn:
        scope = await scoped(conn, 45.0)
        try:
            return (await where(scope, refs.parse(ref), 100, "")).containers
        except ProblemError as exc:
            return exc.kind, exc.detail


async def owners(database: Database, path: str) -> object:
    async with database.questions() as conn:
        return (await whose(await scoped(conn, 45.0), [path])).answers


def known(rows: Rows) -> bool:
    return bool(rows.ask("SELECT present IS NOT NULL AND counting IS NULL AS known FROM shapes")[0]["known"])


def bits(rows: Rows) -> set[int]:
    present = rows.ask("SELECT present::text AS bits FROM shapes")[0]["bits"]
    return {shape for shape, bit in enumerate(present) if bit == "1"}


def needed(*entries: Entry) -> set[int]:
    return {shape for entry in entries for shape in shapes.of_entry(entry, keys.tokens(entry))}


def rare(number: int, name: str = RARE) -> Container:
    return numbered(number, name=name, image=f"{name}:1", labels={"com.docker.compose.service": name})


async def recount(database: Database, at_once: int = shape_count.AT_ONCE, rest: Rest = shape_count.pause) -> bool:
    return await count(database, asyncio.Event(), at_once=at_once, rest=rest)


@pytest.fixture
def forgotten(rows: Rows) -> Rows:
    """A register whose shapes are not known."""
    rows.change(FORGET)
    return rows


async def test_answers_are_the_same_as_if_nothing_was_left_out(database: Database, rows: Rows) -> None:
    made = Cluster(database)
    await made.node("node1", EVERYTHING)
    await made.node("node2", [container(2, "shop_web.2.bbbb", service="shop_web", stack="shop"), bind("/srv")])
    assert known(rows)
    left_out = [await answer(database, ref) for ref in REFS] + [await owners(database, path) for path in PATHS]
    rows.change(FORGET)
    assert left_out == [await answer(database, ref) for ref in REFS] + [await owners(database, path) for path in PATHS]
    rows.change(EMPTY)
    for ref in REFS:
        found = await answer(database, ref)
        assert isinstance(found, tuple), f"{ref} was looked up all the same"
        assert found[0] is ProblemType.NOT_FOUND


async def test_bits_come_with_the_entries_of_every_part_of_a_message(node: Node, rows: Rows) -> None:
    await node.hello()
    told = [numbered(number) for number in range(write.AT_ONCE)] + [rare(write.AT_ONCE)]
    told[0] = rare(0, "y" * 42)
    await node.snapshot(*told)
    assert bits(rows) == needed(*told)
    await node.delta(rare(1, "z" * 43))
    assert bits(rows) == needed(*told, rare(1, "z" * 43))


async def test_a_row_is_locked_only_by_who_sets_a_bit(node: Node, rows: Rows, database_url: str) -> None:
    await node.hello()
    await node.snapshot(numbered(1))
    with psycopg.connect(database_url) as other:
        other.execute("SELECT * FROM shapes FOR UPDATE")
        await asyncio.wait_for(node.delta(numbered(2), numbered(1, state="exited")), 10)


async def test_a_collector_sets_bits_again_in_a_register_that_was_set_back(node: Node, rows: Rows) -> None:
    await node.hello()
    await node.snapshot(rare(1))
    rows.change(EMPTY)
    await node.delta(rare(2))
    assert bits(rows) == needed(rare(2))


async def test_two_who_set_bits_at_once_lose_none(database: Database, rows: Rows) -> None:
    cluster = Cluster(database)
    for number in range(8):
        await cluster.node(f"node{number}", [])
    told = [rare(number, "x" * (30 + number)) for number in range(8)]
    await asyncio.gather(*(cluster.open(f"node{number}", [one]) for number, one in enumerate(told)))
    assert bits(rows) == needed(*told)


async def test_what_another_release_writes_is_found(node: Node, rows: Rows, database: Database) -> None:
    await node.hello()
    await node.snapshot(numbered(1), rare(2))
    rows.change(EMPTY)
    rows.change("UPDATE entries SET began_after = began_after")  # as it writes: without a word about shapes
    assert not known(rows)
    [_] = await answer(database, RARE)
    assert await recount(database)
    assert known(rows)
    assert bits(rows) == needed(numbered(1), rare(2))


async def test_a_count_takes_bits_away_that_nothing_needs(node: Node, rows: Rows, database: Database) -> None:
    await node.hello()
    await node.snapshot(numbered(1), rare(2))
    await node.snapshot(numbered(1))
    rows.change("UPDATE shapes SET counted_at = clock_timestamp() - interval '8 days'")
    assert await recount(database)
    assert bits(rows) == needed(numbered(1))


async def test_a_count_that_is_not_due_changes_nothing(node: Node, rows: Rows, database: Database) -> None:
    await node.hello()
    await node.snapshot(rare(2))
    await node.snapshot(numbered(1))
    assert await recount(database)
    assert bits(rows) == needed(numbered(1), rare(2))


async def test_a_count_loses_nothing_that_is_written_behind_it(node: Node, forgotten: Rows, database: Database) -> None:
    await node.hello()
    await node.snapshot(*(numbered(number) for number in range(10, 30)))
    first = forgotten.ask("SELECT key FROM entries ORDER BY node_id, kind, entry_id LIMIT 1")[0]["key"]
    changed = [rare(int(first, 16))]

    async def write_behind(stopping: asyncio.Event, seconds: float) -> None:
        if changed:
            await node.delta(changed.pop())

    assert await recount(database, at_once=2, rest=write_behind)
    assert known(forgotten)
    assert bits(forgotten) == needed(*node.state.values()) | needed(numbered(int(first, 16)))
    [_] = await answer(database, RARE)


async def test_a_count_waits_for_who_began_to_write_before_it(node: Node, forgotten: Rows, database: Database) -> None:
    await node.hello()
    await node.snapshot(numbered(1))
    cluster = Cluster(database)
    await cluster.node("other", [])
    [node_id] = [row["id"] for row in forgotten.ask("SELECT id FROM nodes WHERE node = 'other'")]
    async with database.agents() as writer:
        opening = write.Opening(write.name_of(rare(7).entry_key), rare(7), b"", None)
        now = forgotten.ask("SELECT clock_timestamp() AS now")[0]["now"]
        last = await write.apply(writer, [write.Change(node_id, now, [], [opening])])
        await writer.ask(*last.calls, *last.marking)  # shapes are not known, and nobody counts: it leaves no bits
        counting = asyncio.create_task(recount(database))
        done, _ = await asyncio.wait([counting], timeout=1.0)
        assert not done, "it did not wait"
        await writer.finish()
    assert await counting
    assert bits(forgotten) == needed(numbered(1), rare(7))


async def test_a_count_begins_again_after_another_release_wrote_meanwhile(
    node: Node, forgotten: Rows, database: Database
) -> None:
    await node.hello()
    await node.snapshot(*(numbered(number) for number in range(10)))
    statements = ["UPDATE entries SET began_after = began_after"]

    async def write_as_before(stopping: asyncio.Event, seconds: float) -> None:
        if statements:
            forgotten.change(statements.pop())

    assert not await recount(database, at_once=2, rest=write_as_before)
    assert not known(forgotten)
    assert await recount(database)
    assert bits(forgotten) == needed(*node.state.values())


async def test_a_count_that_was_killed_is_begun_again(node: Node, forgotten: Rows, database: Database) -> None:
    await node.hello()
    await node.snapshot(*(numbered(number) for number in range(10)))
    reached = asyncio.Event()

    async def hang(stopping: asyncio.Event, seconds: float) -> None:
        reached.set()
        await asyncio.sleep(60)

    counting = asyncio.create_task(recount(database, at_once=2, rest=hang))
    await asyncio.wait_for(reached.wait(), 10)
    assert await recount(database), "another collector's turn: nothing to do"
    assert not known(forgotten)
    counting.cancel()
    await asyncio.wait([counting])
    await node.delta(rare(77))
    assert await recount(database)
    assert bits(forgotten) == needed(*node.state.values())


async def test_the_job_counts_and_stops_quickly(node: Node, forgotten: Rows, database: Database) -> None:
    await node.hello()
    await node.snapshot(numbered(1))
    stopping = asyncio.Event()
    job = asyncio.create_task(ShapeCount(database).run(stopping))

    async def counted() -> bool | None:
        return known(forgotten) or None

    await eventually("the shapes are known", counted)
    stopping.set()
    await asyncio.wait_for(job, 1)
    forgotten.change(FORGET)
    await asyncio.wait_for(shape_count.count(database, stopping), 1)
    assert not known(forgotten), "one that is to stop ends nothing"
