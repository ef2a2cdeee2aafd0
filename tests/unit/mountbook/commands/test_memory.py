"""``mountbook history`` and ``changes``, and what ``--at`` and past owners look like."""

from typing import Any

import msgspec
import pytest

from protocol.answers import Bounds, Coverage, SilentNode, Whose, WhoseAnswer
from protocol.entries import Kind
from protocol.memory import Change, ChangesEnd, Event, History, NodeCoverage, Unobserved, Version, WindowCoverage
from protocol.problems import ProblemType
from tests.unit.mountbook.conftest import Run
from tests.unit.mountbook.fake_collector import AS_OF, COMPLETE, NODES, OWNER, WEB, WEB_ROW, FakeCollector, Reply

BORN = Bounds(after="2026-01-31T10:59:58.000000Z", before="2026-01-31T11:00:00.000000Z")
GONE = Bounds(after="2026-01-31T11:29:58.000000Z", before="2026-01-31T11:30:00.000000Z")
DIED = Event(event="died", engine_at="2026-01-31T11:29:59Z", exit_code=137, oom_killed=True)
OUTAGE = Unobserved(
    reason="agent-restart",
    after="2026-01-31T11:10:00.000000Z",
    before="2026-01-31T11:20:00.000000Z",
    whole=True,
    seconds=600.0,
)
LOSS = Unobserved(
    reason="lost-events",
    detail="7",
    after="2026-01-31T11:40:00.000000Z",
    before=None,
    whole=False,
    seconds=60.0,
)
SAID = (
    "0 of 1 node observed all the time from 2026-01-31 11:00:00Z until 2026-01-31 12:00:00Z\n"
    "  n1: not observed after 2026-01-31 11:10:00Z until 2026-01-31 11:20:00Z (agent-restart)\n"
    "  n1: 7 events lost after 2026-01-31 11:40:00Z until now\n"
)


def version(**changes: Any) -> Version:
    values: dict[str, Any] = {"cluster": "c1", "node": "n1id", "hostname": "n1", "kind": Kind.CONTAINER, "root": "/d"}
    values |= {"key": WEB, "began": BORN, "ended": GONE, "why": "removed", "name": "web", "state": "exited"}
    return Version(**(values | changes))


def change(**changes: Any) -> Change:
    values: dict[str, Any] = {"cluster": "c1", "node": "n1id", "hostname": "n1", "kind": Kind.CONTAINER, "root": "/d"}
    return Change(**(values | {"key": WEB, "at": GONE, "events": [DIED], "name": "web", "service": "shop"} | changes))


def covered(*gaps: Unobserved) -> WindowCoverage:
    row = NodeCoverage(
        cluster="c1",
        node="n1id",
        hostname="n1",
        state="observed",
        observed=0.8,
        observed_since=None,
        heard=AS_OF,
        unobserved=list(gaps),
    )
    return WindowCoverage(
        since="2026-01-31T11:00:00.000000Z",
        until=AS_OF,
        as_of=AS_OF,
        complete=not gaps,
        nodes_observed=0 if gaps else 1,
        nodes=[row],
    )


def stream(*rows: Change, coverage: WindowCoverage) -> Reply:
    lines = [*rows, ChangesEnd(rows=len(rows), coverage=coverage)]
    return Reply(b"".join(msgspec.json.encode(line) + b"\n" for line in lines), media="application/x-ndjson")


@pytest.fixture
def past(collector: FakeCollector) -> FakeCollector:
    rows = [version(events=[Event(event="created")], why="changed"), version(events=[DIED, Event(event="removed")])]
    answer = History(ref="web", matched="name", exact=True, versions=rows, coverage=COMPLETE)
    collector.give("/api/v1/history", answer)
    collector.give("/api/v1/changes", stream(change(), coverage=covered(OUTAGE, LOSS)))
    return collector


def test_a_history_is_a_table_of_versions(run: Run, past: FakeCollector) -> None:
    result = run("history", "web")
    assert result.exit_code == 0
    first, second = result.stdout.splitlines()[1:]
    assert first.split("   ")[:3] == ["2026-01-31 11:00:00Z", "2026-01-31 11:30:00Z", "n1"]
    assert second.endswith("died (137, out of memory), removed")
    assert "2 versions of 1 entry, matched as name" in result.stderr


def test_a_history_is_json_ids_or_lines(run: Run, past: FakeCollector) -> None:
    assert len(msgspec.json.decode(run("history", "web", "--json").stdout)["versions"]) == 2
    assert run("history", "web", "-q").stdout == f"{WEB[:12]}\n"
    assert run("history", "web", "--format", "{{.Why}}").stdout == "changed\nremoved\n"
    assert past.requests[-1].query["ref"] == ["web"]


def test_in_full_both_bounds_and_the_engines_time_are_shown(run: Run, past: FakeCollector) -> None:
    row = run("changes", "--no-trunc").stdout.splitlines()[1]
    assert f"{GONE.after}..{GONE.before}" in row
    assert "died (137, out of memory) at 2026-01-31T11:29:59Z" in row


def test_what_was_never_called_so_is_not_found(run: Run, collector: FakeCollector) -> None:
    collector.refuse("/api/v1/history", ProblemType.NOT_FOUND, "nothing is, or was, called 'x'", coverage=COMPLETE)
    result = run("history", "x")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "Nothing is, or was, called 'x'." in result.stderr


