"""What snapshots and deltas have in common: a turn when their node is locked, and what they write at its end."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Final, NamedTuple, TypedDict

import msgspec

from collector.ingest import reading, rules
from collector.ingest.plans import Plan
from collector.ingest.reading import Reading
from collector.store import heartbeats, nodes, write
from collector.store.heartbeats import Note
from collector.store.nodes import Advance, Gap, Moment, Node
from collector.store.write import Change
from collector.store.writer import Call, Writer
from protocol.entries import EntryKey
from protocol.messages import Applied, Delta, Intervals, Kept, Refused, Snapshot
from protocol.statehash import to_text
from protocol.text import clean
from protocol.version import HASH_VERSIONS

_AT_ONCE: Final = 500
"""So many entries are read without giving other requests a turn."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What the collector asks of agents, and after how many seconds without a message a node is silent."""

    intervals: Intervals
    silent_after: float


@dataclass(frozen=True, slots=True)
class Turn:
    """The node is locked, and the message is the next one."""

    node: Node
    moment: Moment
    message: Snapshot | Delta
    digest: bytes


class Listing(TypedDict):
    """What a message says of the last list: columns of ``tables.nodes``."""

    listed_at: datetime | None
    enumerated: dict[str, str]
    complete: list[str]


class Settled(NamedTuple):
    """What becomes of a message: the answer, and what has to be written first."""

    reply: Applied
    change: Change
    advance: Advance
    gaps: list[Call]
    note: Note


def begin(node: Node | None, moment: Moment | None, message: Snapshot | Delta) -> Turn | Applied:
    """Return the message's turn; for one that was applied before, the answer that it had.

    Raises:
        ProblemError: ``hello``, ``resync``: it is not the next one.
    """
    node = rules.check_generation(node, message.generation)
    digest = blake2b(msgspec.json.encode(message), digest_size=32).digest()
    if message.seq == node.last_seq and digest == node.last_digest and node.last_reply is not None:
        return msgspec.json.decode(node.last_reply, type=Applied)
    rules.check_order(node, message)
    if moment is None:
        raise RuntimeError(f"node {node.id} is locked, and there is no moment of it")
    return Turn(node, moment, message, digest)


def settle(
    turn: Turn,
    plan: Plan,
    refused: list[Refused],
    kept: Sequence[tuple[EntryKey, bytes]],
    listing: Listing,
    gaps: list[Gap],
) -> Settled:
    """Return what becomes of the message; ``kept`` are keys and hashes of ``plan.kept``."""
    node, now, message = turn.node, turn.moment.now, turn.message
    state_hash = to_bytes(plan.state_hash)
    reply = Applied(
        seq=message.seq,
        state_hash=to_text(plan.state_hash),
        server_time=now.timestamp(),
        refused=refused,
        kept=[Kept(key, version.hex()) for key, version in kept],
    )
    lost, lost_gaps = rules.lost_since(turn.moment, message)
    return Settled(
        reply,
        Change(node.id, now, plan.endings, plan.openings),
        Advance(
            node_id=node.id,
            seq=message.seq,
            state_hash=state_hash,
            digest=turn.digest,
            reply=msgspec.json.encode(reply),
            now=now,
            problems=[clean(problem) for problem in message.problems],
            **listing,
        ),
        ending_gaps(node, turn.moment, gaps + lost_gaps),
        Note(
            node_id=node.id,
            generation=message.generation,
            seq=message.seq,
            state_hash=state_hash,
            now=now,
            clock=message.clock,
            skew=None,
            lost_events=lost,
        ),
    )


async def finish(writer: Writer, settled: Sequence[Settled]) -> None:
    """Write what these messages change, each of another node, and commit."""
    last = await write.apply(writer, [one.change for one in settled])
    advancing = nodes.advancing([one.advance for one in settled])
    gaps = [call for one in settled for call in one.gaps]
    noting = heartbeats.noting([one.note for one in settled])
    await writer.finish(*last.calls, advancing, *gaps, noting, *last.marking)


def ending_gaps(node: Node, moment: Moment, gaps: list[Gap]) -> list[Call]:
    """Record these gaps, and that of a conflict that is over."""
    peace = []
    if node.conflict_seen is not None and rules.conflict_is_over(node, moment.now):
        gaps = [*gaps, Gap(reason="conflict", after=node.conflict_since, before=node.conflict_seen)]
        peace.append(nodes.ending_conflict(node.id))
    return peace + [nodes.adding_gap(node.id, gap) for gap in gaps]


async def read(raws: Sequence[msgspec.Raw], hash_version: int = HASH_VERSIONS[-1]) -> Reading:
    """Read entries before the node is locked, in the hash version that it very likely has."""
    if len(raws) <= _AT_ONCE:
        return reading.read(raws, hash_version)
    return await asyncio.to_thread(reading.read, raws, hash_version)


async def agreed(fresh: Reading, raws: Sequence[msgspec.Raw], node: Node) -> Reading:
    """Return what was read in the hash version that was agreed with the node."""
    return fresh if node.hash_version == HASH_VERSIONS[-1] else await read(raws, node.hash_version)


def to_bytes(state: int) -> bytes:
    """Return a state hash as the register keeps it."""
    return state.to_bytes(32, "big")
