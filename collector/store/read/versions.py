"""Which versions of entries a question means; shared by every question about entries.

A question about now reads ``entries`` only. One about a moment T reads ``entries`` and ``history``: every version that
may have been valid at T, because it may have begun before T and had not surely ended. ``certain`` is false when T lies
between the bounds of its beginning or of its end, or after the last list of its node; what its engine made only after T
was surely not there. One about a
window reads every version that may have been valid at any moment of it.

What a superseded node ID had stays in ``entries``, as no other node's message may touch it, but ended with the ID.
"""

import sys
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, Self

from protocol import times
from protocol.answers import Bounds

FIELDS: Final = "node_id, kind, entry_id, root, key, name, mount_id, doc, began_after, began_before"
_OPEN: Final = "NULL::timestamptz AS ended_after, 'infinity'::timestamptz AS ended_before"
_BEGAN: Final = (
    "(began_after IS NULL OR began_after < :at) AND (began_before <= :at "
    "OR kind NOT IN ('container', 'volume') OR coalesce(left(doc ->> 'created_at', 19), '') <= :made)"
)
FORMER: Final = (
    "entries JOIN unnest(CAST(:former AS int[]), CAST(:former_after AS timestamptz[]), "
    "CAST(:former_before AS timestamptz[])) AS former (former_id, ended_after, ended_before) ON former_id = node_id"
)
"""What superseded node IDs had, with the bounds of its end; the parameters are those of ``ended_with``."""
# The engine's time is text of an agent: it is compared as text, whole seconds only, so that none can break a query.
_MADE: Final = "%Y-%m-%dT%H:%M:%S"


class Span(NamedTuple):
    """A window: after ``since``, until ``until``; ``None``: from ever, for ever."""

    since: datetime | None = None
    until: datetime | None = None


EVER: Final = Span()


class Former(NamedTuple):
    """A superseded node ID: all that it had ended after its last list, and by the first list of who superseded it."""

    node_id: int
    listed_at: datetime
    superseded_at: datetime


