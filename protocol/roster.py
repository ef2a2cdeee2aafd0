"""The roster: what a manager knows of its Swarm's nodes and services (protocol version 1).

Sent by agents on managers beside the hashed state; it adds and removes no container.
Source of the fields: Engine API, ``GET /nodes`` and ``GET /services``.
"""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from protocol.enrol import Name
from protocol.messages import Clock, Seconds, Short

ROSTER_EVERY: Final = 15.0
"""Seconds between two looks of a manager's agent at the roster."""


class RosterNode(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One node of a Swarm, in the engine's own words.

    ``role`` is ``manager`` or ``worker``, ``availability`` ``active``, ``pause`` or ``drain``, ``state`` ``ready``,
    ``down``, ``disconnected`` or ``unknown``; ``os`` is ``linux`` or ``windows``.
    """

    node: Name
    hostname: Short = ""
    role: Short = ""
    availability: Short = ""
    state: Short = ""
    address: Short = ""
    engine: Short = ""
    os: Short = ""
    arch: Short = ""
    leader: bool = False


class RosterService(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One service; ``replicas`` is ``null`` for a global one. ``mode`` is the engine's word, in lower case."""

    service: Name
    name: Short = ""
    stack: Short = ""
    image: Annotated[str, Meta(max_length=1024)] = ""
    mode: Short = ""
    replicas: int | None = None


class Roster(msgspec.Struct, frozen=True, kw_only=True):
    """The whole roster at one moment, ``read_ago`` seconds before it is sent.

    ``version`` is the highest ``Version.Index`` in it: of two rosters of a cluster the one with the higher counts.
    """

    version: Annotated[int, Meta(ge=0, le=2**62)]
    nodes: Annotated[list[RosterNode], Meta(max_length=10_000)]
    services: Annotated[list[RosterService], Meta(max_length=100_000)] = []
    read_ago: Seconds = 0.0


class RosterReply(msgspec.Struct, frozen=True, kw_only=True):
    """``taken`` is false when the register has a newer roster of this cluster."""

    taken: bool
    server_time: Clock
