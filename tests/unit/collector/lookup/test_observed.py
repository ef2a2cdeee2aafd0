from datetime import UTC, datetime, timedelta
from typing import Any

from collector.lookup import observed
from collector.store.read.coverage import Facts, GapRow, Known
from protocol.answers import Coverage
from protocol.memory import WindowCoverage

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def node(name: str = "n1", node_id: int | None = 1, **changes: Any) -> Facts:
    values: dict[str, Any] = dict.fromkeys(
        ("named_at", "left_at", "rosters_since", "superseded_at", "incomplete_since", "conflict_since", "conflict_seen")
    )
    values |= {"cluster": "c", "hostname": f"{name}.example", "state": "observed", "skew": 0.5}
    values |= {"observed_since": ago(100), "heard_at": NOW, "listed_at": NOW}
    return Facts(node=name, node_id=node_id, **(values | changes))


def then(minutes: float, *nodes: Facts, gaps: dict[int, list[GapRow]] | None = None) -> Coverage:
    return observed.at(Known(NOW, list(nodes), gaps or {}), ago(minutes))


def over(begin: float, end: float, *nodes: Facts, gaps: dict[int, list[GapRow]] | None = None) -> WindowCoverage:
    return observed.over(Known(NOW, list(nodes), gaps or {}), ago(begin), ago(end), {1: 2})


def why(coverage: Coverage) -> list[tuple[str, str, str]]:
    return [(one.node, one.state, one.reason) for one in coverage.silent]


OUTAGE = {1: [GapRow("agent-restart", "", ago(30), ago(20))]}


def test_a_node_without_gaps_was_observed() -> None:
    assert then(10, node()).complete
    assert over(60, 0, node()).complete


def test_a_moment_in_a_gap_was_not_observed_and_the_answer_says_why() -> None:
    coverage = then(25, node(), gaps=OUTAGE)
    assert why(coverage) == [("n1", "silent", "agent-restart")]
    assert (coverage.silent[0].since, coverage.silent[0].until) == (
        "2026-01-31T11:30:00.000000Z",
        "2026-01-31T11:40:00.000000Z",
    )
    assert not coverage.complete
    for minutes in (30, 20, 35, 1):
        assert then(minutes, node(), gaps=OUTAGE).complete


def test_a_window_with_an_outage_names_exactly_that_outage() -> None:
    (row,) = over(60, 0, node(), gaps=OUTAGE).nodes
    (gap,) = row.unobserved
    assert (gap.reason, gap.seconds, gap.whole) == ("agent-restart", 600.0, True)
    assert row.observed == round(1 - 10 / 60, 6)
    assert (row.unresolved, row.skew) == (2, 0.5)
    (row,) = over(25, 10, node(), gaps=OUTAGE).nodes
    assert [gap.seconds for gap in row.unobserved] == [300.0]
    assert over(19, 0, node(), gaps=OUTAGE).complete


def test_gaps_that_overlap_are_counted_once() -> None:
    gaps = {1: [GapRow("silent", "", ago(30), ago(20)), GapRow("restored", "", ago(25), ago(15))]}
    (row,) = over(60, 0, node(), gaps=gaps).nodes
    assert row.observed == 0.75


def test_before_it_was_first_observed_a_node_was_not() -> None:
    assert why(then(110, node())) == [("n1", "never-seen", "never-seen")]
    (row,) = over(120, 80, node()).nodes
    assert [(gap.reason, gap.seconds) for gap in row.unobserved] == [("never-seen", 1200.0)]


def test_a_node_that_only_the_roster_names_was_never_seen() -> None:
    missing = node("n2", None, state="never-seen", observed_since=None, heard_at=None, named_at=ago(90))
    assert why(then(10, node(), missing)) == [("n2", "never-seen", "never-seen")]


def test_a_node_that_joined_later_is_not_missed_before() -> None:
    late = node("n2", 2, named_at=ago(50), rosters_since=ago(90), observed_since=ago(49))
    assert then(60, node(), late).complete
    assert why(then(49.5, node(), late)) == [("n2", "never-seen", "never-seen")]
    assert [row.node for row in over(80, 60, node(), late).nodes] == ["n1"]


def test_a_node_that_is_silent_now_has_been_so_since_its_last_heartbeat() -> None:
    quiet = node(state="silent", heard_at=ago(20))
    assert then(20, quiet).complete
    assert why(then(10, quiet)) == [("n1", "silent", "silent")]
    (row,) = over(60, 0, quiet).nodes
    assert [(gap.reason, gap.before, gap.seconds) for gap in row.unobserved] == [("silent", None, 1200.0)]
    assert why(then(10, node(state="down", heard_at=ago(20)))) == [("n1", "down", "down")]


def test_a_node_that_left_is_missed_until_then_and_no_longer() -> None:
    gone = node(state="left", heard_at=ago(40), left_at=ago(30))
    assert why(then(35, gone)) == [("n1", "silent", "silent")]
    assert then(25, gone, node("n2", 2)).complete
    (row,) = over(60, 0, gone).nodes
    assert row.observed == round(1 - 10 / 30, 6)


def test_a_node_that_came_back_under_another_id_is_missed_until_then() -> None:
    old = node(state="superseded", heard_at=ago(40), superseded_at=ago(38))
    new = node("n2", 2, observed_since=ago(38), rosters_since=ago(90), named_at=ago(39))
    assert why(then(38.5, old, new)) == [("n1", "silent", "silent"), ("n2", "never-seen", "never-seen")]
    assert then(30, old, new).complete


def test_what_could_not_be_listed_is_no_silence() -> None:
    gaps = {1: [GapRow("incomplete", "container", ago(30), ago(20)), GapRow("incomplete", "image", ago(15), ago(10))]}
    assert why(then(25, node(), gaps=gaps)) == [("n1", "incomplete", "incomplete")]
    assert then(12, node(), gaps=gaps).complete
    assert why(then(5, node(state="incomplete", incomplete_since=ago(7)))) == [("n1", "incomplete", "incomplete")]


def test_two_agents_at_one_node_make_what_it_says_doubtful() -> None:
    assert why(then(5, node(conflict_since=ago(7), conflict_seen=ago(1)))) == [("n1", "incomplete", "conflict")]


def test_lost_events_are_counted_and_are_no_silence() -> None:
    gaps = {1: [GapRow("lost-events", "7", ago(30), ago(29)), GapRow("lost-events", "3", ago(10), ago(9))]}
    coverage = over(60, 0, node(), gaps=gaps)
    assert (coverage.nodes[0].lost_events, coverage.nodes[0].observed, coverage.complete) == (10, 1.0, True)
    assert then(29.5, node(), gaps=gaps).complete


def test_no_node_at_all_is_no_coverage() -> None:
    assert not then(1).complete
    assert not over(2, 1).complete
