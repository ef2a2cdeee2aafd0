"""What stands on an image layer: the layers above it, so that a list can be limited to the containers on any."""

from dataclasses import replace
from typing import Final

from collector.errors import ProblemError
from collector.lookup.filters import Filters
from collector.lookup.scope import Scope
from collector.store.keys import hash_token, token
from collector.store.read import chains
from protocol.problems import ProblemType

LAYER: Final = "layer"
"""What a filter names that means a layer and everything above it."""
_MOST: Final = 20_000


async def expand(scope: Scope, filters: Filters) -> Filters:
    """Return the filters with every layer replaced by it and the layers above: a container names only its uppermost.

    Raises:
        ProblemError: ``bad-request``, too many layers stand on one.
    """
    groups = []
    for group in filters.tokens:
        wanted = {value for kind, value in group if kind == LAYER}
        others = [pair for pair in group if pair[0] != LAYER]
        above = await _above(scope, wanted) if wanted else set()
        groups.append((*others, *(("chain", chain) for chain in sorted(above))))
    return replace(filters, tokens=tuple(groups))


async def _above(scope: Scope, layers: set[str]) -> set[str]:
    """Return these layers and all that stand on them; what a layer holds decides its name, so nodes agree on it."""
    found = set(layers)
    newest = found
    while newest:
        parents = sorted(hash_token(token("parent", chain)) for chain in newest)
        newest = await chains.standing_on(scope.conn, scope.versions, parents, newest) - found
        found |= newest
        if len(found) > _MOST:
            raise ProblemError(
                ProblemType.BAD_REQUEST,
                f"more than {_MOST} layers stand on this one; name one above it",
                field="filter",
            )
    return found
