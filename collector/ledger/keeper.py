"""The job that chains what is noted, and signs where the chain stands."""

import asyncio
import contextlib
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Final

import structlog

from collector.errors import ProblemError
from collector.ledger import chain, checkpoints, signing, vouched
from collector.ledger.checkpoints import Checkpoint, CheckpointError, CheckpointFile
from collector.ledger.signing import SigningKey
from collector.store import ledger
from collector.store.engine import Database
from collector.store.ledger import AuditKind, Head

CHECKPOINT_EVERY: Final = 30.0
"""Seconds between two checkpoints: what is older than a minute is covered also when one fails."""

_EVERY: Final = 1.0
_OVERDUE: Final = 90.0
_RETRY: Final = 5.0
_log = structlog.stdlib.get_logger("collector.ledger")


@dataclass(frozen=True, slots=True)
class Notary:
    """With what checkpoints are signed, and where they are kept; without a file they are log lines only."""

    key: SigningKey
    file: CheckpointFile | None = None


def make_notary(key: str, directory: str) -> Notary | None:
    """Return with what to sign (64 hex digits), and where to keep it; None without a key.

    Raises:
        SigningKeyError: the key is none.
        CheckpointError: there is a directory, but no key, or checkpoints cannot be kept there.
    """
    if not key:
        if directory:
            raise CheckpointError(
                "MOUNTBOOK_CHECKPOINTS is set, but there is nothing to sign with; set MOUNTBOOK_SIGNING_KEY_FILE too"
            )
        _log.warning("the audit log is chained, but not signed: MOUNTBOOK_SIGNING_KEY_FILE is not set")
        return None
    notary = Notary(signing.key_of(key, "MOUNTBOOK_SIGNING_KEY_FILE"))
    if directory:
        file = CheckpointFile(Path(directory))
        file.check()
        notary = Notary(notary.key, file)
    _log.info("checkpoints are signed", key=notary.key.public.text, directory=directory or None)
    return notary


class Keeper:
    """Chains, and signs; without a notary it only chains.

    ``checkpoint`` is the newest one that is on the disk, ``set_back`` whether the register was found set back.
    """

    def __init__(self, database: Database, notary: Notary | None) -> None:
        self.checkpoint: Checkpoint | None = None
        self.set_back = False
        self._database, self._notary = database, notary
        self._signed_at: float | None = None
        self._next = 0.0
        self._compared = False

    @property
    def key(self) -> str | None:
        """The public key that checkpoints are signed with; None: they are not."""
        return None if self._notary is None else self._notary.key.public.text

    @property
    def signing(self) -> SigningKey | None:
        """The key itself, for what else the collector vouches for; None: there is none."""
        return None if self._notary is None else self._notary.key

    @property
    def age(self) -> float | None:
        """Seconds since the last checkpoint; None before the first."""
        return None if self._signed_at is None else monotonic() - self._signed_at

    def alerts(self) -> list[str]:
        """Return in sentences what is wrong with the audit log."""
        found = []
        if self.set_back:
            found.append("the audit log does not hold what a checkpoint says; `mountbook verify` names the place")
        if self.age is not None and self.age > _OVERDUE:
            found.append(f"no checkpoint of the audit log was kept for {self.age:.0f} s; the collector's log says why")
        return found

    async def run(self, stopping: asyncio.Event) -> None:
        """Chain every second and sign twice a minute until ``stopping`` is set; then once more."""
        while not stopping.is_set():
            pause = await self._turn(sign=monotonic() >= self._next)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), pause)
        await self._turn(sign=True)

    async def _turn(self, *, sign: bool) -> float:
        try:
            while await chain.extend(self._database) == ledger.BATCH:
                pass
            if sign and self._notary is not None:
                self._next = monotonic() + CHECKPOINT_EVERY
                await self._sign(self._notary)
        except ProblemError as exc:
            _log.warning("the audit log could not be continued", why=exc.detail)
            return _RETRY
        except CheckpointError as exc:
            _log.error("no checkpoint was kept", why=str(exc))
            self._next = monotonic() + _RETRY
        return _EVERY

    async def _sign(self, notary: Notary) -> None:
        async with self._database.query() as connection:
            head = await ledger.head(connection)
            now = await ledger.now_or_later(connection, head.chained_at)
        await self._compare(notary, head)
        made = checkpoints.make(head, now, notary.key)
        if notary.file is not None:
            await asyncio.to_thread(notary.file.append, made)
        self.checkpoint, self._signed_at = made, monotonic()
        _log.info("checkpoint", seq=made.seq, hash=made.hash, register=made.register, signature=made.signature)

    async def _compare(self, notary: Notary, head: Head) -> None:
        """Look whether the chain still leads through the last checkpoint; one that does not was set back."""
        before = self.checkpoint
        if not self._compared and notary.file is not None:
            before = await asyncio.to_thread(notary.file.newest, str(head.register))
        self._compared = True
        if before is None or before.seq == 0 or before.register != str(head.register):
            return
        async with self._database.query() as connection:
            found = await ledger.hash_of(connection, before.seq)
        if found is not None and found.hex() == before.hash:
            return
        if await self._explained(notary, before):
            return
        self.set_back = True
        _log.error(
            "the audit log was set back: it does not hold what a checkpoint says. If a backup was restored, say so "
            "with `mountbook restored`; if not, somebody changed the database",
            checkpoint=before.seq,
            of=before.at,
            present=head.seq,
        )
        async with self._database.ingest() as connection:
            await ledger.note(
                connection,
                AuditKind.SET_BACK,
                {"checkpoint": before.seq, "hash": before.hash, "of": before.at, "head": head.seq},
            )

    async def _explained(self, notary: Notary, before: Checkpoint) -> bool:
        """Whether the entry went with a month that retention dropped, or somebody said that a backup was restored."""
        async with self._database.query() as connection:
            if before.seq < await ledger.first(connection):
                return True
            told = await ledger.of_kind(connection, AuditKind.RESTORE)
        restores = vouched.restores(told, notary.key.public, before.register)
        return any(one.excuses(before.seq, before.at) for one in restores)
