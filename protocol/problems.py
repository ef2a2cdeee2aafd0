"""Problem documents (RFC 9457): how every error leaves the collector.

``type`` is a stable URI reference, ``/problems/<name>``; programs compare it, people read ``detail``, which says
what was wrong, where, and what to do.
"""

from enum import StrEnum
from typing import Any, Final

import msgspec

CONTENT_TYPE: Final = "application/problem+json"


class ProblemType(StrEnum):
    """The names that stand behind ``/problems/``."""

    NOT_FOUND = "not-found"
    AMBIGUOUS = "ambiguous"
    BAD_REQUEST = "bad-request"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    TOO_LARGE = "too-large"
    HELLO = "hello"
    """The generation is not the current one: say hello again."""
    RESYNC = "resync"
    """The register stands elsewhere: send a snapshot."""
    CONFLICT = "conflict"
    """Another agent speaks for this node."""
    UNSUPPORTED = "unsupported"
    """The protocol or hash version is not spoken here."""
    UNAVAILABLE = "unavailable"
    """The database cannot be used now; Retry-After says when to try again."""
    NOT_MIGRATED = "not-migrated"
    BUSY = "busy"
    INTERNAL = "internal"


STATUS: Final[dict[ProblemType, int]] = {
    ProblemType.NOT_FOUND: 404,
    ProblemType.AMBIGUOUS: 409,
    ProblemType.BAD_REQUEST: 400,
    ProblemType.UNAUTHENTICATED: 401,
    ProblemType.FORBIDDEN: 403,
    ProblemType.TOO_LARGE: 413,
    ProblemType.HELLO: 409,
    ProblemType.RESYNC: 409,
    ProblemType.CONFLICT: 409,
    ProblemType.UNSUPPORTED: 422,
    ProblemType.UNAVAILABLE: 503,
    ProblemType.NOT_MIGRATED: 503,
    ProblemType.BUSY: 503,
    ProblemType.INTERNAL: 500,
}
"""The HTTP status of each type."""


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One problem document.

    ``candidates`` are full references to choose from when ``type`` is ``ambiguous``; ``field`` is the path of the bad
    part of a body (``$.entries[3].name``). ``coverage`` is that of ``protocol.answers``, on ``not-found``.
    """

    type: str
    title: str
    status: int
    detail: str
    instance: str = ""
    field: str = ""
    candidates: list[str] = []
    coverage: Any = None


def problem_uri(kind: ProblemType) -> str:
    """Return the ``type`` of a problem document."""
    return f"/problems/{kind.value}"
