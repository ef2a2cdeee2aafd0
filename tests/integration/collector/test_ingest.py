"""Hello, snapshot and delta against a real database: what is current, what is closed, what is refused."""

import asyncio
from datetime import timedelta
from random import Random

import msgspec
import pytest

from collector import ingest
from collector.errors import ProblemError
from collector.store.engine import Database
from collector.store.nodes import NodeIdentity
from protocol.entries import Bind, Kind, PathKind, Place, Role
from protocol.messages import Kept
from protocol.problems import ProblemType
from protocol.statehash import entry_hash
from tests.integration.collector.node import ALL_KINDS, POLICY, ROOT, Node, Rows, container, layer, raw, sum_of


async def refusal(node: Node, *, state_hash: str = "0" * 64) -> ProblemError:
    with pytest.raises(ProblemError) as caught:
        await node.send(node.snapshot_message([], state_hash=state_hash))
    return caught.value


async def test_a_snapshot_becomes_the_current_state(node: Node, rows: Rows) -> None:
    await node.hello()
    reply = await node.snapshot(container(1), layer(2))
    assert reply.refused == []
    assert reply.state_hash == sum_of([container(1), layer(2)])
    current = rows.open()
    assert [(row["kind"], row["key"], row["name"]) for row in current] == [
        ("container", container(1).key, "web-1"),
        ("layer", layer(2).key, None),
    ]
    assert current[0]["doc"]["mount_id"] == container(1).mount_id
    assert current[0]["began_after"] is None, "nobody looked before"
    assert current[0]["node"] == "n1"


async def test_what_is_stored_can_be_read_back_as_the_same_entry(node: Node, rows: Rows) -> None:
    await node.hello()
    told = container(1, labels={"a b": 'say "ü"'}, exit_code=-1, oom_killed=True)
    await node.snapshot(told)
    (row,) = rows.open()
    document = {**row["doc"], "kind": row["kind"], "root": row["root"], "key": row["key"]}
    assert msgspec.convert(document, type(told)) == told
    assert row["hash"] == entry_hash(told)


async def test_a_change_closes_a_version_and_opens_the_next_at_the_same_instant(node: Node, rows: Rows) -> None:
    await node.hello()
    await node.snapshot(container(1))
    await node.delta(container(1, name="renamed"))
    await node.delta(container(1, name="renamed", state="exited", exit_code=137))
    first, second = rows.closed()
    (last,) = rows.open()
    assert [first["name"], second["name"], last["doc"]["state"]] == ["web-1", "renamed", "exited"]
    assert [first["ended_why"], second["ended_why"]] == ["changed", "changed"]
    for earlier, later in ((first, second), (second, last)):
        assert (earlier["ended_after"], earlier["ended_before"]) == (later["began_after"], later["began_before"])


async def test_a_change_of_state_finds_room_on_its_page(node: Node, rows: Rows) -> None:
    """Elsewhere, the next version would write into seven indexes. Of every page the first one changes."""

    def pages() -> dict[str, int]:
        return {row["key"]: row["page"] for row in rows.ask("SELECT key, (ctid::text::point)[0] AS page FROM entries")}

    random = Random(1)
    told = [container(number, labels={"noise": random.randbytes(20 * number).hex()}) for number in range(100)]
    await node.hello()
    await node.snapshot(*told)
    before = pages()
    first = {before[entry.key]: entry for entry in reversed(told)}.values()
    assert len(first) > 10
    await node.delta(*(msgspec.structs.replace(entry, state="exited") for entry in first))
    assert len(rows.closed()) == len(first)
    assert pages() == before


async def test_removing_and_adding_again_leaves_two_versions_that_do_not_overlap(node: Node, rows: Rows) -> None:
    await node.hello()
    await node.snapshot(container(1))
    await node.delta(removes=[container(1)])
    assert rows.open() == []
    await node.delta(container(1))
    (closed,) = rows.closed()
    (current,) = rows.open()
    assert closed["ended_why"] == "removed"
    assert closed["began_before"] <= closed["ended_after"] <= closed["ended_before"] < current["began_before"]
    assert current["began_after"] is not None


