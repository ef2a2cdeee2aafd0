"""Times in questions: docker's grammar."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.times import parse_duration, parse_time, to_text

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0s", timedelta()),
        ("90s", timedelta(seconds=90)),
        ("10m", timedelta(minutes=10)),
        ("1h30m", timedelta(hours=1, minutes=30)),
        ("1.5h", timedelta(minutes=90)),
        ("300ms", timedelta(milliseconds=300)),
        ("7us", timedelta(microseconds=7)),
        ("7µs", timedelta(microseconds=7)),
        ("1h1ms", timedelta(hours=1, milliseconds=1)),
    ],
)
def test_a_length_of_time_is_gos(text: str, expected: timedelta) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize("text", ["", "10", "10 m", "1d", "h", "-5m", "1h30", "5mm", "m5", "1,5h"])
def test_what_is_no_length_of_time_says_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="write it like 90s, 10m or 1h30m"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10m", "2026-01-31T11:50:00.000000Z"),
        ("1h30m", "2026-01-31T10:30:00.000000Z"),
        ("0", "1970-01-01T00:00:00.000000Z"),
        ("1767225600", "2026-01-01T00:00:00.000000Z"),
        ("1767225600.5", "2026-01-01T00:00:00.500000Z"),
        ("-1", "1969-12-31T23:59:59.000000Z"),
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000000Z"),
        ("2026-01-31T12:00:00+02:00", "2026-01-31T10:00:00.000000Z"),
        ("2026-01-31T12:00:00.123456789Z", "2026-01-31T12:00:00.123456Z"),
        (" 2026-01-31T12:00Z ", "2026-01-31T12:00:00.000000Z"),
    ],
)
def test_a_time_is_docker_s(text: str, expected: str) -> None:
    assert to_text(parse_time(text, NOW)) == expected


@pytest.mark.parametrize("text", ["2026-01-31", "2026-01-31T12:00:00"])
def test_a_time_without_a_zone_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no time zone; add Z"):
        parse_time(text, NOW)


@pytest.mark.parametrize("text", ["", "yesterday", "10 minutes", "2026-13-01T00:00:00Z", "1h30", "\x00", "9" * 400])
def test_what_is_no_time_says_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="write"):
        parse_time(text, NOW)


@pytest.mark.parametrize("text", ["999999999999", "99999999h", "-999999999999"])
def test_a_time_outside_the_calendar_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="outside the years 1 to 9999"):
        parse_time(text, NOW)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "9" * 320 + "h"])
def test_a_time_that_leaves_the_calendar_on_its_way_to_utc_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="outside the years 1 to 9999"):
        parse_time(text, NOW)


@given(when=st.datetimes(timezones=st.just(UTC)))
def test_what_is_written_reads_back(when: datetime) -> None:
    assert parse_time(to_text(when), NOW) == when


@given(text=st.text(max_size=30))
def test_any_text_is_a_time_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        assert parse_time(text, NOW).tzinfo is UTC
