"""``mountbook verify``: the audit log from a collector or from its database, compared with checkpoints."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from collector.errors import CollectorError
from collector.ledger import checkpoints, reading, signing
from collector.ledger.checkpoints import Read
from collector.ledger.signing import PublicKey
from collector.ledger.verify import Known, Verifier
from collector.store.engine import Database
from collector.store.ledger import Link
from mountbook.errors import UserError
from mountbook.local import datadir, register
from mountbook.local.tokens import with_database
from protocol.audit import AuditEntry

if TYPE_CHECKING:
    from mountbook.client import Client

Progress = Callable[[str], None]

_TOLD_EVERY: Final = 2.0


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. ``first_bad`` to ``last_bad`` is where the first fault lies; ``covered``: by checkpoints."""

    whole: bool
    what: str
    register: str
    entries: int
    last: int
    covered: int
    checkpoints: int
    entries_per_second: int
    first_bad: int | None = None
    last_bad: int | None = None
    remarks: list[str] = []


class Witnesses(msgspec.Struct, frozen=True):
    """Checkpoints, and the key that they must be signed with (None: there are none to compare with)."""

    key: PublicKey | None
    checkpoints: list[Read]


def witnesses(places: Sequence[Path], key: str | None) -> Witnesses:
    """Read checkpoints and key; without either, those that ``up`` keeps in its usual place, if it does.

    Raises:
        UserError: one cannot be read, or there is one without the other.
    """
    if not places and key is None:
        home = _home()
        if home is None:
            return Witnesses(None, [])
        places, key = [home / register.CHECKPOINTS], str(home / register.PUBLIC_KEY)
    if not places or key is None:
        raise UserError("Checkpoints and the key that signed them go together: give --checkpoints and --public-key.")
    try:
        return Witnesses(signing.read_public_key(key), checkpoints.read_places(places))
    except CollectorError as exc:
        raise UserError(str(exc)) from exc


def ask(client: "Client", given: Witnesses, progress: Progress) -> Verdict:
    """Verify what a collector sends.

    Raises:
        UserError: it cannot be asked.
    """
    status = client.audit()
    signed = [_link(entry) for kind in reading.SIGNED for batch in client.audit_log(kind) for entry in batch]
    known = Known(status.register, status.seq, bytes.fromhex(status.hash), signed)
    run = _Run(Verifier(known, given.key, given.checkpoints), known, given, progress)
    for batch in client.audit_log():
        if not run.feed(map(_link, batch)):
            break
    return run.verdict()


def read(database: str | None, given: Witnesses, progress: Progress) -> Verdict:
    """Verify what a database holds (None: that of a running ``up``), as one moment has it.

    Raises:
        UserError: it cannot be used.
    """

    async def work(opened: Database) -> Verdict:
        async with opened.query() as connection:
            known = await reading.known(connection)
            run = _Run(Verifier(known, given.key, given.checkpoints), known, given, progress)
            await reading.everything(connection, run.feed)
            return run.verdict()

    return with_database(database, work)


class _Run:
    """One verification: it counts, and says how far it is."""

    def __init__(self, verifier: Verifier, known: Known, given: Witnesses, progress: Progress) -> None:
        self._verifier, self._known, self._given, self._progress = verifier, known, given, progress
        self._began = self._told = time.monotonic()

    def feed(self, batch: Iterable[Link]) -> bool:
        whole = self._verifier.feed(batch)
        now = time.monotonic()
        if now - self._told >= _TOLD_EVERY:
            self._told = now
            self._progress(f"{self._verifier.reached:,} of {self._known.seq:,} entries, {self._speed():,} a second")
        return whole

    def _speed(self) -> int:
        return round(self._verifier.entries / max(time.monotonic() - self._began, 1e-9))

    def verdict(self) -> Verdict:
        verifier = self._verifier
        finding = verifier.finish()
        what = finding.what if finding is not None else f"every entry up to {verifier.reached} is as it was chained"
        return Verdict(
            whole=finding is None,
            what=what,
            register=self._known.register,
            entries=verifier.entries,
            last=verifier.reached,
            covered=verifier.covered,
            checkpoints=len(self._given.checkpoints),
            entries_per_second=self._speed(),
            first_bad=finding.first if finding is not None else None,
            last_bad=finding.last if finding is not None else None,
            remarks=verifier.remarks,
        )


def _link(entry: AuditEntry) -> Link:
    return Link(entry.seq, entry.chained_at, entry.at, entry.kind, entry.body, bytes.fromhex(entry.hash))


def _home() -> Path | None:
    """Return where an ``up`` of this user keeps checkpoints."""
    places: Iterator[Path] = (home for home in (datadir.default(), datadir.default() / "sample"))
    return next((home for home in places if _has_checkpoints(home)), None)


def _has_checkpoints(home: Path) -> bool:
    try:
        return (home / register.PUBLIC_KEY).exists() and any((home / register.CHECKPOINTS).iterdir())
    except OSError:
        return False
