"""History and changes, as a node's agent leaves them in the register."""

from dataclasses import dataclass

import pytest
import pytest_asyncio

from collector.errors import ProblemError
from collector.lookup import changes, refs
from collector.lookup.history import history
from collector.lookup.scope import scoped, window_scope
from collector.store.engine import Database
from collector.store.nodes import NodeIdentity
from protocol.entries import LABEL_SERVICE, Entry
from protocol.memory import Change, Changes, History
from protocol.problems import ProblemType
from tests.integration.collector.node import Node, container, layer

SILENT_AFTER = 45.0
WEB = {LABEL_SERVICE: "web"}


@dataclass
class Told:
    """A node that has told a container's whole life, and a neighbour that told nothing but its state."""

    database: Database
    node: Node
    life: list[Entry]

    async def changes(self, *texts: str, limit: int = 100, cursor: str = "", since: str = "1h") -> Changes:
        limits = changes.asked(texts)
        async with self.database.query() as conn:
            scope, window = await window_scope(conn, SILENT_AFTER, node=limits.node, since=since)
            return await changes.page(scope, SILENT_AFTER, window, limits, limit, cursor)

    async def everything(self, *texts: str) -> list[Change]:
        limits = changes.asked(texts)
        async with self.database.query() as conn:
            scope, window = await window_scope(conn, SILENT_AFTER, node=limits.node, since="1h")
            return [row async for row in changes.everything(scope, window, limits)]

    async def history(self, ref: str, *, node: str = "", limit: int = 100, cursor: str = "") -> History:
        async with self.database.query() as conn:
            scope = await scoped(conn, SILENT_AFTER, node=node)
            return await history(scope, refs.parse(ref), limit, cursor)


@pytest_asyncio.fixture
async def told(database: Database) -> Told:
    node = Node(database)
    created = container(1, state="created", created_at="2026-01-31T12:00:00Z", labels=WEB)
    run = container(
        1, state="running", created_at="2026-01-31T12:00:00Z", started_at="2026-01-31T12:00:01Z", labels=WEB
    )
    renamed = container(
        1, state="running", created_at="2026-01-31T12:00:00Z", started_at="2026-01-31T12:00:01Z", labels=WEB, name="www"
    )
    died = container(
        1,
        state="exited",
        created_at="2026-01-31T12:00:00Z",
        started_at="2026-01-31T12:00:01Z",
        finished_at="2026-01-31T12:00:09Z",
        exit_code=137,
        oom_killed=True,
        labels=WEB,
        name="www",
    )
    await node.hello()
    await node.snapshot(container(7), layer(7))
    for version in (created, run, renamed, died):
        await node.delta(version)
    await node.delta(removes=[died])
    neighbour = Node(database, NodeIdentity("swarm", "n2"))
    await neighbour.hello()
    await neighbour.snapshot(container(2, labels=WEB))
    return Told(database, node, [created, run, renamed, died])


async def test_a_removed_container_has_its_whole_history(told: Told) -> None:
    answer = await told.history(told.life[0].key)
    assert (answer.matched, answer.exact) == ("id", True)
    assert [[one.event for one in row.events] for row in answer.versions] == [
        ["created"],
        ["started"],
        ["renamed"],
        ["died", "removed"],
    ]
    assert [row.why for row in answer.versions] == ["changed", "changed", "changed", "removed"]
    for one, following in zip(answer.versions, answer.versions[1:], strict=False):
        assert one.ended == following.began
    died = answer.versions[-1].events[0]
    assert (died.exit_code, died.oom_killed, died.engine_at) == (137, True, "2026-01-31T12:00:09Z")
    assert answer.versions[-1].service == "web"


async def test_a_former_name_finds_the_whole_container(told: Told) -> None:
    assert {row.name for row in (await told.history("web-1")).versions} == {"web-1", "www"}
    by_service = await told.history("service:web")
    assert len(by_service.versions) == 5
    assert {row.node for row in (await told.history("service:web", node="n2")).versions} == {"n2"}


async def test_a_beginning_finds_what_is_gone_and_several_are_refused(told: Told) -> None:
    answer = await told.history("ww")
    assert (answer.matched, answer.exact, len(answer.versions)) == ("name", False, 4)
    with pytest.raises(ProblemError, match="several names") as caught:
        await told.history("web-")
    assert caught.value.kind is ProblemType.AMBIGUOUS
    assert caught.value.candidates == ("name:web-1", "name:web-2", "name:web-7")
    with pytest.raises(ProblemError, match="nothing is, or was, called 'nope'"):
        await told.history("nope")


async def test_pages_of_a_history_are_the_whole(told: Told) -> None:
    whole = (await told.history("service:web")).versions
    paged, cursor = [], ""
    for _ in range(10):
        page = await told.history("service:web", limit=2, cursor=cursor)
        paged += page.versions
        if page.next is None:
            break
        cursor = page.next
    assert paged == whole


async def test_a_layer_has_a_history_too(told: Told) -> None:
    (row,) = (await told.history(f"id:{layer(7).key}")).versions
    assert (row.kind, row.ended, [one.event for one in row.events]) == ("layer", None, ["first-seen"])


async def test_changes_are_what_began_and_ended_in_the_window(told: Told) -> None:
    answer = await told.changes("kind=container", "node=n1")
    told_by = [[one.event for one in row.events] for row in answer.changes]
    assert told_by == [["first-seen"], ["created"], ["started"], ["renamed"], ["died"], ["removed"]]
    started = answer.changes[2]
    assert started.before is not None
    assert started.after is not None
    assert (started.before["state"], started.after["state"], started.ended) == ("created", "running", "changed")
    removed = answer.changes[-1]
    assert (removed.after, removed.ended, removed.name, removed.service) == (None, "removed", "www", "web")
    assert [row.node for row in answer.coverage.nodes] == ["n1"]


async def test_changes_are_limited_by_what_they_are_about(told: Told) -> None:
    assert {row.key for row in (await told.changes("kind=layer")).changes} == {layer(7).key}
    assert {row.node for row in (await told.changes("service=web", "node=n2")).changes} == {"n2"}
    assert len((await told.changes("service=web")).changes) == 6
    assert (await told.changes("service=nope")).changes == []
    for text in ("service", "kind=house", "colour=red"):
        with pytest.raises(ProblemError) as caught:
            changes.asked([text])
        assert (caught.value.kind, caught.value.field) == (ProblemType.BAD_REQUEST, "filter")


async def test_pages_of_changes_are_the_stream(told: Told) -> None:
    streamed = await told.everything()
    paged, cursor = [], ""
    for _ in range(10):
        page = await told.changes(limit=3, cursor=cursor)
        paged += page.changes
        if page.next is None:
            break
        cursor = page.next
    assert paged == streamed
    assert len(streamed) == 8
    first = await told.changes(limit=3)
    assert first.next is not None
    with pytest.raises(ProblemError, match="other parameters"):
        await told.changes("kind=layer", cursor=first.next)


async def test_a_window_that_ends_before_anything_was_observed_is_refused(told: Told) -> None:
    async with told.database.query() as conn:
        with pytest.raises(ProblemError, match="first record"):
            await window_scope(conn, SILENT_AFTER, since="2020-01-01T00:00:00Z", until="2020-01-02T00:00:00Z")


async def test_events_that_were_lost_are_counted_in_their_window(told: Told) -> None:
    await told.node.delta(container(8), lost_events=5)
    await told.node.delta(container(9), lost_events=7)
    rows = (await told.changes(since="1h")).coverage.nodes
    assert {row.node: row.lost_events for row in rows} == {"n1": 7, "n2": 0}
