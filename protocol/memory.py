"""Answers about the past: what changed, every version of a thing, and what was observed when.

As in ``protocol.answers`` absent and ``null`` mean the same, and times are RFC 3339 in UTC. What began or ended has the
register's two bounds; the engine's own times stand beside them and order nothing.
"""

from typing import Any, Literal

import msgspec

from protocol.answers import Bounds, Coverage, NodeState
from protocol.entries import Kind

Happening = Literal[
    "created",
    "started",
    "died",
    "stopped",
    "paused",
    "unpaused",
    "renamed",
    "removed",
    "superseded",
    "first-seen",
    "changed",
]
"""What became of something between two versions.

``first-seen``: it was there when its node was looked at for the first time. ``changed``: fields differ that no other
word stands for. ``removed``: its agent said so, or a complete list lacked it. ``superseded``: its node ID is, so that
it ended under this ID and may be there still, under the new one.
"""

Ending = Literal["changed", "removed", "absent", "superseded"]
"""Why a version ended: the next one follows; the agent said so; a complete list lacked it; its node ID is superseded.

What a superseded node ID had may be there still, under the new ID.
"""


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    pass


class Event(_Answer, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that happened.

    ``engine_at`` is when it happened by the engine's clock, ``""`` where the engine does not say. ``exit_code`` and
    ``oom_killed`` are those of ``died`` (``null``: it was started again before anybody looked). ``old`` and ``new``
    are the names of ``renamed``, ``fields`` what differs.
    """

    event: Happening
    engine_at: str = ""
    exit_code: int | None = None
    oom_killed: bool = False
    old: str = ""
    new: str = ""
    fields: list[str] = []


class Change(_Answer, frozen=True, kw_only=True):
    """A version that began, ended, or followed another.

    ``at`` are the bounds of the moment; ``events`` what happened, in the order of the engine's times; ``before`` and
    ``after`` the fields of ``protocol.entries`` on both sides (``null``: it was not there). ``image``, ``service``,
    ``stack`` and ``name`` are those of the newer side. ``ended`` is why the older version ended.
    """

    cluster: str
    node: str
    hostname: str
    kind: Kind
    root: str
    key: str
    at: Bounds
    events: list[Event]
    name: str = ""
    image: str = ""
    service: str = ""
    stack: str = ""
    state: str = ""
    ended: Ending | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


class Changes(_Answer, frozen=True, kw_only=True):
    """A page of changes after ``since``, until ``until``, oldest first; ``next`` is the cursor of the next page."""

    since: str
    until: str
    changes: list[Change]
    coverage: "WindowCoverage"
    next: str | None = None


class ChangesEnd(_Answer, frozen=True, kw_only=True):
    """Last line of a stream of changes: how many came before it. A stream without it is incomplete."""

    rows: int
    coverage: "WindowCoverage"


class Version(_Answer, frozen=True, kw_only=True):
    """One version of one entry: it was so from ``began`` to ``ended`` (``null``: it is so now).

    ``events`` are what happened at its beginning, and ``removed`` or ``superseded`` if nothing followed it; ``entry``
    are its fields, as in ``protocol.entries``. ``why`` says why it ended; ``seen`` is when its node was last listed, if
    it has not.
    """

    cluster: str
    node: str
    hostname: str
    kind: Kind
    root: str
    key: str
    began: Bounds
    ended: Bounds | None
    why: Ending | None = None
    name: str = ""
    image: str = ""
    service: str = ""
    stack: str = ""
    state: str = ""
    path: str = ""
    seen: str | None = None
    events: list[Event] = []
    entry: dict[str, Any] = {}


class History(_Answer, frozen=True, kw_only=True):
    """Answer to ``history?ref=``: every version of everything that the reference names, or ever named.

    Versions of one entry stand together, oldest first. ``coverage`` is that of now.
    """

    ref: str
    matched: str
    exact: bool
    versions: list[Version]
    coverage: Coverage
    next: str | None = None


class Unobserved(_Answer, frozen=True, kw_only=True):
    """A time in which a node was not, or not wholly, observed: after the one moment, until the other.

    ``after`` ``null``: ever before; ``before`` ``null``: it lasts. ``reason`` is ``silent``, ``down``, ``drained``,
    ``agent-restart``, ``node-restart``, ``never-seen``, ``restored`` (the database was put back to an older state),
    ``conflict`` (two agents spoke for the node), ``incomplete`` (it could not list all: ``detail`` is the kind) or
    ``lost-events`` (``detail`` is how many). ``whole``: nothing of the node was observed. ``seconds`` is how much of it
    lies in the window.
    """

    reason: str
    detail: str = ""
    after: str | None
    before: str | None
    whole: bool
    seconds: float


class NodeCoverage(_Answer, frozen=True, kw_only=True):
    """One node in a window.

    ``observed`` is the share of the window, from 0 to 1, in which it was wholly observed, of the time for which it
    belonged to its cluster. ``lost_events`` were counted in the window; ``unresolved`` are containers whose directory
    was not known at some moment of it. ``skew`` is the node's clock minus PostgreSQL's in seconds, when last heard.
    ``state`` is that of now.
    """

    cluster: str
    node: str
    hostname: str
    state: NodeState
    observed: float
    observed_since: str | None
    heard: str | None
    unobserved: list[Unobserved] = []
    lost_events: int = 0
    unresolved: int = 0
    skew: float | None = None


class WindowCoverage(_Answer, frozen=True, kw_only=True):
    """What was observed after ``since``, until ``until``; ``complete``: every node, all the time.

    ``nodes`` are those that belonged to their cluster at some moment of it; ``nodes_observed`` counts those that were
    wholly observed all the time.
    """

    since: str
    until: str
    as_of: str
    complete: bool
    nodes_observed: int
    nodes: list[NodeCoverage]
