"""Whose a path is: the nearest owner on every node where the path means something."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from collector.errors import ProblemError
from collector.lookup import users
from collector.lookup.former import former
from collector.lookup.holders import Holder, Index, rank, reach
from collector.lookup.owners import backend, owner
from collector.lookup.paths import HostPath, normalise
from collector.lookup.scope import Scope, unobserved
from collector.store.keys import hash_path, hash_token, token
from collector.store.read import places
from protocol.answers import Owner, Whose, WhoseAnswer
from protocol.entries import Kind
from protocol.problems import ProblemType

MAX_PATHS: Final = 1000
"""Most paths of one question."""
MAX_OWNERS: Final = 1000
"""Most owners listed for one path."""
MAX_ALSO: Final = 100
"""Most farther ancestors listed for one path."""


async def whose(scope: Scope, paths: Sequence[str]) -> WhoseAnswer:
    """Return who owns each path; a path that nobody owns has an answer without owners, but with who owned it last.

    Raises:
        ProblemError: ``bad-request``, there are too many paths, one of them is no path, or together they mean too much.
    """
    if not 1 <= len(paths) <= MAX_PATHS:
        raise ProblemError(
            ProblemType.BAD_REQUEST,
            f"{len(paths)} paths were given; give 1 to {MAX_PATHS} in one question",
            field="paths",
        )
    asked = [normalise(path) for path in paths]
    own, binds = await _at_once(scope, asked) or await _in_turn(scope, asked)
    roots = await places.roots(scope.conn, sorted({bind.found.node_id for holders in binds for bind in holders}))
    ranked = [rank(path, near, far, roots) for path, near, far in zip(asked, own, binds, strict=True)]
    listed = [(near[:MAX_OWNERS], also[:MAX_ALSO]) for near, also in ranked]
    used = await users.of(scope, [holder.found for near, also in listed for holder in (*near, *also)])

    def shown(holders: Sequence[Holder]) -> list[Owner]:
        return [owner(one.found, one.place, one.rest, used[one.found.identity]) for one in holders]

    own_directories = await _backends(scope, asked, ranked)
    nobodys = [
        path for path, (near, _) in zip(asked, ranked, strict=True) if not near and not own_directories.get(path.text)
    ]
    before = dict(zip(nobodys, await former(scope, nobodys), strict=True))
    answers = [
        Whose(
            path=text,
            owners=shown(near) or own_directories[regular.text][:MAX_OWNERS],
            owners_total=len(all_near) or len(own_directories[regular.text]),
            also_visible=shown(also),
            also_visible_total=len(all_also),
            former=before.get(regular, []),
            at=scope.at_text,
        )
        for text, regular, (all_near, all_also), (near, also) in zip(paths, asked, ranked, listed, strict=True)
    ]
    return WhoseAnswer(answers=answers, coverage=scope.coverage)


async def _backends(
    scope: Scope, asked: Sequence[HostPath], ranked: Sequence[tuple[list[Holder], list[Holder]]]
) -> dict[str, list[Owner]]:
    """Return, for paths that no entry owns, the storage backends whose own directory they are."""
    unowned = sorted({path.text for path, (near, _) in zip(asked, ranked, strict=True) if path.absolute and not near})
    found: dict[str, list[Owner]] = defaultdict(list)
    if unowned:
        rows = await places.backend_directories(scope.conn, scope.versions.node_ids, unowned, places.MAX_FOUND)
        for row in rows:
            found[row.path].append(backend(row))
    return found


async def _at_once(scope: Scope, asked: Sequence[HostPath]) -> tuple[list[list[Holder]], list[list[Holder]]] | None:
    """Return what holds one path now, and the binds that do; ``None``: it takes more than a look."""
    path = asked[0]
    if len(asked) > 1 or not path.absolute or scope.versions.at is not None:
        return None
    found = await places.around(scope.conn, scope.versions, path.ancestors())
    own = [one for one in found if one.entry.KIND is not Kind.BIND]
    holders = Index(own).holders(path)
    if len(holders) < len(own):  # a hash is that of another path, too: it decided which binds are near
        return None
    return [holders], [Index(one for one in found if one.entry.KIND is Kind.BIND).holders(path)]


async def _in_turn(scope: Scope, asked: Sequence[HostPath]) -> tuple[list[list[Holder]], list[list[Holder]]]:
    own = await _owned(scope, asked)
    return own, await _bound(scope, asked, own)


async def _owned(scope: Scope, asked: Sequence[HostPath]) -> list[list[Holder]]:
    """Return, per path, everything but binds that holds it."""
    hashes = {hash_path(ancestor) for path in asked for ancestor in path.ancestors()}
    names = {hash_token(token("dir", part)) for path in asked if not path.absolute for part in path.parts}
    rows = await places.holding(scope.conn, scope.versions, sorted(hashes), sorted(names))
    index = Index(rows)
    return [index.holders(path) for path in asked]


async def _bound(scope: Scope, asked: Sequence[HostPath], own: Sequence[Sequence[Holder]]) -> list[list[Holder]]:
    """Return, per path, the binds that hold it.

    Binds above an owner are of interest on the owner's node only (every agent may bind ``/``); those as close as the
    owner, and all of a path that nothing owns, on every node.
    """
    near: set[int] = set()
    far: set[int] = set()
    for path, holders in zip(asked, own, strict=True):
        if path.absolute:
            least = reach(holders)
            for ancestor in path.ancestors():
                (near if len(ancestor) >= least else far).add(hash_path(ancestor))
    nodes = {holder.found.node_id for holders in own for holder in holders}
    index = Index(
        await places.binds(scope.conn, (scope.versions, sorted(near)), (scope.versions.within(nodes), sorted(far)))
    )
    return [index.holders(path) for path in asked]


def nobody(answer: WhoseAnswer) -> str:
    """Return the sentence about a path that nobody owns."""
    asked = answer.answers[0]
    text = f"nobody owns {asked.path}"
    if asked.also_visible:
        text += f"; it is visible through {asked.also_visible[0].sentence}"
    if answer.coverage.complete:
        return text
    return f"{text}; but not every node is observed ({unobserved(answer.coverage)}), so somebody there may"
