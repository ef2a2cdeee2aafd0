"""Which of the entries found hold a path, how closely, and which of them owns it; pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from collector.lookup.paths import HostPath, below
from collector.store.read.found import Found, Identity
from protocol.entries import Bind, Place


@dataclass(frozen=True, slots=True)
class Holder:
    """An entry with the place of it that holds a path, and the rest of the path below that place."""

    found: Found
    place: Place
    rest: str


class Index:
    """Entries by the last part of their places' paths, so that a thousand paths are matched in one pass."""

    def __init__(self, rows: Iterable[Found]) -> None:
        places: dict[str, dict[tuple[Identity, str], tuple[Found, Place]]] = defaultdict(dict)
        for found in rows:
            for place in found.entry.paths:
                places[place.path.rpartition("/")[2]][(found.identity, place.path)] = (found, place)
        self._places = {name: list(named.values()) for name, named in places.items()}

    def holders(self, path: HostPath) -> list[Holder]:
        """Return every entry that holds the path, nearest first, each with its own nearest place."""
        best: dict[Identity, Holder] = {}
        for name in dict.fromkeys((*reversed(path.parts), "")):
            for found, place in self._places.get(name, ()):
                rest = below(place.path, path)
                known = best.get(found.identity)
                if rest is not None and (known is None or len(rest) < len(known.rest)):
                    best[found.identity] = Holder(found, place, rest)
        return sorted(best.values(), key=lambda holder: (len(holder.rest), holder.found.identity))


def deep(ancestor: str, holders: Sequence[Holder]) -> bool:
    """Whether ``ancestor`` is at least as close to the path as the place of some holder."""
    return len(ancestor) >= reach(holders)


def reach(holders: Sequence[Holder]) -> int:
    """Return how long an ancestor of the path is at the least that is as close to it as the place of some holder."""
    return min((len(holder.place.path) for holder in _nearest(holders)), default=0)


def rank(
    path: HostPath, own: Sequence[Holder], binds: Sequence[Holder], roots: Mapping[int, Sequence[str]]
) -> tuple[list[Holder], list[Holder]]:
    """Divide what holds a path into its owners and those that merely see it; both nearest first.

    Per node the nearest holder owns, several if they are equally near; a bind owns only where nothing else does, and
    only if it is not further away than the owner on another node. What lies in a data root is the engine's: a bind of
    a directory above that root never owns it.

    Args:
        path: the path asked about.
        own: everything but binds that holds it.
        binds: the binds that hold it.
        roots: the data roots of each node.
    """
    owners = _nearest(own)
    owned = {holder.found.node_id for holder in owners}
    chosen = {id(holder) for holder in owners}
    also = [holder for holder in own if id(holder) not in chosen]
    claims: list[Holder] = []
    for bind in binds:
        if bind.found.node_id in owned:
            also.append(bind)
        elif deep(bind.place.path, owners):
            (also if _above_root(bind, path, roots) else claims).append(bind)
    claiming = _nearest(claims)
    chosen = {id(holder) for holder in claiming}
    also += [bind for bind in claims if id(bind) not in chosen]
    return [*owners, *claiming], sorted(also, key=lambda holder: (len(holder.rest), holder.found.identity))


def _nearest(holders: Sequence[Holder]) -> list[Holder]:
    """Return the holders that no other of the same node is nearer than."""
    least: dict[int, int] = {}
    for holder in holders:
        node_id = holder.found.node_id
        least[node_id] = min(least.get(node_id, len(holder.rest)), len(holder.rest))
    return [holder for holder in holders if len(holder.rest) == least[holder.found.node_id]]


def _above_root(bind: Holder, path: HostPath, roots: Mapping[int, Sequence[str]]) -> bool:
    if not isinstance(bind.found.entry, Bind):
        return False
    source = HostPath(True, tuple(part for part in bind.place.path.split("/") if part))
    for root in roots.get(bind.found.node_id, ()):
        inside = below(root, path)
        if (
            inside is not None
            and below(source.text, HostPath(True, tuple(p for p in root.split("/") if p))) is not None
        ):
            return True
    return False
