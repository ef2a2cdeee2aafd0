"""Where a container keeps its files: from a reference to containers."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from collector.errors import ProblemError
from collector.lookup import cursors
from collector.lookup.cursors import Cursor
from collector.lookup.refs import Ref
from collector.lookup.scope import Scope, unobserved
from collector.store.keys import container_tokens, hash_token, token
from collector.store.read import references
from collector.store.read.rows import Row
from protocol.answers import ContainerRow, Where
from protocol.problems import ProblemType

MAX_CANDIDATES: Final = 20
"""Most candidates that an ambiguous prefix lists."""

_DECODER: Final = msgspec.json.Decoder(ContainerRow)


@dataclass(frozen=True, slots=True)
class _Match:
    """A container that the database gave, and as which kinds the reference names it."""

    row: Row
    container: ContainerRow
    kinds: tuple[str, ...]

    @property
    def identity(self) -> tuple[str, str, str, str]:
        return (self.container.cluster, self.container.node, self.container.root, self.container.container_id)


async def where(scope: Scope, ref: Ref, limit: int, cursor: str) -> Where:
    """Return the containers that the reference names, exactly if there are any, else as a prefix.

    Raises:
        ProblemError: ``ambiguous``, it names different containers as different kinds, or is a prefix of several names.
        ProblemError: ``not-found``, it names none; the problem carries the coverage.
        ProblemError: ``bad-request``, the cursor is not one of this question's.
    """
    question = cursors.fingerprint(["where", ref.text, scope.question])
    after = cursors.decode(cursor, question) if cursor else None
    if after is not None:
        scope = scope.pinned(after)
    at_once = None
    if after is None and ref.prefix_kinds:
        at_once = await _at_once(scope, ref, limit)
    found, exact = at_once or await _in_turn(scope, ref, limit, after)
    if not found and after is None:
        raise ProblemError(ProblemType.NOT_FOUND, _nothing(ref, scope), coverage=scope.coverage)
    page = found[:limit]
    more = len(found) > limit
    return Where(
        ref=ref.text,
        matched=page[0].kinds[0] if page else (ref.kind or ref.exact_kinds[0]),
        exact=exact,
        containers=[match.container for match in page],
        coverage=scope.coverage,
        at=scope.at_text,
        next=cursors.encode(page[-1].row.position, scope.versions.at, question) if more else None,
    )


async def _at_once(scope: Scope, ref: Ref, limit: int) -> tuple[list[_Match], bool] | None:
    """Return the containers that the reference names, and whether exactly; ``None``: it takes more than a look.

    So it is for a large group, or where names are compared whose hashes collide.
    """
    wanted = {kind: token(kind, ref.value) for kind in ref.exact_kinds}
    if scope.versions.at is None:
        others = [text for kind, text in wanted.items() if kind not in ref.prefix_kinds]
        rows = await references.called(scope.conn, scope.versions, ref.prefix_kinds, ref.value, others, limit + 1)
    else:
        hashes = [hash_token(text) for text in wanted.values()]
        rows = await references.bearing(scope.conn, scope.versions, hashes, limit + 1)
        if not rows:
            return await _prefix(scope, ref, limit), False
    read = _read(rows)
    if found := _verified(read, wanted):
        if len(rows) > limit:
            return None
        _refuse_unlike(ref, wanted, Counter({match.identity: match.kinds for match in found}.values()))
        return sorted(found, key=lambda match: match.row.position.order), True
    found, names = _beginning(read, ref)
    if len(found) < len(rows):
        return None
    await _refuse_several_names(scope, ref, found, names)
    return found, False


async def _in_turn(scope: Scope, ref: Ref, limit: int, after: Cursor | None) -> tuple[list[_Match], bool]:
    found = await _exact(scope, ref, limit, after)
    if found or after is not None or not ref.prefix_kinds:
        return found, bool(found) or after is not None
    return await _prefix(scope, ref, limit), False


async def _exact(scope: Scope, ref: Ref, limit: int, after: Cursor | None) -> list[_Match]:
    """Return up to ``limit + 1`` containers that bear the whole reference as a name of some kind."""
    wanted = {kind: token(kind, ref.value) for kind in ref.exact_kinds}
    hashes = {kind: hash_token(text) for kind, text in wanted.items()}
    rows = await references.by_tokens(
        scope.conn, scope.versions, list(hashes.values()), after.position if after is not None else None, limit + 1
    )
    found = _verified(_read(rows), wanted)
    if len(wanted) > 1 and found and after is None:
        await _refuse_several_kinds(scope, ref, hashes, found, complete=len(rows) <= limit)
    return found


def _read(rows: Iterable[Row]) -> list[tuple[Row, ContainerRow]]:
    return [(row, _DECODER.decode(row.json)) for row in rows]


def _verified(rows: Iterable[tuple[Row, ContainerRow]], wanted: Mapping[str, str]) -> list[_Match]:
    """Keep the rows whose own text bears a wanted token: hashes may collide."""
    found = []
    for row, container in rows:
        borne = set(container_tokens(container))
        if kinds := tuple(kind for kind, text in wanted.items() if text in borne):
            found.append(_Match(row, container, kinds))
    return found


async def _refuse_several_kinds(
    scope: Scope, ref: Ref, hashes: Mapping[str, int], found: Sequence[_Match], *, complete: bool
) -> None:
    """Raise ``Ambiguous`` when the kinds name different sets of containers."""
    if complete:
        counts = Counter({match.identity: match.kinds for match in found}.values())
    else:
        kind_of = {number: kind for kind, number in hashes.items()}
        # To look for one container of each kind costs nothing; to count the containers of a large group does.
        present = await references.borne(scope.conn, scope.versions, list(hashes.values()))
        if len(present) < 2:
            return
        counted = await references.count_by_tokens(scope.conn, scope.versions, present)
        counts = Counter({tuple(kind_of[number] for number in numbers): count for numbers, count in counted.items()})
    _refuse_unlike(ref, hashes, counts)


def _refuse_unlike(ref: Ref, kinds: Iterable[str], counts: Mapping[tuple[str, ...], int]) -> None:
    """Raise ``Ambiguous`` when not all containers are named alike; ``counts`` are of those that the same kinds name."""
    if len(counts) < 2:
        return
    sets: Counter[str] = Counter()
    for named, count in counts.items():
        sets.update(dict.fromkeys(named, count))
    ordered = [kind for kind in kinds if kind in sets]
    raise ProblemError(
        ProblemType.AMBIGUOUS,
        f"{ref.text!r} names different containers as {_listed(ordered)}: "
        + ", ".join(f"{kind}:{ref.value} ({_containers(sets[kind])})" for kind in ordered)
        + "; say which kind",
        candidates=tuple(f"{kind}:{ref.value}" for kind in ordered),
    )


async def _prefix(scope: Scope, ref: Ref, limit: int) -> list[_Match]:
    """Return the containers whose one name of some kind begins with the reference."""
    rows = await references.by_prefix(scope.conn, scope.versions, ref.prefix_kinds, ref.value, limit + 1)
    found, names = _beginning(_read(rows), ref)
    await _refuse_several_names(scope, ref, found, names)
    return found


async def _refuse_several_names(scope: Scope, ref: Ref, found: Sequence[_Match], names: Sequence[str]) -> None:
    """Raise ``Ambiguous`` when several containers have different ones of the names."""
    if len(names) < 2 or len({match.identity for match in found}) < 2:
        return
    total = await references.count_by_prefix(scope.conn, scope.versions, ref.prefix_kinds, ref.value)
    candidates = names[:MAX_CANDIDATES]
    raise ProblemError(
        ProblemType.AMBIGUOUS,
        f"{ref.text!r} is the beginning of several names or IDs{_more(total, len(candidates))}; write more of it",
        candidates=tuple(candidates),
    )


def _beginning(rows: Iterable[tuple[Row, ContainerRow]], ref: Ref) -> tuple[list[_Match], Sequence[str]]:
    """Return the containers whose one name begins with the reference, and these names with their kinds."""
    found = []
    names: dict[str, None] = {}
    for row, container in rows:
        values = {"id": container.container_id, "mount-id": container.mount_id or "", "name": container.name}
        kinds = tuple(kind for kind in ref.prefix_kinds if values[kind].startswith(ref.value))
        if kinds:
            found.append(_Match(row, container, kinds))
            names |= dict.fromkeys(f"{kind}:{values[kind]}" for kind in kinds)
    return found, tuple(names)


def _more(total: references.Count, shown: int) -> str:
    if total.number <= shown:
        return ""
    return f" ({shown} are listed; there are {'at least ' if total.bounded else ''}{total.number - shown} more)"


def _nothing(ref: Ref, scope: Scope) -> str:
    kinds = f"no container has the {ref.kind} {ref.value!r}" if ref.kind else f"nothing here is called {ref.value!r}"
    place = f" on node {scope.node.hostname or scope.node.node}" if scope.node is not None else ""
    when = f" at {scope.at_text}" if scope.at_text is not None else ""
    if scope.coverage.complete:
        return f"{kinds}{place}{when}"
    return f"{kinds}{place}{when}; but not every node is observed ({unobserved(scope.coverage)}), so it may be there"


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _containers(count: int) -> str:
    return "1 container" if count == 1 else f"{count} containers"
