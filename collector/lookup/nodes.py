"""Every node that the register knows."""

from collector.store.engine import Connection
from collector.store.read import nodes as questions
from protocol.answers import Nodes


async def nodes(conn: Connection, silent_after: float) -> Nodes:
    """Return all nodes with what their agents say, and the coverage."""
    observed = await questions.coverage(conn, silent_after)
    return Nodes(
        nodes=await questions.everything(conn, silent_after),
        coverage=observed.coverage,
        rosters=await questions.rosters(conn),
    )
