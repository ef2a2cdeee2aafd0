from datetime import UTC, datetime, timedelta

import pytest

from collector.errors import ProblemError
from collector.lookup.moments import Window, check_remembered, moment, window
from protocol.problems import ProblemType

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
FIRST = NOW - timedelta(days=10)


def test_without_a_moment_now_is_meant() -> None:
    assert moment("", NOW) is None
    assert moment("1h", NOW) == NOW - timedelta(hours=1)


def test_without_a_window_the_last_day_is_meant() -> None:
    assert window("", "", NOW, FIRST) == Window(NOW - timedelta(days=1), NOW)
    assert window("", "48h", NOW, FIRST) == Window(NOW - timedelta(days=3), NOW - timedelta(days=2))


def test_a_window_may_begin_before_the_first_record() -> None:
    assert window("2020-01-01T00:00:00Z", "", NOW, FIRST).since.year == 2020


@pytest.mark.parametrize(
    ("since", "until", "field", "words"),
    [
        ("1h", "2h", "since", "before it begins"),
        ("1h", "1h", "since", "before it begins"),
        ("2026-02-01T00:00:00Z", "", "since", "yet to come"),
        ("", "2026-02-01T00:00:00Z", "until", "yet to come"),
        ("2026-01-30T00:00:00", "", "since", "time zone"),
        ("soon", "", "since", "not a time"),
        ("2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z", "until", "first record"),
    ],
)
def test_a_window_that_is_none_is_refused_with_its_reason(since: str, until: str, field: str, words: str) -> None:
    with pytest.raises(ProblemError, match=words) as caught:
        window(since, until, NOW, FIRST)
    assert (caught.value.kind, caught.value.field) == (ProblemType.BAD_REQUEST, field)


def test_a_register_without_a_record_refuses_no_moment() -> None:
    check_remembered(NOW - timedelta(days=9999), None)
    check_remembered(FIRST, FIRST)
