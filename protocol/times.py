"""Times in questions: docker's grammar for ``--since``, ``--until`` and ``--at``.

A Unix time (``1767225600`` or with up to nine decimals), an RFC 3339 time, a date, or a length of
time before now in Go's form (``10m``, ``1h30m``). Docker reads a time without a zone as the
client's local time; a register that several people ask must not, so a time without a zone is refused.
Source: moby ``daemon/internal/timestamp`` and docker's documentation of ``docker events``.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_UNIX: Final = re.compile(r"-?\d{1,12}(\.\d{1,9})?")
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(h|ms|us|µs|ns|m|s)")
_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_FRACTION: Final = re.compile(r"(\.\d{6})\d+")


def parse_duration(text: str) -> timedelta:
    """Read a Go duration such as ``1h30m`` or ``0.5s``; days are ``d`` only where Go knows them, that is never.

    Raises:
        ValueError: it is not one.
    """
    parts = list(_DURATION.finditer(text))
    if not parts or "".join(part.group() for part in parts) != text:
        raise ValueError(f"{text!r} is not a length of time; write it like 90s, 10m or 1h30m")
    return timedelta(seconds=sum(float(part[1]) * _UNITS[part[2]] for part in parts))


def parse_time(text: str, now: datetime) -> datetime:
    """Read a point in time; a length of time counts back from ``now``. The answer is in UTC.

    Raises:
        ValueError: it is no time, has no zone, or lies outside the years 1 to 9999.
    """
    text = text.strip()
    try:
        if _UNIX.fullmatch(text):
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=float(text))
        if _DURATION.match(text) and not re.match(r"\d{4}-", text):
            return now.astimezone(UTC) - parse_duration(text)
        when = datetime.fromisoformat(_FRACTION.sub(r"\1", text))
        if when.tzinfo is not None:
            return when.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} lies outside the years 1 to 9999") from None
    except ValueError:
        raise ValueError(
            f"{text[:80]!r} is not a time; write 2026-01-31T12:00:00Z, a Unix time, "
            "or a length of time before now such as 10m or 1h30m"
        ) from None
    raise ValueError(f"{text!r} has no time zone; add Z for UTC or an offset such as +02:00")


def to_text(when: datetime) -> str:
    """Return a time as it stands in answers: RFC 3339, UTC, microseconds.

    >>> to_text(datetime(2026, 1, 31, 12, tzinfo=UTC))
    '2026-01-31T12:00:00.000000Z'
    """
    return when.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
