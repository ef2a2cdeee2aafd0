"""Errors that mean something to the collector's callers.

CollectorError
├── ConfigError     the configuration is wrong; lists every problem
├── StartError      the collector cannot start; a sentence says why and what to do
└── ProblemError    a request cannot be answered; becomes a problem document (``protocol.problems``)

Errors of the database's driver are translated into ``ProblemError`` in ``collector.store.engine``, and nowhere else.
"""

from typing import Any

from protocol.problems import ProblemType


class CollectorError(Exception):
    """A sentence for a person: what is wrong, where, and what to do."""


class ConfigError(CollectorError):
    """The configuration cannot be used; ``problems`` are sentences, each names its setting."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class StartError(CollectorError):
    """The collector cannot start as it was told to."""


class ProblemError(CollectorError):
    """A request that cannot be answered.

    ``field`` is the path of the bad part of a body (``$.entries[3]``), ``candidates`` what an ambiguous reference can
    mean, ``retry_after`` the seconds after which to try again (None: it would not help), ``coverage`` that of
    ``protocol.answers``, on ``not-found``.
    """

    def __init__(
        self,
        kind: ProblemType,
        detail: str,
        *,
        field: str = "",
        candidates: tuple[str, ...] = (),
        retry_after: float | None = None,
        coverage: Any = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.field = field
        self.candidates = candidates
        self.retry_after = retry_after
        self.coverage = coverage
