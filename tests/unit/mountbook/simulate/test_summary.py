from typing import Any

import msgspec
import pytest

from mountbook.simulate.summary import PhaseResult, Summary, Times, lines, rank


def summary(**fields: Any) -> Summary:
    given: dict[str, Any] = {
        "nodes": 2,
        "containers": 3,
        "entries": 40,
        "seed": 1,
        "faults": "",
        "load_seconds": 1.5,
        "phases": [
            PhaseResult(
                rate=5.0,
                seconds=2.0,
                changes=10,
                answered=Times.of([0.2, 0.1]),
                acknowledged=Times.of([]),
                requests=12,
                wal_bytes=2**20,
                collector_cpu=0.25,
            )
        ],
        "requests": {"delta": 10, "heartbeat": 0},
        "rejections": {},
        "unreachable": {},
        "faults_seen": {},
        "converged": True,
        "converge_seconds": 0.5,
        "differing": [],
        "recovery_seconds": None,
        "acknowledged_versions": 10,
        "missing": 0,
        "unanswered": 0,
        "overtaken": 0,
        "collector_rss_mib": 80.0,
        "collector_peak_mib": 90.0,
        "simulator_rss_mib": 70.0,
        "wal_bytes": 2**21,
        "load_average": 0.5,
    }
    return Summary(**(given | fields))


def test_percentiles_are_of_the_nearest_rank() -> None:
    assert [rank(100, share) for share in (0.5, 0.9, 0.99, 1.0)] == [49, 89, 98, 99]
    assert rank(1, 0.5) == 0
    times = Times.of([float(number) for number in range(100, 0, -1)])
    assert (times.count, times.p50, times.p90, times.p99, times.most) == (100, 50, 90, 99, 100)


def test_nothing_has_no_percentiles() -> None:
    assert Times.of([]) == Times(count=0)
    assert str(Times.of([])) == "none"


@pytest.mark.parametrize(
    ("fields", "well"),
    [
        ({}, True),
        ({"converged": False, "differing": ["sim-00001"]}, False),
        ({"missing": 1}, False),
        ({"unanswered": 1}, False),
        ({"overtaken": 1}, False),
        ({"overtaken": 1, "faults": "lose:0.3"}, True),
    ],
)
def test_it_went_well_when_both_sides_agree_and_nothing_was_lost(fields: dict[str, Any], well: bool) -> None:
    assert summary(**fields).well is well


def test_the_words_name_what_matters() -> None:
    words = "\n".join(lines(summary(recovery_seconds=4.0, faults="kill-collector", faults_seen={"kill-collector": 1})))
    assert "5 changes/s for 2 s: 10 changes, 12 requests" in words
    assert "answered     p50 0.100 s" in words
    assert "requests     delta 10\n" in words
    assert "recovery     4.0 s" in words
    assert "faults       kill-collector (seed 1): kill-collector 1" in words
    assert "converged    yes, 0.5 s" in words
    assert "None" not in words


def test_the_words_name_who_differs() -> None:
    words = "\n".join(lines(summary(converged=False, differing=["sim-00001"], collector_rss_mib=None)))
    assert "NO: 1 nodes differ after 0.5 s (sim-00001)" in words


def test_it_is_json() -> None:
    found = summary()
    assert msgspec.json.decode(msgspec.json.encode(found), type=Summary) == found
