"""The coverage of answers about now, looked up once a second however many ask.

Its ``as_of`` says when that was. A node is silent after many seconds without a word; whether one of these is missing
decides nothing.
"""

from time import monotonic
from typing import Final

from collector.store.asking import Asking
from collector.store.read import nodes
from collector.store.read.nodes import Observed

_KEPT: Final = 1.0


class Present:
    """Who is observed now; ``silent_after`` is in seconds."""

    def __init__(self, silent_after: float, kept: float = _KEPT) -> None:
        self._silent_after, self._kept = silent_after, kept
        self._found: Observed | None = None
        self._until = 0.0

    async def coverage(self, conn: Asking) -> Observed:
        """Return the coverage that was true within the last second."""
        if self._found is None or monotonic() >= self._until:
            self._found = await nodes.coverage(conn, self._silent_after)
            self._until = monotonic() + self._kept
        return self._found
