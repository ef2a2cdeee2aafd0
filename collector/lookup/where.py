"""Where a container keeps its files: from a reference to containers."""

from collections import defaultdict
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
    found = await _exact(scope, ref, limit, after)
    exact = bool(found) or after is not None
    if not exact and ref.prefix_kinds:
        found = await _prefix(scope, ref, limit)
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


async def _exact(scope: Scope, ref: Ref, limit: int, after: Cursor | None) -> list[_Match]:
    """Return up to ``limit + 1`` containers that bear the whole reference as a name of some kind."""
    wanted = {kind: token(kind, ref.value) for kind in ref.exact_kinds}
    hashes = {kind: hash_token(text) for kind, text in wanted.items()}
    rows = await references.by_tokens(
        scope.conn, scope.versions, list(hashes.values()), after.position if after is not None else None, limit + 1
    )
    found = _verified(rows, wanted)
    if len(wanted) > 1 and found and after is None:
        await _refuse_several_kinds(scope, ref, hashes, found, complete=len(rows) <= limit)
    return found


def _verified(rows: Iterable[Row], wanted: Mapping[str, str]) -> list[_Match]:
    """Keep the rows whose own text bears a wanted token: hashes may collide."""
    found = []
    for row in rows:
        container = _DECODER.decode(row.json)
        borne = set(container_tokens(container))
        if kinds := tuple(kind for kind, text in wanted.items() if text in borne):
            found.append(_Match(row, container, kinds))
    return found


async def _refuse_several_kinds(
    scope: Scope, ref: Ref, hashes: Mapping[str, int], found: Sequence[_Match], *, complete: bool
) -> None:
    """Raise ``Ambiguous`` when the kinds name different sets of containers."""
    sets: dict[str, int] = defaultdict(int)
    if complete:
        together = {match.kinds for match in found}
        for kinds in {match.identity: match.kinds for match in found}.values():
            for kind in kinds:
                sets[kind] += 1
    else:
        kind_of = {number: kind for kind, number in hashes.items()}
        # To look for one container of each kind costs nothing; to count the containers of a large group does.
        present = await references.borne(scope.conn, scope.versions, list(hashes.values()))
        if len(present) < 2:
            return
        counted = await references.count_by_tokens(scope.conn, scope.versions, present)
        together = {tuple(kind_of[number] for number in numbers) for numbers in counted}
        for numbers, count in counted.items():
            for number in numbers:
                sets[kind_of[number]] += count
    if len(together) < 2:
        return
    ordered = [kind for kind in hashes if kind in sets]
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
    found = []
    names: dict[str, None] = {}
    for row in rows:
        container = _DECODER.decode(row.json)
        values = {"id": container.container_id, "mount-id": container.mount_id or "", "name": container.name}
        kinds = tuple(kind for kind in ref.prefix_kinds if values[kind].startswith(ref.value))
        if kinds:
            found.append(_Match(row, container, kinds))
            names |= dict.fromkeys(f"{kind}:{values[kind]}" for kind in kinds)
    if len(names) > 1 and len({match.identity for match in found}) > 1:
        total = await references.count_by_prefix(scope.conn, scope.versions, ref.prefix_kinds, ref.value)
        candidates = tuple(names)[:MAX_CANDIDATES]
        raise ProblemError(
            ProblemType.AMBIGUOUS,
            f"{ref.text!r} is the beginning of several names or IDs{_more(total, len(candidates))}; write more of it",
            candidates=candidates,
        )
    return found


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
