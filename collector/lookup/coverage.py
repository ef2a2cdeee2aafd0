"""What was observed over a window: for answers about it, and for reports."""

from collector.lookup import observed
from collector.lookup.moments import Window
from collector.store.asking import Asking
from collector.store.read import coverage as facts
from protocol.memory import WindowCoverage


async def over_window(
    conn: Asking, silent_after: float, window: Window, only: frozenset[int] | None = None
) -> WindowCoverage:
    """Return when and why each node was not observed in the window; ``only``: of the nodes with these numbers.

    ``silent_after`` as in ``collector.config.Config``, in seconds.
    """
    known = await facts.known(conn, silent_after, window.since, window.until)
    unresolved = await facts.unresolved(conn, window.since, window.until)
    return observed.over(known, window.since, window.until, unresolved, only)
