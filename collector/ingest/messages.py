"""Hello and snapshot: each one transaction, under the lock of its node's row, acknowledged after the commit."""

from dataclasses import dataclass
from typing import Any

import msgspec
import structlog

from collector.errors import ProblemError
from collector.ingest import plans, reading, rules, sums, turns
from collector.ingest.turns import Listing, Policy
from collector.store import heartbeats, nodes, write
from collector.store.engine import Database
from collector.store.heartbeats import Note
from collector.store.nodes import Moment, Node, NodeIdentity
from collector.store.writer import Call, Writer
from protocol.entries import Kind
from protocol.messages import Applied, Hello, HelloReply, Snapshot
from protocol.problems import ProblemType
from protocol.statehash import to_text, total

_log = structlog.stdlib.get_logger("collector.ingest")


async def hello(database: Database, policy: Policy, identity: NodeIdentity, message: Hello) -> HelloReply:
    """Begin a generation of the node's agent, or answer a repeated hello as before.

    Raises:
        ProblemError: ``unsupported``, ``hello``, ``conflict``, ``bad-request``, and what the store raises.
    """
    told = {"hash_version": rules.choose_hash_version(message), **_told(message)}
    async with database.agents() as writer:
        _, locked, asked, hashes = await writer.ask(
            nodes.adding(identity),
            nodes.locking(identity.cluster, identity.node),
            nodes.asking_moments(identity.cluster, identity.node),
            write.asking_hashes(identity),
        )
        node, moment = nodes.known(locked, identity), nodes.moments(asked)[identity.node]
        decision = rules.greet(node, moment, message, policy.silent_after)
        if isinstance(decision, rules.Rival):
            other = {"instance": message.instance, "boot_id": message.boot_id}
            await writer.finish(nodes.recording_conflict(node.id, moment.now, other, decision.former))
            stand = None
        else:
            stand, calls = await _greet(writer, node, moment, decision, told, [digest for (digest,) in hashes])
            lost = moment.lost_events
            if isinstance(decision, rules.NewLife):
                lost, gaps = rules.lost_since(moment, message, anew=True)
                calls += [nodes.adding_gap(node.id, gap) for gap in gaps]
            again = isinstance(decision, rules.Again)
            await writer.finish(*calls, _note(moment, stand, message, lost, again=again))
    if stand is None:
        _report_rival(identity, node, message)
        raise ProblemError(
            ProblemType.CONFLICT,
            f"another agent speaks for node {identity.node}; is its disk a copy, or does an old agent still run?",
            retry_after=rules.CONFLICT_WAIT,
        )
    return HelloReply(
        generation=stand.generation,
        hash_version=stand.hash_version,
        last_seq=stand.seq,
        last_hash=to_text(stand.state),
        intervals=policy.intervals,
        server_time=moment.now.timestamp(),
        incomplete=[kind for kind in Kind if kind not in node.complete],
    )


async def snapshot(database: Database, policy: Policy, identity: NodeIdentity, message: Snapshot) -> Applied:
    """Replace what the register holds of the node.

    Raises:
        ProblemError: ``hello``, ``bad-request`` (the sum is not that of the entries), and what the store raises.
    """
    fresh = await turns.read(message.entries)
    async with database.agents() as writer:
        locked, asked, held = await writer.ask(
            nodes.locking(identity.cluster, identity.node),
            nodes.asking_moments(identity.cluster, identity.node),
            write.asking_held(identity),
        )
        turn = turns.begin(nodes.locked(locked).get(identity.node), nodes.moments(asked).get(identity.node), message)
        if isinstance(turn, Applied):
            return turn
        node, moment = turn.node, turn.moment
        fresh = await turns.agreed(fresh, message.entries, node)
        if not fresh.refused and to_text(fresh.sum) != message.state_hash:
            raise ProblemError(
                ProblemType.BAD_REQUEST,
                f"the entries' state hash is {to_text(fresh.sum)}, not {message.state_hash}; the message is damaged",
                field="$.state_hash",
            )
        peace = not rules.at_war(node, moment)
        removable = [kind for kind, whole in message.kinds.items() if whole and peace]
        known, unlisted = rules.knowledge(node, moment), rules.unlisted(node, moment, message)
        plan = plans.plan_snapshot(fresh, write.held(held), removable, known, unlisted)
        listed = rules.listed_at(node, moment, message)
        enumerated, complete, gaps = rules.enumerations(node, message, listed, moment)
        listing = Listing(listed_at=listed, enumerated=enumerated, complete=complete)
        gaps += rules.gaps_since(moment, policy.silent_after)
        kept = await write.keys_of(writer, node.id, plan.kept)
        settled = turns.settle(turn, plan, fresh.refused, kept, listing, gaps)
        await turns.finish(writer, [settled])
    return settled.reply