@dataclass(frozen=True, slots=True)
class Position:
    """What orders every list: node, entry, and version, by when it ended (``None``: it has not, and comes last)."""

    node_id: int
    entry_id: str
    ended: datetime | None

    @property
    def order(self) -> tuple[int, str, bool, datetime | None]:
        """What the places of rows in a list are compared by."""
        return self.node_id, self.entry_id, self.ended is None, self.ended

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters of the text that ``Versions.page`` returns."""
        given = {"after_node": self.node_id, "after_entry": self.entry_id}
        return given if self.ended is None else {**given, "after_ended": self.ended}


@dataclass(frozen=True, slots=True)
class Versions:
    """``at`` is the moment (``None``: now), ``node_ids`` the only nodes that are of interest (``None``: all).

    ``ahead`` is by how much the clock of any node may be ahead of PostgreSQL's; ``stale`` are the nodes whose last list
    was made before ``at``: what they have now they may not have had then. ``former`` are the node IDs that are
    superseded now. ``span`` asks for all versions of a window instead of a moment.
    """

    at: datetime | None = None
    node_ids: frozenset[int] | None = None
    ahead: timedelta = timedelta()
    stale: frozenset[int] = frozenset()
    former: tuple[Former, ...] = ()
    span: Span | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters of the text that ``where`` returns."""
        given: dict[str, Any] = {}
        if self.span is not None:
            given |= {name: when for name, when in self.span._asdict().items() if when is not None}
        elif self.at is not None:
            given |= {"at": self.at, "made": (self.at + self.ahead).strftime(_MADE), "stale": sorted(self.stale)}
        if ended := self.ended:
            given |= ended_with(ended) if self.span is not None else {"former": [one.node_id for one in ended]}
        if self.node_ids is not None:
            given["node_ids"] = sorted(self.node_ids)
        return given

    @property
    def ended(self) -> tuple[Former, ...]:
        """The node IDs that had ended by the moment, or by now if a window is meant."""
        if self.at is None or self.span is not None:
            return self.former
        return tuple(one for one in self.former if one.superseded_at <= self.at)

    def within(self, node_ids: AbstractSet[int]) -> Self:
        """Return the same versions, of these nodes only."""
        both = node_ids if self.node_ids is None else self.node_ids & node_ids
        return replace(self, node_ids=frozenset(both))

    def where(self, condition: str, columns: str = FIELDS) -> str:
        """Return the SELECT of the versions that meet ``condition``; both texts are of this package.

        Its columns are ``columns`` of ``entries``, ``ended_after``, ``ended_before`` (``infinity``: not ended) and
        ``certain``.
        """
        current, closed = self._each(condition, columns)
        return f"{current} UNION ALL {closed}" if closed else current

    def page(self, condition: str, position: Position | None, *, rare: bool = False) -> str:
        """Return the SELECT of versions as ``where``, of which a page behind ``position`` needs no others.

        They are up to ``:limit`` current and up to ``:limit`` closed ones, in the order of the primary keys: a page of
        the past does not sort all of the past. ``Position.parameters`` has the other parameters.

        What is ``rare`` is found by an index of its own and sorted then: PostgreSQL thinks that what lasted at a moment
        is soon found in the order of the keys, and would walk through all closed versions when it lies elsewhere.
        """
        at_entry = "(node_id, entry_id) {} (:after_node, CAST(:after_entry AS uuid))"
        if position is None:
            behind = closed_behind = "TRUE"
        elif position.ended is None:
            behind = closed_behind = at_entry.format(">")
        else:
            behind = at_entry.format(">=")
            closed_behind = (
                "(node_id, entry_id, ended_before) > (:after_node, CAST(:after_entry AS uuid), :after_ended)"
            )
        current, _ = self._each(f"{condition} AND {behind}", FIELDS)
        _, closed = self._each(f"{condition} AND {closed_behind}", FIELDS)
        pages = [f"({current} ORDER BY node_id, entry_id LIMIT :limit)"]
        if closed:
            if rare:
                closed = f"SELECT * FROM ({closed} OFFSET 0) AS found"
            pages.append(f"({closed} ORDER BY node_id, entry_id, ended_before LIMIT :limit)")
        return " UNION ALL ".join(pages)

    def _each(self, condition: str, columns: str) -> tuple[str, str]:
        """Return the SELECT of current versions, and that of closed ones (``""``: none are of interest)."""
        if self.node_ids is not None:
            condition = f"{condition} AND node_id = ANY(:node_ids)"
        lasting = f"{condition} AND node_id <> ALL(CAST(:former AS int[]))" if self.ended else condition
        if self.span is not None:
            begun = "" if self.span.until is None else " AND (began_after IS NULL OR began_after < :until)"
            lasted = "" if self.span.since is None else " AND ended_before > :since"
            ended = "ended_after, ended_before, TRUE AS certain"
            closed = f"SELECT {columns}, {ended} FROM history WHERE {condition}{begun}{lasted}"
            if self.ended:
                closed += f" UNION ALL SELECT {columns}, {ended} FROM {FORMER} WHERE {condition}{begun}{lasted}"
            return f"SELECT {columns}, {_OPEN}, TRUE AS certain FROM entries WHERE {lasting}{begun}", closed
        if self.at is None:
            return f"SELECT {columns}, {_OPEN}, TRUE AS certain FROM entries WHERE {lasting}", ""
        lasts = "began_before <= :at AND node_id <> ALL(CAST(:stale AS int[])) AS certain"
        certain = "began_before <= :at AND :at <= ended_after AS certain"
        closed = f"{condition} AND {_BEGAN} AND ended_before > :at"
        return (
            f"SELECT {columns}, {_OPEN}, {lasts} FROM entries WHERE {lasting} AND {_BEGAN}",
            f"SELECT {columns}, ended_after, ended_before, {certain} FROM history WHERE {closed}",
        )


def ended_with(former: Sequence[Former]) -> dict[str, Any]:
    """Return the parameters of ``FORMER``."""
    return {
        "former": [one.node_id for one in former],
        "former_after": [one.listed_at for one in former],
        "former_before": [one.superseded_at for one in former],
    }


def prefix_bounds(prefix: str) -> tuple[str, str | None]:
    """Return ``low, high``: in collation "C" the texts with this prefix are those from the one to below the other.

    ``high`` is None when nothing sorts after them. A bound LIKE would not use the index.
    """
    for length in range(len(prefix), 0, -1):
        code = ord(prefix[length - 1]) + 1
        if code <= sys.maxunicode:
            # U+D800 to U+DFFF are no characters.
            return prefix, prefix[: length - 1] + chr(0xE000 if code == 0xD800 else code)
    return prefix, None


def prefix(text: str) -> dict[str, str]:
    """Return the parameters ``low`` and, unless nothing sorts after them, ``high`` of a look-up by prefix."""
    low, high = prefix_bounds(text)
    return {"low": low} if high is None else {"low": low, "high": high}


def bounds(after: datetime | None, before: datetime) -> Bounds:
    """Return two bounds as answers write them."""
    return Bounds(after=times.to_text(after) if after is not None else None, before=times.to_text(before))