async def test_a_complete_list_without_an_entry_ends_it(node: Node, rows: Rows) -> None:
    await node.hello()
    await node.snapshot(container(1), container(2))
    await node.snapshot(container(2))
    assert [row["key"] for row in rows.open()] == [container(2).key]
    assert [row["ended_why"] for row in rows.closed()] == ["absent"]


async def test_bounds_lie_between_the_lists_that_saw_the_difference(node: Node, rows: Rows) -> None:
    await node.hello()
    await node.snapshot(listed_ago=0.0)
    listed = rows.node()["listed_at"]
    await node.delta(container(1))
    (row,) = rows.open()
    assert row["began_after"] == listed
    assert row["began_before"] == rows.node()["changed_at"]


async def test_a_kind_that_was_never_enumerated_gives_no_lower_bound(node: Node, rows: Rows) -> None:
    await node.hello()
    await node.snapshot(kinds={Kind.CONTAINER: True})
    await node.delta(container(1), layer(1))
    began = {row["kind"]: row["began_after"] for row in rows.open()}
    assert began["layer"] is None
    assert began["container"] is not None


async def test_an_incomplete_kind_removes_nothing_and_says_what_it_kept(node: Node, rows: Rows) -> None:
    await node.hello()
    await node.snapshot(container(1), layer(1))
    reply = await node.snapshot(kinds={**ALL_KINDS, Kind.LAYER: False})
    assert reply.kept == [Kept(layer(1).entry_key, entry_hash(layer(1)).hex())]
    assert reply.state_hash == sum_of([layer(1)])
    assert [row["kind"] for row in rows.open()] == ["layer"]


async def test_a_kind_that_is_not_named_removes_nothing(node: Node, rows: Rows) -> None:
    await node.hello()
    await node.snapshot(container(1))
    await node.snapshot(kinds={})
    assert len(rows.open()) == 1


async def test_a_kind_that_was_incomplete_leaves_a_gap_when_it_is_whole_again(node: Node, rows: Rows) -> None:
    await node.hello()
    await node.snapshot(layer(1))
    await node.snapshot(layer(1), kinds={**ALL_KINDS, Kind.LAYER: False})
    assert rows.gaps() == []
    await node.snapshot(layer(1))
    (gap,) = rows.gaps()
    assert (gap["reason"], gap["detail"]) == ("incomplete", "layer")
    assert gap["after"] < gap["before"]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b'{"kind":"container","root":"/r","key":""}', "key is empty"),
        (b'{"kind":"container","root":"r","key":"k"}', "not an absolute path"),
        (b'{"kind":"container","root":"/r","key":"k","name":"a\\u0000b"}', "NUL"),
        (b'{"kind":"container","root":"/r","key":"k","paths":[["rel","writable",[]]]}', "'rel' is not absolute"),
        (b'{"kind":"container","root":"/r","key":"k","state":7}', "cannot be read"),
        (b'{"kind":"container","root":"/r","key":"k","name":"\\ud800"}', "cannot be read"),
        (b'{"kind":"teapot","root":"/r","key":"k"}', "cannot be read"),
        (b'{"kind":"container","root":"/r","key":"' + b"k" * 300 + b'"}', "key has 300 bytes"),
        (b'{"kind":"volume","root":"/r","key":"k","reason":"' + b"k" * 2**20 + b'"}', "at most 1048576"),
        (b'{"kind":"container","root":"/r","key":"k","x":' + b"[" * 50_000 + b"]" * 50_000 + b"}", "cannot be read"),
    ],
)
async def test_a_bad_entry_is_refused_by_name_and_the_rest_is_applied(
    node: Node, rows: Rows, bad: bytes, reason: str
) -> None:
    await node.hello()
    message = node.snapshot_message([], entries=[raw(container(1)), msgspec.Raw(bad), raw(layer(1))])
    reply = await node.send(message)
    (refused,) = reply.refused
    assert refused.index == 1
    assert reason in refused.reason
    assert reply.state_hash == sum_of([container(1), layer(1)]), "what was refused leaves the sum"
    assert len(rows.open()) == 2


async def test_a_text_that_spells_out_an_escape_is_no_nul(node: Node, rows: Rows) -> None:
    await node.hello()
    reply = await node.snapshot(container(1, name="a\\u0000b"))
    assert reply.refused == []
    assert rows.open()[0]["name"] == "a\\u0000b"


