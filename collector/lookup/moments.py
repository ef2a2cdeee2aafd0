"""The moment, or the window, that a question is about."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from collector.errors import ProblemError
from protocol import times
from protocol.problems import ProblemType

DAY: Final = timedelta(days=1)
"""The window of a question that names no beginning."""


@dataclass(frozen=True, slots=True)
class Window:
    """After ``since``, until ``until``."""

    since: datetime
    until: datetime


def moment(text: str, now: datetime, field: str = "at") -> datetime | None:
    """Read the parameter ``at``, or another of its kind; ``None`` means now.

    Raises:
        ProblemError: ``bad-request``, it is no time, or one that is yet to come.
    """
    if not text:
        return None
    try:
        when = times.parse_time(text, now)
    except ValueError as exc:
        raise ProblemError(ProblemType.BAD_REQUEST, str(exc), field=field) from exc
    if when > now:
        raise ProblemError(
            ProblemType.BAD_REQUEST,
            f"{times.to_text(when)} is yet to come (the register's clock says {times.to_text(now)})",
            field=field,
        )
    return when


def check_remembered(when: datetime, first: datetime | None, field: str = "at") -> None:
    """Check that a moment does not lie before the register's first record; ``first`` None: it has none.

    Raises:
        ProblemError: ``bad-request``, it does.
    """
    if first is not None and when < first:
        raise ProblemError(
            ProblemType.BAD_REQUEST,
            f"{times.to_text(when)} lies before the register's first record, which is of {times.to_text(first)}; "
            "ask about that moment or a later one",
            field=field,
        )


def window(since: str, until: str, now: datetime, first: datetime | None) -> Window:
    """Read ``since`` and ``until``: without a beginning the day before the end, without an end until now.

    A window that begins before the first record is taken as it is, if it does not end there: its coverage says what was
    not observed.

    Raises:
        ProblemError: ``bad-request``, one is no time, is yet to come, they are inverted or the same, or all of it lies
            before the first record.
    """
    end = moment(until, now, "until") or now
    begin = moment(since, now, "since") or end - DAY
    if begin >= end:
        raise ProblemError(
            ProblemType.BAD_REQUEST,
            f"the window ends ({times.to_text(end)}) before it begins ({times.to_text(begin)}); "
            "give since before until",
            field="since",
        )
    check_remembered(end, first, "until")
    return Window(begin, end)
