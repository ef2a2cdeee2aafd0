"""Changes as they come: each once, none left out, however late the message is committed that brought it.

No message brings the end of what a superseded node ID had. It is known when the ID has been silent for a while, and
lies before changes that were told already, so that no place is left for it among them: it is told of the past only.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Final

from collector.lookup.changes import Asked, change
from collector.lookup.moments import Window
from collector.lookup.scope import Scope
from collector.store.asking import Asking
from collector.store.read import changes, nodes
from collector.store.read.changes import Mark
from protocol.memory import Change

_PAGE: Final = 1000
_LATE: Final = timedelta(minutes=2)
"""A node that was not known at the beginning may have come so long before, in a transaction that ended later."""
_LONG_AGO: Final = datetime(1, 1, 1, tzinfo=UTC)


class Follower:
    """Where one listener stands, node by node.

    A node's moments never fall and are committed in their order (its row is locked), so that one moment a node says
    exactly what was told already; moments of several nodes may be committed in any order.
    """

    def __init__(self, limits: Asked, scope: Scope) -> None:
        self._limits, self._scope = limits, scope
        self._told: dict[int, datetime] = {}
        self._begin: datetime | None = None

    async def begin(self, since: datetime | None) -> AsyncIterator[Change]:
        """Yield what came after ``since`` (None: nothing), and stand where the scope's state of the register does."""
        conn = self._scope.conn
        self._told = await nodes.moments(conn)
        now = await nodes.now(conn)
        self._begin = now - _LATE
        if since is not None:
            async for one in changes.everything(conn, self._limits.wanted(self._scope, Window(since, now))):
                yield change(one)

    async def more(self, conn: Asking) -> list[Change]:
        """Return what has come since, oldest first."""
        only = self._scope.versions.node_ids
        present = await nodes.moments(conn)
        moved = {
            node_id: at
            for node_id, at in present.items()
            if (only is None or node_id in only) and at > self._told.get(node_id, _LONG_AGO)
        }
        if not moved:
            return []
        least = min(self._told.get(node_id, self._begin or _LONG_AGO) for node_id in moved)
        wanted = changes.Wanted(least, max(moved.values()), self._limits.kinds, frozenset(moved), self._limits.hashes)
        found: list[Change] = []
        after: Mark | None = None
        while page := await changes.page(conn, wanted, after, _PAGE):
            found += [change(one) for one in page if one.mark.at > self._told.get(one.mark.node_id, _LONG_AGO)]
            after = page[-1].mark
        self._told |= moved
        return found