async def test_a_dataset_needs_no_slash_and_a_bind_may_have_the_longest_path(node: Node, rows: Rows) -> None:
    await node.hello()
    place = Place("tank/docker/z", Role.WRITABLE, (".",))
    dataset = container(1, path_kind=PathKind.DATASET, diff_path=place.path, paths=(place,))
    path = "/" + "x" * 4094
    bind = Bind(root=ROOT, key=path, paths=(Place(path, Role.SOURCE, (".",)),))
    reply = await node.snapshot(dataset, bind)
    assert reply.refused == []
    assert len(rows.open()) == 2


async def test_the_same_key_twice_in_one_message_counts_once(node: Node, rows: Rows) -> None:
    await node.hello()
    twice = [raw(container(1)), raw(container(1, name="other"))]
    reply = await node.send(node.snapshot_message([], entries=twice))
    assert [item.index for item in reply.refused] == [1]
    assert [row["name"] for row in rows.open()] == ["web-1"]


async def test_a_refused_change_keeps_the_version_that_is_held(node: Node, rows: Rows) -> None:
    await node.hello()
    await node.snapshot(container(1))
    worse = raw(container(1, name="n" * 2000))
    reply = await node.send(msgspec.structs.replace(node.delta_message(), upserts=[worse]))
    assert [item.key for item in reply.refused] == [container(1).entry_key]
    assert reply.kept == [Kept(container(1).entry_key, entry_hash(container(1)).hex())]
    assert [row["name"] for row in rows.open()] == ["web-1"]
    reply = await node.send(node.snapshot_message([], entries=[worse]))
    assert [item.key for item in reply.kept] == [container(1).entry_key]
    assert [row["name"] for row in rows.open()] == ["web-1"], "it is there; only its present form is not known"


async def test_an_entry_without_a_readable_key_protects_its_kind(node: Node, rows: Rows) -> None:
    await node.hello()
    await node.snapshot(container(1), layer(1))
    nameless = msgspec.Raw(b'{"kind":"container","root":"/r","key":7}')
    await node.send(node.snapshot_message([], entries=[nameless]))
    assert [row["kind"] for row in rows.open()] == ["container"], "it could be the one that was meant"


async def test_the_same_message_again_changes_nothing_and_gets_the_same_answer(node: Node, rows: Rows) -> None:
    await node.hello()
    await node.snapshot(container(1))
    message = node.delta_message([container(2)])
    first = await node.send(message)
    before = (rows.open(), rows.closed(), rows.node())
    assert await node.send(message) == first
    assert (rows.open(), rows.closed(), rows.node()) == before


async def test_a_delta_that_does_not_follow_asks_for_a_snapshot(node: Node, rows: Rows) -> None:
    await node.hello()
    await node.snapshot(container(1))
    for field in ("base_hash", "state_hash"):
        with pytest.raises(ProblemError) as caught:
            await node.send(msgspec.structs.replace(node.delta_message([container(2)]), **{field: "1" * 64}))
        assert caught.value.kind is ProblemType.RESYNC
    node.seq += 1
    with pytest.raises(ProblemError) as caught:
        await node.send(node.delta_message([container(2)]))
    assert caught.value.kind is ProblemType.RESYNC
    assert len(rows.open()) == 1


async def test_an_older_message_that_arrives_late_changes_nothing(node: Node, rows: Rows) -> None:
    await node.hello()
    late = node.snapshot_message([container(9)])
    await node.snapshot(container(1))
    await node.delta(container(2))
    with pytest.raises(ProblemError) as caught:
        await node.send(late)
    assert caught.value.kind is ProblemType.HELLO
    assert [row["name"] for row in rows.open()] == ["web-1", "web-2"]


async def test_a_damaged_snapshot_is_refused_whole(node: Node, rows: Rows) -> None:
    await node.hello()
    await node.snapshot(container(1))
    problem = await refusal(node, state_hash="1" * 64)
    assert problem.kind is ProblemType.BAD_REQUEST
    assert len(rows.open()) == 1


