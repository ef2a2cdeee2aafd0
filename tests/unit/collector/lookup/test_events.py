from typing import Any

import pytest

from collector.lookup.events import events, fields
from protocol.entries import Container, Layer, LayerUse, Volume

T0, T1, T2, T3 = (f"2026-01-31T12:0{minute}:00Z" for minute in range(4))


def made(**changes: Any) -> Container:
    values: dict[str, Any] = {"root": "/d", "key": "c1", "name": "web", "created_at": T0, "state": "created"}
    return Container(**(values | changes))


CREATED = made()
RUNNING = made(state="running", started_at=T1)
KILLED = made(state="exited", started_at=T1, finished_at=T2, exit_code=137, oom_killed=True)
AGAIN = made(state="running", started_at=T3, finished_at=T2)


def words(before: Container | None, after: Container | None) -> list[tuple[str, str]]:
    return [(one.event, one.engine_at) for one in events(before, after)]


@pytest.mark.parametrize(
    ("before", "after", "happened"),
    [
        (None, CREATED, [("created", T0)]),
        (None, RUNNING, [("created", T0), ("started", T1)]),
        (None, KILLED, [("created", T0), ("started", T1), ("died", T2)]),
        (CREATED, RUNNING, [("started", T1)]),
        (CREATED, KILLED, [("started", T1), ("died", T2)]),
        (RUNNING, KILLED, [("died", T2)]),
        (KILLED, AGAIN, [("started", T3)]),
        (RUNNING, AGAIN, [("died", T2), ("started", T3)]),
        (RUNNING, made(state="exited", started_at=T2, finished_at=T3), [("died", ""), ("started", T2), ("died", T3)]),
        (RUNNING, made(state="paused", started_at=T1), [("paused", "")]),
        (made(state="paused", started_at=T1), RUNNING, [("unpaused", "")]),
        (RUNNING, None, [("removed", "")]),
        (RUNNING, made(state="running", started_at=T1, name="web2"), [("renamed", "")]),
        (KILLED, made(state="exited", started_at=T1, finished_at=T2, exit_code=137), [("changed", "")]),
    ],
)
def test_what_happened_is_read_off_two_versions(
    before: Container | None, after: Container | None, happened: list[tuple[str, str]]
) -> None:
    assert words(before, after) == happened


def test_a_death_has_its_exit_code_and_whether_memory_was_out() -> None:
    (died,) = events(RUNNING, KILLED)
    assert (died.exit_code, died.oom_killed) == (137, True)


def test_a_new_name_stands_beside_the_old_one() -> None:
    (renamed,) = events(RUNNING, made(state="running", started_at=T1, name="web2"))
    assert (renamed.old, renamed.new) == ("web", "web2")


def test_of_what_was_there_before_anybody_looked_only_that_is_told() -> None:
    (seen,) = events(None, KILLED, first_look=True)
    assert (seen.event, seen.engine_at) == ("first-seen", T0)


def test_other_changes_name_the_fields() -> None:
    layer = Layer(root="/d", key="overlay2/x", use=LayerUse.UNCLAIMED)
    (changed,) = events(layer, Layer(root="/d", key="overlay2/x", use=LayerUse.ORPHAN, evidence="old"))
    assert (changed.event, changed.fields) == ("changed", ["use", "evidence"])
    moved = made(state="running", started_at=T1, diff_path="/d/x", name="web2")
    assert [(one.event, one.fields) for one in events(RUNNING, moved)] == [("renamed", []), ("changed", ["diff_path"])]


def test_fields_are_those_that_say_something() -> None:
    assert fields(Volume(root="/d", key="data", driver="local")) == {"driver": "local"}
