"""What appeared, changed and ended in a window."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from collector.errors import ProblemError
from collector.lookup import coverage, cursors, events
from collector.lookup.moments import Window
from collector.lookup.owners import image_name, service_of, stack_of
from collector.lookup.scope import Scope
from collector.store.keys import hash_token, token
from collector.store.read import changes
from collector.store.read.changes import Changed, Mark, Wanted
from protocol import times
from protocol.entries import Container, Entry, Image, Kind
from protocol.memory import Change, Changes, Ending, WindowCoverage
from protocol.problems import ProblemType

_TOKENS: Final = ("id", "name", "task", "service", "stack", "image", "label", "volume", "mount-id")
"""Filters that are answered from the reference tokens."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a list of changes is limited to. ``node`` names a node, ``""`` for all."""

    node: str = ""
    kinds: tuple[Kind, ...] = tuple(Kind)
    tokens: tuple[tuple[tuple[str, str], ...], ...] = ()

    @property
    def question(self) -> list[Any]:
        """What the pages of one list have in common."""
        return [self.node, sorted(kind.value for kind in self.kinds), self.tokens]

    @property
    def hashes(self) -> tuple[tuple[int, ...], ...]:
        """The tokens as the store has them."""
        return tuple(tuple(hash_token(token(what, value)) for what, value in group) for group in self.tokens)

    def wanted(self, scope: Scope, window: Window) -> Wanted:
        """Return what this means to the store."""
        which = scope.versions
        return Wanted(window.since, window.until, self.kinds, which.node_ids, self.hashes, which.former)


def asked(texts: Sequence[str], node: str = "") -> Asked:
    """Read filters ``key=value``: the same key again means *or*, another key *and*.

    Raises:
        ProblemError: ``bad-request``, one has no ``=``, an unknown key (all are named) or a value that cannot be.
    """
    groups: dict[str, list[tuple[str, str]]] = defaultdict(list)
    kinds: list[Kind] = []
    nodes = {node} - {""}
    for place, text in enumerate(texts):
        key, equals, value = text.partition("=")
        if not equals or not value:
            raise _bad(f"{text!r} is no filter; write KEY=VALUE, such as service=web")
        if key == "node":
            nodes.add(value)
        elif key == "kind":
            if value not in tuple(Kind):
                raise _bad(f"kind={value}: the kinds are {', '.join(Kind)}")
            kinds.append(Kind(value))
        elif key in _TOKENS:
            groups[f"{key} {place}" if key == "label" else key].append((key, value))
        else:
            raise _bad(
                f"there is no filter {key!r} for changes; the filters are {', '.join(('kind', 'node', *_TOKENS))}"
            )
    if len(nodes) > 1:
        raise _bad(f"one node at a time: {', '.join(sorted(nodes))} were named")
    return Asked(nodes.pop() if nodes else "", tuple(kinds) or tuple(Kind), tuple(map(tuple, groups.values())))


def _bad(detail: str) -> ProblemError:
    return ProblemError(ProblemType.BAD_REQUEST, detail, field="filter")


async def page(scope: Scope, silent_after: float, window: Window, limits: Asked, limit: int, cursor: str) -> Changes:
    """Return a page of changes, oldest first.

    Raises:
        ProblemError: ``bad-request``, the cursor is not one of this question's.
    """
    question = cursors.fingerprint(["changes", *limits.question, scope.question])
    after = None
    if cursor:
        place = cursors.decode_change(cursor, question)
        after = Mark(place.at, place.node_id, place.kind, str(place.entry_id))
        window = Window(place.since, place.until)
    found = await changes.page(scope.conn, limits.wanted(scope, window), after, limit + 1)
    shown = found[:limit]
    more = len(found) > limit
    return Changes(
        since=times.to_text(window.since),
        until=times.to_text(window.until),
        changes=[change(one) for one in shown],
        coverage=await covered(scope, silent_after, window),
        next=cursors.encode_change(*shown[-1].mark, window.since, window.until, question) if more else None,
    )


async def everything(scope: Scope, window: Window, limits: Asked) -> AsyncIterator[Change]:
    """Yield every change, oldest first; memory does not grow with their number."""
    async for one in changes.everything(scope.conn, limits.wanted(scope, window)):
        yield change(one)


async def covered(scope: Scope, silent_after: float, window: Window) -> WindowCoverage:
    """Return what was observed in the window, of the nodes asked about."""
    return await coverage.over_window(scope.conn, silent_after, window, scope.versions.node_ids)


def change(one: Changed) -> Change:
    """Return a change as a row of an answer."""
    newer = one.after if one.after is not None else one.before
    if newer is None:
        raise ValueError(f"{one.mark}: a change with nothing on either side")
    return Change(
        cluster=one.node.cluster,
        node=one.node.node,
        hostname=one.node.hostname,
        kind=newer.KIND,
        root=newer.root,
        key=newer.key,
        at=one.at,
        events=events.events(one.before, one.after, first_look=one.first_look, why=one.ended_why),
        ended=cast("Ending | None", one.ended_why),
        before=events.fields(one.before) if one.before is not None else None,
        after=events.fields(one.after) if one.after is not None else None,
        **names(newer),
    )


def names(entry: Entry) -> dict[str, str]:
    """Return what people call an entry, and what it is part of."""
    if isinstance(entry, Container):
        return {
            "name": entry.name,
            "image": entry.image,
            "service": service_of(entry),
            "stack": stack_of(entry),
            "state": entry.state,
        }
    if isinstance(entry, Image):
        return {"name": image_name(entry), "image": image_name(entry)}
    return {"name": entry.key}
