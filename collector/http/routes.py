"""What a route is: enough to serve it, to guard it, and to describe it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from aiohttp import web

from collector.http.params import Query
from protocol.problems import ProblemType

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Access(StrEnum):
    """Who may call a route."""

    PUBLIC = "public"
    """Anybody: it tells nothing about the cluster."""
    AGENT = "agent"
    """A node's agent, about its own node."""
    JOINER = "joiner"
    """Whoever knows the join secret."""
    READER = "reader"
    """Operators, auditors and administrators."""
    AUDITOR = "auditor"
    """Auditors and administrators."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One method of one path.

    ``query`` and ``body`` are the shapes of what is sent, ``answer`` that of a JSON answer; ``lines``
    are the shapes of the lines when the answer can also be streamed as NDJSON. ``media`` names the other media types
    it can answer in. ``within`` has the values of each part of the path that stands in braces.
    """

    method: str
    path: str
    handler: Handler
    access: Access
    tag: str
    summary: str
    description: str = ""
    query: type[Query] | None = None
    body: Any = None
    answer: Any = None
    lines: tuple[type, ...] = ()
    media: tuple[str, ...] = ()
    within: Mapping[str, Sequence[str]] = field(default_factory=dict)
    problems: tuple[ProblemType, ...] = ()
