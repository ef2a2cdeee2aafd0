"""Every version of what a reference names, or ever named: also of containers that are removed and nodes that left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from collector.errors import ProblemError
from collector.lookup import cursors, events
from collector.lookup.changes import names
from collector.lookup.refs import Ref
from collector.lookup.scope import Scope, unobserved
from collector.lookup.where import MAX_CANDIDATES
from collector.store.keys import hash_token, token, tokens
from collector.store.read import timeline
from collector.store.read.timeline import Entity, Past
from collector.store.read.versions import Former, Position, bounds
from protocol import times
from protocol.entries import Container, Entry, Image, Layer, Volume
from protocol.memory import Ending, Event, History, Version
from protocol.problems import ProblemType

_NAMES: Final = 200
"""So many names that begin alike are looked at."""


async def history(scope: Scope, ref: Ref, limit: int, cursor: str) -> History:
    """Return a page of versions; those of one entry stand together, oldest first.

    A reference is tried whole, as every kind of name, before it is tried as the beginning of a container's ID, mount-id
    or name.

    Raises:
        ProblemError: ``ambiguous``, it is the beginning of several names or IDs.
        ProblemError: ``not-found``, nothing was ever called so; the problem carries the coverage.
        ProblemError: ``bad-request``, the cursor is not one of this question's.
    """
    question = cursors.fingerprint(["history", ref.text, scope.question])
    begin = cursors.decode(cursor, question).position if cursor else None
    named = await _named(scope, ref, begin, limit + 2)
    if not named.entities and begin is None:
        raise ProblemError(ProblemType.NOT_FOUND, _nothing(ref, scope), coverage=scope.coverage)
    # One more than the page holds tells that another follows; the last of the page before tells what changed.
    found = await timeline.versions(scope.conn, named.entities, begin, limit + 2) if named.entities else []
    before = found.pop(0) if begin is not None and found and found[0].position == begin else None
    page = found[:limit]
    return History(
        ref=ref.text,
        matched=named.matched,
        exact=named.exact,
        versions=_versions(page, before, {one.node_id: one for one in scope.versions.former}),
        coverage=scope.coverage,
        next=cursors.encode(page[-1].position, None, question) if len(found) > limit else None,
    )


@dataclass(frozen=True, slots=True)
class _Named:
    """What a reference names, or named: as which kind, whole or as a beginning."""

    entities: list[Entity]
    matched: str
    exact: bool


async def _named(scope: Scope, ref: Ref, begin: Position | None, limit: int) -> _Named:
    kinds = {token(kind, ref.value): kind for kind in reversed(ref.exact_kinds)}
    nodes = scope.versions.node_ids
    rows = await timeline.bearing(scope.conn, [hash_token(text) for text in kinds], nodes, begin, limit)
    # Hashes may collide: an entry's own text has to bear the token.
    borne = [(entity, shared) for entity, entry in rows if (shared := kinds.keys() & set(tokens(entry)))]
    if borne:
        matched = min((kinds[text] for text in borne[0][1]), key=ref.exact_kinds.index)
        return _Named([entity for entity, _ in borne], matched, exact=True)
    names = await _beginning(scope, ref)
    if not names:
        return _Named([], ref.kind or ref.exact_kinds[0], exact=False)
    called = await timeline.called(scope.conn, names, nodes, begin, limit)
    return _Named([entity for entity, _ in called], names[0][0], exact=False)


async def _beginning(scope: Scope, ref: Ref) -> list[tuple[str, str]]:
    """Return the names that begin as the reference does; several are refused unless they mean one container."""
    if not ref.prefix_kinds:
        return []
    rows = await timeline.names_beginning(scope.conn, ref.prefix_kinds, ref.value, scope.versions.node_ids, _NAMES)
    names = sorted(
        {(kind, name) for kind, name, _, _ in rows}, key=lambda one: (ref.prefix_kinds.index(one[0]), one[1])
    )
    if len({(node_id, entry_id) for _, _, node_id, entry_id in rows}) > 1 and len(names) > 1:
        raise ProblemError(
            ProblemType.AMBIGUOUS,
            f"{ref.text!r} is the beginning of several names or IDs that there are or were; write more of it",
            candidates=tuple(f"{kind}:{name}" for kind, name in names[:MAX_CANDIDATES]),
        )
    return names


def _versions(found: Sequence[Past], before: Past | None, former: Mapping[int, Former]) -> list[Version]:
    """Return versions as rows; what happened at the beginning of one is told by the one before it.

    What lasts on a node ID of ``former`` ended with the ID.
    """
    rows = []
    for one in found:
        follows = before is not None and before.why == "changed" and _same(before, one)
        happened = events.events(
            before.entry if before is not None and follows else None, one.entry, first_look=one.began.after is None
        )
        rows.append(_version(one, happened, former.get(one.position.node_id) if one.ended is None else None))
        before = one
    return rows


def _same(before: Past, one: Past) -> bool:
    return (
        before.kind is one.kind
        and (before.position.node_id, before.position.entry_id) == (one.position.node_id, one.position.entry_id)
        and before.ended is not None
        and before.ended.before == one.began.before
    )


def _version(one: Past, happened: list[Event], former: Former | None) -> Version:
    ended, why = one.ended, one.why
    if former is not None:
        ended, why = bounds(former.listed_at, former.superseded_at), "superseded"
    if why is not None and why != "changed":
        happened = [*happened, *events.events(one.entry, None, why=why)]
    return Version(
        cluster=one.node.cluster,
        node=one.node.node,
        hostname=one.node.hostname,
        kind=one.kind,
        root=one.entry.root,
        key=one.entry.key,
        began=one.began,
        ended=ended,
        why=cast("Ending | None", why),
        path=_path(one.entry),
        seen=times.to_text(one.seen) if one.seen is not None else None,
        events=happened,
        entry=events.fields(one.entry),
        **names(one.entry),
    )


def _path(entry: Entry) -> str:
    match entry:
        case Container() | Layer():
            return entry.diff_path or ""
        case Volume():
            return entry.mountpoint
        case Image():
            return ""
        case _:
            return entry.key


def _nothing(ref: Ref, scope: Scope) -> str:
    what = (
        f"nothing has, or had, the {ref.kind} {ref.value!r}"
        if ref.kind
        else f"nothing is, or was, called {ref.value!r}"
    )
    place = f" on node {scope.node.hostname or scope.node.node}" if scope.node is not None else ""
    if scope.coverage.complete:
        return f"{what}{place}"
    return f"{what}{place}; but not every node is observed ({unobserved(scope.coverage)}), so it may be there"
