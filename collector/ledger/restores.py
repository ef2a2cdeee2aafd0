"""The word that a backup was restored: what checkpoints say of entries that are gone since is excused, not hidden."""

from collections.abc import Sequence

import msgspec

from collector.errors import CollectorError
from collector.ledger import vouched
from collector.ledger.checkpoints import Checkpoint, Read
from collector.ledger.signing import SigningKey
from collector.ledger.vouched import Restore
from collector.store import ledger
from collector.store.engine import Connection, Database
from collector.store.ledger import AuditKind
from protocol.times import to_text


class RestoreError(CollectorError):
    """There is nothing to be excused."""


async def say(database: Database, key: SigningKey, given: Sequence[Read], by: str, reason: str) -> Restore:
    """Note that a backup was restored, signed; return what it excuses.

    Raises:
        RestoreError: the audit log holds everything that the checkpoints say.
        ProblemError: what the store raises.
    """
    async with database.query() as connection:
        head = await ledger.head(connection)
        register = str(head.register)
        told = await ledger.of_kind(connection, AuditKind.RESTORE)
        known = vouched.restores(told, key.public, register)
        witnesses = [
            one.checkpoint
            for one in given
            if one.checkpoint is not None
            and one.checkpoint.register == register
            and one.checkpoint.holds(key.public)
            and not any(restore.excuses(one.checkpoint.seq, one.checkpoint.at) for restore in known)
        ]
        first = await ledger.first(connection)
        broken = [one.seq for one in witnesses if one.seq >= first and not await _agrees(connection, one)]
        if not broken:
            raise RestoreError(
                f"the audit log of register {register} holds what all {len(witnesses)} checkpoints say: nothing is gone"
            )
        agreeing = [one.seq for one in witnesses if one.seq < min(broken)]
        now = await ledger.now_or_later(connection, head.chained_at)
    restore = Restore(
        register=register,
        first=max(agreeing, default=0) + 1,
        last=max(broken),
        by=by,
        reason=reason,
        at=to_text(now),
    )
    signed = vouched.sign_restore(restore, key)
    async with database.ingest() as connection:
        await ledger.note(connection, AuditKind.RESTORE, msgspec.to_builtins(signed))
    return signed


async def _agrees(connection: Connection, one: Checkpoint) -> bool:
    found = await ledger.hash_of(connection, one.seq)
    return one.seq == 0 or (found is not None and found.hex() == one.hash)