async def test_an_older_generation_changes_nothing(node: Node, rows: Rows) -> None:
    await node.hello()
    await node.snapshot(container(1))
    old = node.generation
    node.attempt += 1
    await node.hello()
    new, node.generation = node.generation, old
    problem = await refusal(node)
    assert problem.kind is ProblemType.HELLO
    node.generation = new
    await node.snapshot(container(1), container(2))
    assert len(rows.open()) == 2


async def test_one_nodes_credential_never_touches_another_nodes_rows(node: Node, rows: Rows) -> None:
    await node.hello()
    await node.snapshot(container(1))
    other = Node(node.database, NodeIdentity("swarm", "n2"))
    await other.hello()
    await other.snapshot(container(1), container(2))
    other.generation = node.generation
    assert (await refusal(other)).kind is ProblemType.HELLO
    assert [(row["node"], row["name"]) for row in rows.open()] == [("n1", "web-1"), ("n2", "web-1"), ("n2", "web-2")]


async def test_what_waited_to_be_delivered_does_not_claim_to_be_fresh(node: Node, rows: Rows) -> None:
    await node.hello()
    message = node.snapshot_message([])
    await node.send(msgspec.structs.replace(message, clock=message.clock - 600))
    stands = rows.node()
    assert timedelta(seconds=599) < stands["changed_at"] - stands["listed_at"] < timedelta(seconds=610)


async def test_times_rise_although_the_databases_clock_is_set_back(node: Node, rows: Rows) -> None:
    await node.hello()
    await node.snapshot(container(1))
    rows.change("UPDATE nodes SET changed_at = changed_at + interval '1 hour'")
    ahead = rows.node()["changed_at"]
    await node.delta(container(1, state="exited"))
    await node.delta(container(1, state="dead"))
    ends = [row["ended_before"] for row in rows.closed()]
    assert ahead < ends[0] < ends[1]


async def test_requests_of_one_node_at_the_same_time_are_taken_one_by_one(node: Node, rows: Rows) -> None:
    await node.hello()
    await node.snapshot()
    message = node.delta_message([container(1)])
    replies = await asyncio.gather(*(node.send(message) for _ in range(8)))
    assert all(reply == replies[0] for reply in replies)
    assert len(rows.open()) == 1


async def test_new_nodes_at_the_same_time_are_added_once_each(database: Database, rows: Rows) -> None:
    agents = [
        Node(database, NodeIdentity("swarm", f"n{number % 3}"), instance=f"{number % 3:032x}") for number in range(9)
    ]
    await asyncio.gather(*(agent.hello() for agent in agents))
    assert len(rows.ask("SELECT * FROM nodes")) == 3


async def test_problems_are_kept_and_nul_in_a_hello_is_refused(node: Node, rows: Rows) -> None:
    message = msgspec.structs.replace(node.hello_message(), boot_id="a\x00b")
    with pytest.raises(ProblemError) as caught:
        await ingest.hello(node.database, POLICY, node.identity, message)
    assert caught.value.kind is ProblemType.BAD_REQUEST
    await node.hello()
    await node.snapshot(problems=["a\x00b cannot be read"])
    assert rows.node()["problems"] == ["a\\x00b cannot be read"]


async def test_a_broken_connection_leaves_nothing_half_done(node: Node, rows: Rows) -> None:
    await node.hello()
    await node.snapshot(container(1))
    rows.change(
        "CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$"
    )
    rows.change("CREATE TRIGGER cut AFTER INSERT ON entries FOR EACH STATEMENT EXECUTE FUNCTION cut()")
    message = node.delta_message([container(1, state="exited"), container(2)])
    with pytest.raises(ProblemError) as caught:
        await node.send(message)
    assert (caught.value.kind, caught.value.retry_after) == (ProblemType.UNAVAILABLE, 2)
    assert len(rows.open()) == 1
    assert rows.closed() == []
    rows.change("DROP TRIGGER cut ON entries")
    await node.send(message)
    assert len(rows.open()) == 2


async def test_a_large_snapshot_is_applied_whole(node: Node, rows: Rows) -> None:
    await node.hello()
    await node.snapshot(*(container(number) for number in range(2_000)))
    reply = await node.snapshot(*(container(number, state="exited") for number in range(1, 2_000)))
    assert reply.refused == []
    assert (len(rows.open()), len(rows.closed())) == (1_999, 2_000)
