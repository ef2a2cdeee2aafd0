"""Lists: pages of rows as the database wrote them, or all of them in one stream."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from collector.lookup import cursors
from collector.lookup.filters import Filters
from collector.lookup.scope import Scope
from collector.lookup.standing import expand
from collector.store.keys import hash_token, token
from collector.store.read import lists
from collector.store.read.lists import Conditions
from protocol.entries import Kind


@dataclass(frozen=True, slots=True)
class Page:
    """Rows as JSON, and the cursor of the page that follows (``None``: this was the last)."""

    rows: list[bytes]
    next: str | None


async def page(scope: Scope, kind: Kind, filters: Filters, limit: int, cursor: str) -> Page:
    """Return a page of the entries of this kind, in the order of node, data root and key.

    Raises:
        ProblemError: ``bad-request``, the cursor is not one of this question's.
    """
    question = cursors.fingerprint([kind.value, *filters.question, scope.question])
    after = cursors.decode(cursor, question) if cursor else None
    if after is not None:
        scope = scope.pinned(after)
    position = after.position if after is not None else None
    wanted = await conditions(scope, filters)
    rows = await lists.page(scope.conn, scope.versions, kind, wanted, position=position, limit=limit + 1)
    more = len(rows) > limit
    rows = rows[:limit]
    return Page(
        [row.json for row in rows], cursors.encode(rows[-1].position, scope.versions.at, question) if more else None
    )


async def everything(scope: Scope, kind: Kind, filters: Filters) -> AsyncIterator[bytes]:
    """Yield all entries of this kind as JSON, in no order, through a cursor of the database."""
    wanted = await conditions(scope, filters)
    async for row in lists.everything(scope.conn, scope.versions, kind, wanted):
        yield row


async def conditions(scope: Scope, filters: Filters) -> Conditions:
    """Return filters as the store takes them.

    Raises:
        ProblemError: as ``standing.expand``.
    """
    filters = await expand(scope, filters)
    return Conditions(
        tokens=tuple(tuple(hash_token(token(what, value)) for what, value in group) for group in filters.tokens),
        fields=filters.fields,
        drivers=filters.drivers,
        names=filters.names,
    )
