"""Deltas of many nodes in one transaction: whatever has come while the last one was written goes together.

A cluster at work sends hundreds of small messages a second. Each in a transaction of its own costs far more in
beginning, planning and committing than in what it changes; so they wait for the transaction before, and no longer.
A message alone is written at once. Each is decided by itself, and answered after the common commit.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from collector.errors import ProblemError
from collector.ingest import plans, rules, turns
from collector.ingest.reading import Reading
from collector.ingest.turns import Listing, Policy, Settled, Turn
from collector.store import nodes, write
from collector.store.engine import Database
from collector.store.nodes import NodeIdentity
from collector.store.write import Held, Name
from collector.store.writer import Writer
from protocol.messages import Applied, Delta
from protocol.problems import ProblemType
from protocol.statehash import to_text

AT_ONCE: Final = 2
"""So many transactions are under way: while PostgreSQL works on one, the next one is decided."""
MOST: Final = 64
"""Most messages of one transaction."""
_MOST_ENTRIES: Final = write.AT_ONCE
"""A transaction takes no further message once its messages name so many entries."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    """A message that waits for its transaction, and its answer."""

    identity: NodeIdentity
    message: Delta
    fresh: Reading
    removes: list[Name]
    answer: "asyncio.Future[Applied]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def names(self) -> set[Name]:
        """What it may change."""
        return {*self.fresh.items, *self.fresh.refused_names, *self.removes}

    def succeed(self, reply: Applied) -> None:
        """Answer that it is applied."""
        if not self.answer.done():
            self.answer.set_result(reply)

    def fail(self, why: Exception) -> None:
        """Answer that it was not applied, and why."""
        if not self.answer.done():
            self.answer.set_exception(why)
            self.answer.exception()  # nobody may be waiting any more


class Deltas:
    """Changes what the register holds of nodes; the cost follows the change, not the node."""

    def __init__(self, database: Database, policy: Policy, at_once: int = AT_ONCE) -> None:
        self._database, self._policy, self.at_once = database, policy, at_once
        self._waiting: list[_Waiting] = []
        self._writing = 0
        self._writers: set[asyncio.Task[None]] = set()

    async def apply(self, identity: NodeIdentity, message: Delta) -> Applied:
        """Apply a delta; returns when it is committed.

        Raises:
            ProblemError: ``hello``, ``resync``, and what the store raises.
        """
        fresh = await turns.read(message.upserts)
        one = _Waiting(identity, message, fresh, [write.name_of(key) for key in message.removes])
        self._waiting.append(one)
        if self._writing < self.at_once:
            self._writing += 1
            writer = asyncio.create_task(self._write(), name="deltas")
            self._writers.add(writer)
            writer.add_done_callback(self._writers.discard)
        return await one.answer

    async def _write(self) -> None:
        try:
            while batch := self._next():
                await self._apply(batch)
        finally:
            # In the same step in which it found nothing: to a task that is only about to end, nothing could be left.
            self._writing -= 1

    async def _apply(self, batch: Sequence[_Waiting]) -> None:
        try:
            await self._together(batch)
        except ProblemError as exc:  # what the store raises, the same for all
            for one in batch:
                one.fail(exc)
        except Exception as exc:
            if len(batch) == 1:
                batch[0].fail(exc)
                return
            # One of them cannot be written; the others can.
            for one in batch:
                if not one.answer.done():
                    await self._apply([one])

    async def _together(self, batch: Sequence[_Waiting]) -> None:
        cluster, names = batch[0].identity.cluster, [one.identity.node for one in batch]
        settled: list[tuple[_Waiting, Settled]] = []
        async with self._database.agents() as writer:
            locked, asked, held = await writer.ask(
                nodes.locking(cluster, *names),
                nodes.asking_moments(cluster, *names),
                write.asking_held_of(cluster, {one.identity.node: one.names for one in batch}),
            )
            known, moments, versions = nodes.locked(locked), nodes.moments(asked), write.held_each(held)
            for one in batch:
                name = one.identity.node
                try:
                    turn = turns.begin(known.get(name), moments.get(name), one.message)
                    if isinstance(turn, Turn):
                        settled.append((one, await self._settle(writer, one, turn, versions.get(name, {}))))
                    else:
                        one.succeed(turn)
                except ProblemError as exc:
                    one.fail(exc)
            if settled:
                await turns.finish(writer, [each for _, each in settled])
        for one, each in settled:
            one.succeed(each.reply)

    async def _settle(self, writer: Writer, one: _Waiting, turn: Turn, held: Mapping[Name, Held]) -> Settled:
        """Decide what becomes of a message.

        Raises:
            ProblemError: ``resync``, it leads to another state than it says.
        """
        node, moment, message = turn.node, turn.moment, one.message
        fresh = await turns.agreed(one.fresh, message.upserts, node)
        base = int.from_bytes(node.state_hash, "big")
        known = rules.knowledge(node, moment)
        plan = plans.plan_delta(fresh, one.removes, held, base, known, at_war=rules.at_war(node, moment))
        if not fresh.refused and not plan.kept and to_text(plan.state_hash) != message.state_hash:
            raise ProblemError(ProblemType.RESYNC, "the delta leads to another state than it says; send a snapshot")
        listed = rules.listed_at(node, moment, message)
        listing = Listing(listed_at=listed, enumerated=node.enumerated, complete=node.complete)
        gaps = rules.gaps_since(moment, self._policy.silent_after)
        if message.kinds:
            listing["enumerated"], listing["complete"], ended = rules.enumerations(node, message, listed, moment)
            gaps += ended
        kept = await write.keys_of(writer, node.id, plan.kept)
        return turns.settle(turn, plan, fresh.refused, kept, listing, gaps)

    def _next(self) -> list[_Waiting]:
        """Take the messages of the next transaction: of one cluster, and no two of one node."""
        batch: list[_Waiting] = []
        left: list[_Waiting] = []
        taken: set[NodeIdentity] = set()
        entries = 0
        for one in self._waiting:
            size = len(one.message.upserts) + len(one.removes)
            fits = not batch or (
                len(batch) < MOST
                and entries + size <= _MOST_ENTRIES
                and one.identity.cluster == batch[0].identity.cluster
                and one.identity not in taken
            )
            if fits:
                batch.append(one)
                entries += size
            else:
                left.append(one)
            taken.add(one.identity)
        self._waiting = left
        return batch
