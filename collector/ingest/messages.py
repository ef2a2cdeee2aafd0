"""Hello, snapshot and delta: each one transaction, under the lock of its node's row, acknowledged after the commit."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

import msgspec
import structlog

from collector.errors import ProblemError
from collector.ingest import plans, reading, rules, sums
from collector.ingest.plans import Plan
from collector.ingest.reading import Reading
from collector.store import heartbeats, nodes, write
from collector.store.engine import Database
from collector.store.nodes import Gap, Moment, Node, NodeIdentity
from collector.store.wire import Found
from collector.store.writer import Call, Writer
from protocol.entries import Kind
from protocol.messages import Applied, Delta, Hello, HelloReply, Intervals, Kept, Refused, Snapshot
from protocol.problems import ProblemType
from protocol.statehash import to_text, total
from protocol.text import clean
from protocol.version import HASH_VERSIONS

_log = structlog.stdlib.get_logger("collector.ingest")

_AT_ONCE: Final = 500
"""So many entries are read without giving other requests a turn."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What the collector asks of agents, and after how many seconds without a message a node is silent."""

    intervals: Intervals
    silent_after: float


async def hello(database: Database, policy: Policy, identity: NodeIdentity, message: Hello) -> HelloReply:
    """Begin a generation of the node's agent, or answer a repeated hello as before.

    Raises:
        ProblemError: ``unsupported``, ``hello``, ``conflict``, ``bad-request``, and what the store raises.
    """
    told = {"hash_version": rules.choose_hash_version(message), **_told(message)}
    async with database.agents() as writer:
        _, locked, asked, hashes = await writer.ask(
            nodes.adding(identity),
            nodes.locking(identity),
            nodes.asking_moment(identity),
            write.asking_hashes(identity),
        )
        node, moment = nodes.known(locked, identity), nodes.moment(asked)
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
            await writer.finish(*calls, _note(moment, stand, message, lost))
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
    fresh = await _read(message.entries)
    async with _turn(database, identity, message, write.asking_held(identity)) as turn:
        if isinstance(turn, Applied):
            return turn
        node, moment = turn.node, turn.moment
        fresh = await _agreed(fresh, message.entries, node)
        if not fresh.refused and to_text(fresh.sum) != message.state_hash:
            raise ProblemError(
                ProblemType.BAD_REQUEST,
                f"the entries' state hash is {to_text(fresh.sum)}, not {message.state_hash}; the message is damaged",
                field="$.state_hash",
            )
        peace = not rules.at_war(node, moment)
        removable = [kind for kind, whole in message.kinds.items() if whole and peace]
        known, unlisted = rules.knowledge(node, moment), rules.unlisted(node, moment, message)
        plan = plans.plan_snapshot(fresh, write.held(turn.held), removable, known, unlisted)
        listed = rules.listed_at(node, moment, message)
        enumerated, complete, gaps = rules.enumerations(node, message, listed, moment)
        columns = {"listed_at": listed, "enumerated": enumerated, "complete": complete}
        gaps += rules.gaps_since(moment, policy.silent_after)
        return await _apply(turn, fresh.refused, plan, columns, gaps)


async def delta(database: Database, policy: Policy, identity: NodeIdentity, message: Delta) -> Applied:
    """Change what the register holds of the node; the cost follows the change, not the node.

    Raises:
        ProblemError: ``hello``, ``resync``, and what the store raises.
    """
    fresh = await _read(message.upserts)
    removes = [write.name_of(key) for key in message.removes]
    names = {*fresh.items, *fresh.refused_names, *removes}
    async with _turn(database, identity, message, write.asking_held_of(identity, names)) as turn:
        if isinstance(turn, Applied):
            return turn
        node, moment = turn.node, turn.moment
        fresh = await _agreed(fresh, message.upserts, node)
        base = int.from_bytes(node.state_hash, "big")
        at_war = rules.at_war(node, moment)
        known = rules.knowledge(node, moment)
        plan = plans.plan_delta(fresh, removes, write.held(turn.held), base, known, at_war=at_war)
        if not fresh.refused and not plan.kept and to_text(plan.state_hash) != message.state_hash:
            raise ProblemError(ProblemType.RESYNC, "the delta leads to another state than it says; send a snapshot")
        listed = rules.listed_at(node, moment, message)
        columns = {"listed_at": listed, "enumerated": node.enumerated, "complete": node.complete}
        gaps = rules.gaps_since(moment, policy.silent_after)
        if message.kinds:
            columns["enumerated"], columns["complete"], ended = rules.enumerations(node, message, listed, moment)
            gaps += ended
        return await _apply(turn, fresh.refused, plan, columns, gaps)


@dataclass(frozen=True, slots=True)
class _Turn:
    """One message's transaction: the node is locked, and the message is the next one.

    ``held`` are the rows of those versions that it may change.
    """

    writer: Writer
    node: Node
    moment: Moment
    message: Snapshot | Delta
    digest: bytes
    held: Found


