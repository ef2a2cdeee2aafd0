"""The protocol's rules, without a database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from collector.errors import ProblemError
from collector.ingest import rules
from collector.ingest.rules import Again, NewLife, Rival
from collector.store.nodes import Moment, Node
from collector.store.write import Held
from protocol.entries import Kind
from protocol.messages import Acknowledged, Delta, Engine, Hello, Snapshot
from protocol.problems import ProblemType

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
HERE, OTHER = "a" * 32, "b" * 32
SILENT = 45.0

NODE = Node(
    id=1,
    instance=HERE,
    attempt=2,
    boot_id="boot",
    former={},
    generation="7-0123456789abcdef",
    hash_version=1,
    last_seq=3,
    state_hash=b"\x00" * 32,
    last_digest=None,
    last_reply=None,
    changed_at=NOW - timedelta(minutes=5),
    listed_at=NOW - timedelta(minutes=6),
    observed_since=None,
    enumerated={"image": (NOW - timedelta(hours=1)).isoformat()},
    complete=["container", "layer"],
    conflict_since=None,
    conflict_seen=None,
)
HEARD = Moment(
    now=NOW, heard_at=NOW - timedelta(seconds=5), listed_at=NOW - timedelta(seconds=6), skew=0.0, lost_events=2
)
NEVER = Moment(now=NOW, heard_at=None, listed_at=None, skew=None, lost_events=0)


def hello(instance: str = HERE, attempt: int = 2, **fields: Any) -> Hello:
    given: dict[str, Any] = {"boot_id": "boot", "hash_versions": [1], "protocol": 1, **fields}
    return Hello(instance=instance, attempt=attempt, agent="0", clock=0.0, engine=Engine(), **given)


def snapshot(**fields: Any) -> Snapshot:
    given: dict[str, Any] = {"seq": 4, "kinds": {}, "clock": NOW.timestamp(), **fields}
    return Snapshot(generation=NODE.generation, entries=[], state_hash="0" * 64, **given)


def life(node: Node, moment: Moment, message: Hello) -> NewLife:
    decision = rules.greet(node, moment, message, SILENT)
    assert isinstance(decision, NewLife)
    return decision


def test_the_same_hello_again_is_answered_as_before() -> None:
    assert rules.greet(NODE, HEARD, hello(), SILENT) == Again()


def test_a_later_attempt_begins_a_higher_generation() -> None:
    assert life(NODE, HEARD, hello(attempt=3)).generation.startswith("8-")


def test_an_agent_that_was_not_known_takes_the_place_of_the_last_one() -> None:
    decision = life(NODE, HEARD, hello(OTHER, 0))
    assert decision.former == {HERE: 2}
    assert [gap.reason for gap in decision.gaps] == ["agent-restart"]


def test_a_replaced_agent_whose_successor_lives_is_a_rival() -> None:
    node = replace(NODE, former={OTHER: 4})
    assert rules.greet(node, HEARD, hello(OTHER, 5), SILENT) == Rival({OTHER: 5})


@pytest.mark.parametrize("attempt", [3, 4])
def test_a_late_copy_of_a_replaced_agents_hello_decides_nothing(attempt: int) -> None:
    node = replace(NODE, former={OTHER: 4})
    with pytest.raises(ProblemError) as caught:
        rules.greet(node, HEARD, hello(OTHER, attempt), SILENT)
    assert caught.value.kind is ProblemType.HELLO


def test_a_replaced_agent_takes_over_when_its_successor_is_silent() -> None:
    node = replace(NODE, former={OTHER: 4})
    decision = life(node, replace(HEARD, heard_at=NOW - timedelta(seconds=46)), hello(OTHER, 5))
    assert decision.former == {HERE: 2}


def test_only_so_many_replaced_agents_are_remembered() -> None:
    node = replace(NODE, former={f"{number:032x}": 0 for number in range(40)})
    former = life(node, HEARD, hello(OTHER, 0)).former
    assert len(former) == 16
    assert HERE in former


@pytest.mark.parametrize(
    ("told", "restored"),
    [
        (None, False),
        (("7-0123456789abcdef", 3), False),
        (("6-ffffffffffffffff", 900), False),
        (("7-0123456789abcdef", 4), True),
        (("7-ffffffffffffffff", 1), True),
        (("8-0123456789abcdef", 0), True),
    ],
)
def test_an_agent_that_knows_more_than_the_database_shows_a_restore(
    told: tuple[str, int] | None, restored: bool
) -> None:
    acknowledged = Acknowledged(*told, 0.0) if told else None
    decision = life(NODE, HEARD, hello(attempt=3, acknowledged=acknowledged))
    assert (["restored"] if restored else []) == [gap.reason for gap in decision.gaps]
    assert int(decision.generation.split("-")[0]) >= 8


def test_an_absurd_generation_does_not_use_up_the_numbers() -> None:
    acknowledged = Acknowledged("999999999999999999-0123456789abcdef", 0, 0.0)
    assert life(NODE, HEARD, hello(attempt=3, acknowledged=acknowledged)).generation.startswith("8-")


def test_a_first_hello_leaves_no_gap() -> None:
    fresh = replace(NODE, instance="", generation="", boot_id="")
    decision = life(fresh, NEVER, hello())
    assert (decision.gaps, decision.former) == ([], {})
    assert decision.generation.startswith("1-")


def test_releases_agree_on_what_both_speak() -> None:
    assert rules.choose_hash_version(hello(hash_versions=[1, 7])) == 1
    for fields in ({"protocol": 2}, {"hash_versions": [7]}):
        with pytest.raises(ProblemError) as caught:
            rules.choose_hash_version(hello(**fields))
        assert caught.value.kind is ProblemType.UNSUPPORTED


def test_what_is_known_of_a_kind_depends_on_whether_it_is_enumerated() -> None:
    known = rules.knowledge(NODE, HEARD)
    assert known("container") == HEARD.listed_at
    assert known("image") == NOW - timedelta(hours=1)
    assert known("volume") is None


def test_a_version_that_was_told_of_late_was_there_until_the_list_and_not_when_it_was_told() -> None:
    late = replace(NODE, listed_at=NOW - timedelta(hours=6))
    version = Held(b"", NOW - timedelta(seconds=1))
    away = replace(HEARD, listed_at=None)
    assert rules.knowledge(late, away).present("container", version) == NOW - timedelta(hours=6)
    assert rules.knowledge(late, away).present("volume", version) == NOW - timedelta(hours=6)
    assert rules.knowledge(late, HEARD).present("container", version) == HEARD.listed_at
    assert rules.knowledge(replace(NODE, listed_at=None), NEVER).present("volume", version) == version.began_before


def test_a_kind_that_stops_being_complete_keeps_when_it_last_was() -> None:
    listed = NOW - timedelta(seconds=1)
    times, complete, gaps = rules.enumerations(NODE, snapshot(kinds={Kind.CONTAINER: True}), listed, HEARD)
    assert complete == ["container"]
    assert HEARD.listed_at is not None
    assert times["container"] == listed.isoformat()
    assert times["layer"] == HEARD.listed_at.isoformat()
    assert "volume" not in times
    assert gaps == []


def test_a_kind_that_is_complete_again_ends_a_gap() -> None:
    _, _, gaps = rules.enumerations(NODE, snapshot(kinds={Kind.IMAGE: True}), NOW, HEARD)
    (gap,) = gaps
    assert (gap.reason, gap.detail, gap.after) == ("incomplete", "image", NOW - timedelta(hours=1))


@pytest.mark.parametrize(
    ("ago", "clock", "skew", "age"),
    [
        (2.0, 0.0, 0.0, 2.0),
        (2.0, 0.0, None, 2.0),
        (-5.0, 0.0, 0.0, 0.0),
        (2.0, -100.0, 0.0, 102.0),
        (2.0, +3600.0, 3600.0, 2.0),
        (2.0, +3600.0, 0.0, 2.0),
    ],
)
def test_the_age_of_a_list_counts_the_time_under_way(ago: float, clock: float, skew: float | None, age: float) -> None:
    """A clock that is wrong by an hour changes nothing; a message that is late says so."""
    message = snapshot(listed_ago=ago, clock=NOW.timestamp() + clock)
    assert rules.listed_at(NODE, replace(HEARD, skew=skew), message) == NOW - timedelta(seconds=age)


def test_a_list_is_never_older_than_the_one_before() -> None:
    assert rules.listed_at(NODE, HEARD, snapshot(listed_ago=1e300)) == NODE.listed_at


@pytest.mark.parametrize(
    ("began", "listed_ago", "so"),
    [
        (20, 30.0, True),  # told by the agent before, after this one had made its list
        (20, 15.0, False),  # the list is younger: it would have it
        (40, 30.0, False),
        (5, 30.0, False),  # this generation told it itself
    ],
)
def test_a_list_cannot_have_what_another_agent_told_after_it_was_made(began: int, listed_ago: float, so: bool) -> None:
    node = replace(NODE, greeted_at=NOW - timedelta(seconds=10))
    unlisted = rules.unlisted(node, HEARD, snapshot(listed_ago=listed_ago))
    assert unlisted(Held(bytes(32), NOW - timedelta(seconds=began))) is so


def test_of_a_generation_that_an_earlier_release_began_a_list_decides() -> None:
    unlisted = rules.unlisted(NODE, HEARD, snapshot(listed_ago=30.0))
    assert not unlisted(Held(bytes(32), NOW - timedelta(seconds=20)))


def test_only_the_next_message_on_the_same_base_is_taken() -> None:
    rules.check_order(NODE, snapshot())
    delta = Delta(
        generation=NODE.generation,
        seq=4,
        base_hash="0" * 64,
        upserts=[],
        removes=[],
        state_hash="0" * 64,
        clock=0.0,
    )
    rules.check_order(NODE, delta)
    for message, kind in [
        (snapshot(seq=3), ProblemType.HELLO),
        (snapshot(seq=5), ProblemType.HELLO),
    ]:
        with pytest.raises(ProblemError) as caught:
            rules.check_order(NODE, message)
        assert caught.value.kind is kind
