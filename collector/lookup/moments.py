"""The moment that a question is about."""

from datetime import datetime

from collector.errors import ProblemError
from protocol import times
from protocol.problems import ProblemType


def moment(text: str, now: datetime) -> datetime | None:
    """Read the parameter ``at``; ``None`` means now.

    Raises:
        ProblemError: ``bad-request``, it is no time, or one that is yet to come.
    """
    if not text:
        return None
    try:
        when = times.parse_time(text, now)
    except ValueError as exc:
        raise ProblemError(ProblemType.BAD_REQUEST, str(exc), field="at") from exc
    if when > now:
        raise ProblemError(
            ProblemType.BAD_REQUEST,
            f"{times.to_text(when)} is yet to come (the register's clock says {times.to_text(now)})",
            field="at",
        )
    return when
