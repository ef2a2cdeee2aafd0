"""Every node that the register knows."""

import msgspec

from collector.lookup import observed
from collector.lookup.scope import scoped
from collector.store.asking import Asking
from collector.store.read import coverage as facts
from collector.store.read import nodes as questions
from protocol.answers import Nodes


async def nodes(conn: Asking, silent_after: float, at: str = "") -> Nodes:
    """Return all nodes with what their agents say, and the coverage.

    Raises:
        ProblemError: ``bad-request``, ``at`` is no time, yet to come, or before the first record.
    """
    if at:
        return await _then(conn, silent_after, at)
    present = await questions.coverage(conn, silent_after)
    return Nodes(
        nodes=await questions.everything(conn, silent_after),
        coverage=present.coverage,
        rosters=await questions.rosters(conn),
    )


async def _then(conn: Asking, silent_after: float, at: str) -> Nodes:
    """Return the nodes as they were at a moment; what their agents said of themselves is that of now."""
    scope = await scoped(conn, silent_after, at=at)
    when = scope.versions.at
    if when is None:
        return await nodes(conn, silent_after)
    known = await facts.known(conn, silent_after, when, when)
    belonged = {(one.cluster, one.node): one.node_id for one in known.nodes if observed.membership(one).holds(when)}
    missing = {(one.cluster, one.node): one for one in scope.coverage.silent}
    counts = await questions.counts(conn, scope.versions)
    rows = []
    for row in await questions.everything(conn, silent_after):
        name = (row.cluster, row.node)
        if name not in belonged:
            continue
        silent = missing.get(name)
        containers, unresolved = counts.get(belonged[name] or 0, (0, 0))
        rows.append(
            msgspec.structs.replace(
                row,
                state=silent.state if silent is not None else "observed",
                since=silent.since if silent is not None else scope.at_text,
                seen=silent.since if silent is not None else scope.at_text,
                containers=containers,
                unresolved=unresolved,
                conflict=silent is not None and silent.reason == "conflict",
                problems=[],
            )
        )
    return Nodes(nodes=rows, coverage=scope.coverage, rosters=[])
