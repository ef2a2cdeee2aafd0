"""State hashes taken from the rows again: when hello agrees on another hash version, and of every node once a day.

Every message changes the sum by what it changes. Should rows and sum ever part, by a damaged disk or an operator's
hand, no message would show it: so the sum is taken from the rows at every hello, and daily from the documents
themselves. One that was wrong is replaced; the agent's next heartbeat is then answered ``resync``, and its snapshot
puts the rows right.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import structlog

from collector.errors import ProblemError
from collector.store import nodes, sums
from collector.store.engine import Database
from collector.store.nodes import NodeIdentity
from collector.store.sums import Document
from collector.store.writer import Writer
from protocol.entries import Entry
from protocol.statehash import entry_hash, shift

DAY: Final = 86_400.0
_LEAST_PAUSE: Final = 1.0
_RETRY: Final = 30.0
_DECODER: Final = msgspec.json.Decoder(Entry)
_log = structlog.stdlib.get_logger("collector.ingest.sums")


@dataclass(frozen=True, slots=True)
class Recount:
    """The sum of a node's rows, how many there are, and how many had another hash than their document."""

    sum: int
    rows: int
    wrong: int


async def recount(writer: Writer, node_id: int, version: int) -> Recount:
    """Hash every current row of a node again, and replace hashes that are others; the node is locked."""
    total, rows, wrong = 0, 0, 0
    last: Document | None = None
    while batch := await sums.documents(writer, node_id, last):
        hashes = await asyncio.to_thread(_hashes, batch, version)
        changed = [(row, digest) for row, digest in zip(batch, hashes, strict=True) if row.hash != digest]
        await sums.set_hashes(writer, node_id, changed)
        total = shift(total, added=hashes)
        rows, wrong, last = rows + len(batch), wrong + len(changed), batch[-1]
    return Recount(total, rows, wrong)


def _hashes(batch: Sequence[Document], version: int) -> list[bytes]:
    return [entry_hash(_DECODER.decode(row.entry), version) for row in batch]


async def check(database: Database, identity: NodeIdentity) -> bool:
    """Take a node's sum from its documents; return whether it was right. A wrong one is replaced.

    Raises:
        ProblemError: what the store raises.
    """
    async with database.agents() as writer:
        node = await nodes.lock(writer, identity)
        if node is None or not node.generation:
            return True
        found = await recount(writer, node.id, node.hash_version)
        state = found.sum.to_bytes(32, "big")
        if state == node.state_hash:
            await writer.finish()  # hashes of damaged rows were put right on the way
            return True
        await writer.finish(*sums.setting_sum(node.id, state))
    _log.error(
        "a node's rows are not what was acknowledged; its agent is asked for a snapshot",
        cluster=identity.cluster,
        node=identity.node,
        rows=found.rows,
        damaged=found.wrong,
    )
    return False


class DailySums:
    """The job that takes every node's sum once in ``every`` seconds, one node after the other, evenly.

    It begins anywhere, so that a collector that starts every hour still comes to every node. ``checked`` and ``wrong``
    are for the metrics.
    """

    def __init__(self, database: Database, every: float = DAY) -> None:
        self.checked = 0
        self.wrong = 0
        self._database, self._every = database, every

    async def run(self, stopping: asyncio.Event) -> None:
        """Check until ``stopping`` is set; a database that is away is tried again."""
        while not stopping.is_set():
            try:
                async with self._database.query() as connection:
                    known = await sums.identities(connection)
            except ProblemError as exc:
                _log.warning("the sums of the nodes cannot be taken", why=exc.detail)
                await _pause(stopping, _RETRY)
                continue
            first = secrets.randbelow(len(known)) if known else 0
            pause = max(_LEAST_PAUSE, self._every / max(1, len(known)))
            for identity in known[first:] + known[:first]:
                await _pause(stopping, pause)
                if stopping.is_set():
                    return
                await self._check(identity)
            if not known:
                await _pause(stopping, _RETRY)

    async def _check(self, identity: NodeIdentity) -> None:
        try:
            right = await check(self._database, identity)
        except ProblemError as exc:
            _log.warning("the sum of a node cannot be taken", node=identity.node, why=exc.detail)
            return
        self.checked += 1
        self.wrong += not right


async def _pause(stopping: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)
