"""How the audit log is chained: each entry's hash takes in the one before.

The hash of an entry is the SHA-256 of, one behind the other: the hash of the entry before (32 zero bytes before the
first), its number, the time at which it was chained and the time at which it happened (each a big-endian signed
64-bit integer; times in microseconds since 1970), the length of its kind in UTF-8 bytes (32 bits, big-endian), its
kind, and its body, to the end. ``docs/security.md`` says the same to who wants to write another verifier.
"""

import struct
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final

from collector.store import ledger
from collector.store.engine import Database
from collector.store.ledger import Noted

START: Final = bytes(32)
"""What stands for the hash before the first entry."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_HEAD: Final = struct.Struct(">qqqI")


def link_hash(before: bytes, seq: int, chained_at: int, at: int, kind: str, body: str) -> bytes:
    """Return the hash of an entry; times are in microseconds since 1970."""
    name = kind.encode()
    return sha256(before + _HEAD.pack(seq, chained_at, at, len(name)) + name + body.encode()).digest()


def microseconds(when: datetime) -> int:
    """Return a time as it is hashed."""
    return (when - _EPOCH) // _MICROSECOND


def hashes(before: bytes, first: int, now: datetime, noted: Sequence[Noted]) -> list[bytes]:
    """Return the hashes of entries that are chained at ``now``, the first one as number ``first``."""
    chained_at = microseconds(now)
    found = []
    for seq, one in enumerate(noted, first):
        before = link_hash(before, seq, chained_at, microseconds(one.at), one.kind, one.body)
        found.append(before)
    return found


async def extend(database: Database) -> int:
    """Chain what is noted, up to one batch; return how many entries.

    None are when another writer is at it. One transaction: after a crash what was noted is there still.

    Raises:
        ProblemError: what the store raises.
    """
    async with database.ingest() as connection:
        head = await ledger.lock_head(connection)
        noted = await ledger.waiting(connection) if head is not None else []
        if head is None or not noted:
            return 0
        now = await ledger.now_or_later(connection, head.chained_at)
        chained = hashes(head.hash, head.seq + 1, now, noted)
        await ledger.append(connection, noted, head.seq + 1, chained, now)
    return len(noted)
