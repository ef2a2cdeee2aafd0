"""Enrolment with a join secret: an agent's token becomes the one that speaks for its node.

The first token of a node is taken at once. While a node has one, another waits for an operator's approval: who knows
the join secret can add a node, but cannot take one over. A token that was revoked never comes back.
"""

from datetime import datetime

import structlog

from collector.errors import ProblemError
from collector.identity import CredentialError, check_prefix
from collector.store import credentials, enrolments
from collector.store.engine import Database
from collector.store.enrolments import Enrolment, Holder
from collector.store.nodes import NodeIdentity
from protocol.enrol import Enrol, Enrolled
from protocol.problems import ProblemType
from protocol.text import clean

_log = structlog.stdlib.get_logger("collector.enrolment")


async def enrol(database: Database, message: Enrol, *, cluster: str, address: str) -> Enrolled:
    """Let the token speak for the node, if it may; ``cluster`` is that of a message that names none.

    Raises:
        ProblemError: ``conflict`` (the node has another token), ``forbidden`` (this one was revoked, or is not its
            own), ``bad-request``, and what the store raises.
    """
    whose = NodeIdentity(message.cluster or cluster, message.node)
    for name, value in (("cluster", whose.cluster), ("node", whose.node)):
        if clean(value) != value:
            raise ProblemError(
                ProblemType.BAD_REQUEST, f"the {name} holds a NUL or half a surrogate", field=f"$.{name}"
            )
    token_hash = bytes.fromhex(message.token_hash)
    async with database.ingest() as connection:
        now = await enrolments.lock(connection, whose)
        outcome = _decide(await enrolments.holders(connection, token_hash, whose), token_hash, whose)
        await enrolments.record(
            connection,
            token_hash,
            whose,
            outcome,
            hostname=clean(message.hostname),
            engine_id=clean(message.engine_id),
            address=address,
        )
        if outcome == "accepted":
            await credentials.add(connection, token_hash, "agent", whose, clean(message.hostname))
    # What was refused is recorded too: the transaction is over before the refusal leaves.
    return _answer(outcome, message, whose, now)


async def waiting(database: Database) -> list[Enrolment]:
    """Return the enrolments that wait for approval, the latest first.

    Raises:
        ProblemError: what the store raises.
    """
    async with database.query() as connection:
        return await enrolments.waiting(connection)


async def approve(database: Database, prefix: str) -> Enrolment:
    """Let a waiting token speak for its node, in place of every other one.

    Raises:
        CredentialError: these first digits of its hash name none, or more than one.
        ProblemError: what the store raises.
    """
    prefix = check_prefix(prefix)
    async with database.ingest() as connection:
        found = await enrolments.named(connection, prefix)
        if len(found) != 1:
            what = "no enrolment that waits" if not found else f"{len(found)} enrolments that wait"
            raise CredentialError(f"{what} can be named {prefix!r}; see `mountbook token waiting`")
        (one,) = found
        whose = NodeIdentity(one.cluster, one.node)
        await enrolments.lock(connection, whose)
        await enrolments.approve(connection, one)
        await credentials.add(connection, one.token_hash, "agent", whose, one.hostname)
    return one


def _decide(holders: list[Holder], token_hash: bytes, whose: NodeIdentity) -> str:
    own = next((holder for holder in holders if holder.token_hash == token_hash), None)
    if own is not None:
        return "refused" if own.revoked or own.role != "agent" or own.node != whose else "accepted"
    return "waiting" if any(not holder.revoked for holder in holders) else "accepted"


def _answer(outcome: str, message: Enrol, whose: NodeIdentity, now: datetime) -> Enrolled:
    told = {"cluster": whose.cluster, "node": whose.node, "hostname": message.hostname}
    if outcome == "accepted":
        _log.info("a node is enrolled", **told)
        return Enrolled(cluster=whose.cluster, node=whose.node, server_time=now.timestamp())
    _log.warning("an enrolment is not accepted", outcome=outcome, **told)
    prefix = message.token_hash[:12]
    if outcome == "waiting":
        raise ProblemError(
            ProblemType.CONFLICT,
            f"node {whose.node} has another token already. If its agent lost its volume, an operator approves this one "
            f"with `mountbook token approve {prefix}`; if not, find out who else has the join secret",
            retry_after=60,
        )
    raise ProblemError(
        ProblemType.FORBIDDEN,
        f"the token {prefix} was revoked, or is not this node's; to enrol the node anew remove its agent's volume",
        retry_after=60,
    )
