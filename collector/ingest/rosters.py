"""Rosters: taken only from the agent of a manager, beside the hashed state."""

import msgspec

from collector.errors import ProblemError
from collector.store import rosters
from collector.store.engine import Database
from collector.store.nodes import NodeIdentity
from protocol.problems import ProblemType
from protocol.roster import ROSTER_EVERY, Roster, RosterReply
from protocol.text import clean


async def roster(database: Database, identity: NodeIdentity, message: Roster) -> RosterReply:
    """Keep what a manager knows of its Swarm.

    Raises:
        ProblemError: ``forbidden`` (the node is no manager), ``bad-request``, and what the store raises.
    """
    names = [node.node for node in message.nodes]
    if len(set(names)) != len(names) or identity.node not in names:
        raise ProblemError(
            ProblemType.BAD_REQUEST,
            "a roster names every node once, and its own manager among them",
            field="$.nodes",
        )
    nodes = [_cleaned(msgspec.to_builtins(node)) for node in message.nodes]
    services = [_cleaned(msgspec.to_builtins(service)) for service in message.services]
    async with database.ingest() as connection:
        if not await rosters.is_manager(connection, identity):
            raise ProblemError(
                ProblemType.FORBIDDEN,
                f"node {identity.node} did not say that its engine is a manager; only managers know the roster",
            )
        taken = await rosters.take(
            connection,
            identity,
            version=message.version,
            read_ago=min(max(message.read_ago, 0.0), 3600.0),
            clearly=ROSTER_EVERY,
            nodes=nodes,
            services=services,
        )
        return RosterReply(taken=taken, server_time=await rosters.now(connection))


def _cleaned(fields: dict[str, object]) -> dict[str, object]:
    return {name: clean(value) if isinstance(value, str) else value for name, value in fields.items()}