def test_changes_are_told_with_what_the_window_covers(run: Run, past: FakeCollector) -> None:
    result = run("changes", "--from", "2h", "--to", "1h", "-f", "service=shop", "--node", "n1")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1].split() == [
        *("2026-01-31", "11:30:00Z", "n1", "container", "web", "died", "(137,", "out", "of", "memory)", "shop"),
        WEB[:12],
    ]
    assert result.stderr == SAID
    asked = past.requests[-1].query
    assert (asked["since"], asked["until"], asked["filter"], asked["node"]) == (
        ["2h"],
        ["1h"],
        ["service=shop"],
        ["n1"],
    )


def test_changes_are_json_ids_or_lines(run: Run, past: FakeCollector) -> None:
    result = run("changes", "--json")
    assert [row["key"] for row in msgspec.json.decode(result.stdout)] == [WEB]
    assert result.stderr == SAID
    assert run("changes", "-q").stdout == f"{WEB[:12]}\n"
    past.give("/api/v1/changes", stream(coverage=covered()))
    assert run("changes", "--json").stdout == "[]\n"


def test_a_stream_of_changes_that_was_cut_off_is_an_error(run: Run, past: FakeCollector) -> None:
    end = ChangesEnd(rows=7, coverage=covered())
    past.give("/api/v1/changes", Reply(msgspec.json.encode(end) + b"\n", media="application/x-ndjson"))
    assert run("changes").exit_code == 3


@pytest.mark.parametrize("time", ["yesterday", "2026-01-31T12:00:00"])
def test_what_is_no_time_is_refused(run: Run, past: FakeCollector, time: str) -> None:
    result = run("changes", "--since", time)
    assert result.exit_code == 2
    assert past.requests == []


def test_a_path_that_nobody_owns_any_more_has_its_last_owner(run: Run, collector: FakeCollector) -> None:
    last = msgspec.structs.replace(OWNER, began=BORN, ended=GONE)
    both = WhoseAnswer(answers=[Whose(path="/p", owners=[], former=[last])], coverage=COMPLETE)
    collector.give("/api/v1/whose", both)
    result = run("whose", "/p")
    assert result.exit_code == 1
    assert "Last owner" in result.stdout
    assert "Until" in result.stdout
    assert "Nobody known owns /p now; above is who owned it last." in result.stderr
    assert run("whose", "-q", "/p").stdout == ""
    answer = msgspec.json.decode(run("whose", "--json", "/p").stdout)
    assert answer["answers"][0]["former"][0]["name"] == OWNER.name
    line = run("whose", "-", stdin=b"/p\n").stdout
    assert line == f"/p\tnobody known; until 2026-01-31 11:30:00Z {OWNER.sentence}\n"


def test_what_is_not_certain_says_so_and_so_does_what_was_not_observed(run: Run, collector: FakeCollector) -> None:
    missing = SilentNode(
        cluster="c1",
        node="n3id",
        hostname="n3",
        state="silent",
        since="2026-01-31T10:00:00.000000Z",
        until="2026-01-31T11:20:00.000000Z",
        reason="agent-restart",
    )
    coverage = Coverage(
        as_of=AS_OF, complete=False, nodes_observed=1, silent=[missing], at="2026-01-31T11:00:00.000000Z"
    )
    collector.containers(msgspec.structs.replace(WEB_ROW, certain=False), coverage=coverage)
    result = run("ls", "--at", "1h")
    assert "running (not certain)" in result.stdout
    assert result.stderr == (
        "1 of 2 nodes observed at 2026-01-31 11:00:00Z; "
        "silent: n3 after 2026-01-31 10:00:00Z until 2026-01-31 11:20:00Z (agent-restart)\n"
    )


def test_an_owner_that_is_not_certain_says_so(run: Run, collector: FakeCollector) -> None:
    collector.whose({"/a": [msgspec.structs.replace(OWNER, certain=False)], "/b": [OWNER]})
    first, second = run("whose", "/a", "/b", "--at", "1h").stdout.splitlines()[1:]
    assert first.endswith(" inside (not certain)")
    assert second.endswith(" inside")


def test_nodes_of_the_past_say_what_is_not_kept(run: Run, collector: FakeCollector) -> None:
    collector.nodes()
    result = run("nodes", "--at", "1h")
    assert result.exit_code == 0
    assert "Engines, backends and agents are those of now" in result.stderr
    assert collector.requests[-1].query["at"] == ["1h"]
    assert NODES[0].hostname in result.stdout


def test_events_are_one_line_each(run: Run, past: FakeCollector) -> None:
    result = run("events")
    assert result.stdout == f"2026-01-31 11:30:00Z  n1  container  web  died (137, out of memory)  shop  {WEB[:12]}\n"
    assert past.requests[-1].query["since"] == ["1h"]
    assert msgspec.json.decode(run("events", "--json").stdout)["key"] == WEB


def test_events_that_are_followed_come_until_the_stream_ends(run: Run, collector: FakeCollector) -> None:
    line = msgspec.json.encode(change()) + b"\n"
    collector.give("/api/v1/events", Reply(b"\n" + line + b"\n" + line, media="application/x-ndjson"))
    result = run("events", "--follow", "--format", "{{.Key}}")
    assert result.stdout == f"{WEB}\n{WEB}\n"
    assert "since" not in collector.requests[-1].query