@dataclass(frozen=True, slots=True)
class _Stand:
    """Where the register stands for a node."""

    node_id: int
    generation: str
    hash_version: int
    seq: int
    state: int


@asynccontextmanager
async def _turn(
    database: Database, identity: NodeIdentity, message: Snapshot | Delta, asking_held: Call
) -> AsyncIterator[_Turn | Applied]:
    """Begin the transaction of a message; one that was applied before gets the answer that it had."""
    digest = blake2b(msgspec.json.encode(message), digest_size=32).digest()
    async with database.agents() as writer:
        locked, moment, held = await writer.ask(nodes.locking(identity), nodes.asking_moment(identity), asking_held)
        node = rules.check_generation(nodes.locked(locked), message.generation)
        if message.seq == node.last_seq and digest == node.last_digest and node.last_reply is not None:
            yield msgspec.json.decode(node.last_reply, type=Applied)
            return
        rules.check_order(node, message)
        yield _Turn(writer, node, nodes.moment(moment), message, digest, held)


async def _read(raws: Sequence[msgspec.Raw], hash_version: int = HASH_VERSIONS[-1]) -> Reading:
    """Read entries before the node is locked, in the hash version that it very likely has."""
    if len(raws) <= _AT_ONCE:
        return reading.read(raws, hash_version)
    return await asyncio.to_thread(reading.read, raws, hash_version)


async def _agreed(fresh: Reading, raws: Sequence[msgspec.Raw], node: Node) -> Reading:
    """Return what was read in the hash version that was agreed with the node."""
    return fresh if node.hash_version == HASH_VERSIONS[-1] else await _read(raws, node.hash_version)


async def _apply(turn: _Turn, refused: list[Refused], plan: Plan, columns: dict[str, Any], gaps: list[Gap]) -> Applied:
    writer, node, now, message = turn.writer, turn.node, turn.moment.now, turn.message
    kept = await write.keys_of(writer, node.id, plan.kept)
    calls = await write.apply(writer, node.id, now, plan.endings, plan.openings)
    reply = Applied(
        seq=message.seq,
        state_hash=to_text(plan.state_hash),
        server_time=now.timestamp(),
        refused=refused,
        kept=[Kept(key, version.hex()) for key, version in kept],
    )
    applied = {
        "seq": message.seq,
        "state_hash": _bytes(plan.state_hash),
        "digest": turn.digest,
        "reply": msgspec.json.encode(reply),
        "now": now,
        "problems": [clean(problem) for problem in message.problems],
    }
    lost, lost_gaps = rules.lost_since(turn.moment, message)
    calls.append(nodes.advancing(node.id, {**applied, **columns}))
    calls += _ending_gaps(node, turn.moment, gaps + lost_gaps)
    stand = _Stand(node.id, message.generation, node.hash_version, message.seq, plan.state_hash)
    await writer.finish(*calls, _note(turn.moment, stand, message, lost))
    return reply


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
    if node.generation and _bytes(state) != node.state_hash:
        _log.error("the sum of a node's rows is not the one noted", node_id=node.id, rows=len(hashes))
    if isinstance(decision, rules.Again):
        return _Stand(node.id, node.generation, node.hash_version, node.last_seq, state), []
    version = told["hash_version"]
    if hashes and version != node.hash_version:
        state = (await sums.recount(writer, node.id, version)).sum
    columns = {"generation": decision.generation, "former": decision.former, **told}
    greeting = nodes.greeting(node.id, {"now": moment.now, "state_hash": _bytes(state), **columns})
    stand = _Stand(node.id, decision.generation, version, 0, state)
    return stand, [greeting, *_ending_gaps(node, moment, decision.gaps)]


def _ending_gaps(node: Node, moment: Moment, gaps: list[Gap]) -> list[Call]:
    peace = []
    if node.conflict_seen is not None and rules.conflict_is_over(node, moment.now):
        gaps = [*gaps, Gap(reason="conflict", after=node.conflict_since, before=node.conflict_seen)]
        peace.append(nodes.ending_conflict(node.id))
    return peace + [nodes.adding_gap(node.id, gap) for gap in gaps]


def _note(moment: Moment, stand: _Stand, message: Hello | Snapshot | Delta, lost_events: int) -> Call:
    """Leave where the node stands for the heartbeats that follow."""
    greeting = isinstance(message, Hello)
    values = {
        "generation": stand.generation,
        "seq": stand.seq,
        "state_hash": _bytes(stand.state),
        "now": moment.now,
        "listed_at": None,
        "clock": message.clock,
        "skew": message.clock - moment.now.timestamp() if greeting else None,
        "lost_events": lost_events,
    }
    return heartbeats.noting(stand.node_id, values)


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


def _bytes(state: int) -> bytes:
    return state.to_bytes(32, "big")