@dataclass(frozen=True, slots=True)
class _Stand:
    """Where the register stands for a node."""

    node_id: int
    generation: str
    hash_version: int
    seq: int
    state: int


async def _greet(
    writer: Writer,
    node: Node,
    moment: Moment,
    decision: rules.Again | rules.NewLife,
    told: dict[str, Any],
    hashes: list[bytes],
) -> tuple[_Stand, list[Call]]:
    """Begin a new life, or find where the present one stands; the sum is taken from the ``hashes`` of the rows."""
    state = total(hashes)
    if node.generation and turns.to_bytes(state) != node.state_hash:
        _log.error("the sum of a node's rows is not the one noted", node_id=node.id, rows=len(hashes))
    if isinstance(decision, rules.Again):
        return _Stand(node.id, node.generation, node.hash_version, node.last_seq, state), []
    version = told["hash_version"]
    if hashes and version != node.hash_version:
        state = (await sums.recount(writer, node.id, version)).sum
    columns = {"generation": decision.generation, "former": decision.former, **told}
    greeting = nodes.greeting(node.id, {"now": moment.now, "state_hash": turns.to_bytes(state), **columns})
    stand = _Stand(node.id, decision.generation, version, 0, state)
    return stand, [greeting, *turns.ending_gaps(node, moment, decision.gaps)]


def _note(moment: Moment, stand: _Stand, message: Hello, lost_events: int, *, again: bool) -> Call:
    """Leave where the node stands for the heartbeats that follow."""
    note = Note(
        node_id=stand.node_id,
        generation=stand.generation,
        seq=stand.seq,
        state_hash=turns.to_bytes(stand.state),
        now=moment.now,
        clock=message.clock,
        # One that was answered before may have been under way for long, its clock with it.
        skew=None if again else message.clock - moment.now.timestamp(),
        lost_events=lost_events,
    )
    return heartbeats.noting([note])


def _report_rival(identity: NodeIdentity, node: Node, message: Hello) -> None:
    known = {"cluster": identity.cluster, "node": identity.node, "boot_id": node.boot_id, "other": message.boot_id}
    if message.boot_id == node.boot_id:
        _log.warning("two agents speak for one node", **known)
    else:
        _log.error("security: two machines speak for one node; its disk or its token is a copy", **known)


def _told(message: Hello) -> dict[str, Any]:
    """Return the columns that a hello fills.

    Raises:
        ProblemError: ``bad-request``: a text in it holds NUL.
    """
    if reading.holds_nul(msgspec.json.encode(message), message):
        raise ProblemError(ProblemType.BAD_REQUEST, "a text in the hello holds NUL; leave it out")
    return {
        "hostname": message.engine.hostname,
        "engine_id": message.engine.engine_id,
        "engine": msgspec.to_builtins(message.engine),
        "backends": msgspec.to_builtins(message.backends),
        "agent": message.agent,
        "instance": message.instance,
        "attempt": message.attempt,
        "boot_id": message.boot_id,
    }
