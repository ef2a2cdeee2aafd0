"""``mountbook hold`` and ``mountbook restored``: said next to the database, and kept in the audit log."""

import getpass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from collector.errors import CollectorError
from collector.ledger import checkpoints, restores, signing
from collector.ledger.vouched import Restore
from collector.store import holds
from collector.store.engine import Database
from collector.store.holds import Hold
from mountbook.errors import UserError
from mountbook.local.tokens import with_database
from protocol.text import clean
from protocol.times import to_text


class HoldRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One hold; ``state`` is ``lasts``, ``ended`` or ``released``."""

    hold: int
    state: str
    reason: str
    by: str
    since: str
    until: str | None
    released_at: str | None
    released_by: str | None


def add(database: str | None, reason: str, by: str | None, until: datetime | None) -> HoldRecord:
    """Begin a hold.

    Raises:
        UserError: the database cannot be used, or ``until`` has passed.
    """
    if until is not None and until <= datetime.now(UTC):
        raise UserError(f"{to_text(until)} has passed; a hold ends later, or when it is released.")

    async def work(opened: Database) -> Hold:
        async with opened.ingest() as connection:
            return await holds.add(connection, reason, by or whoever(), until)

    return _record(with_database(database, work))


def list_holds(database: str | None) -> list[HoldRecord]:
    """Return every hold, oldest first.

    Raises:
        UserError: the database cannot be used.
    """

    async def work(opened: Database) -> list[Hold]:
        async with opened.query() as connection:
            return await holds.list_all(connection)

    return [_record(hold) for hold in with_database(database, work)]


def release(database: str | None, number: int, by: str | None) -> HoldRecord:
    """End a hold.

    Raises:
        UserError: the database cannot be used, or no hold of this number lasts.
    """

    async def work(opened: Database) -> Hold | None:
        async with opened.ingest() as connection:
            return await holds.release(connection, number, by or whoever())

    released = with_database(database, work)
    if released is None:
        raise UserError(f"There is no hold {number} that could be released; see `mountbook hold list`.")
    return _record(released)


def restored(database: str | None, places: list[Path], key: Path, by: str | None, reason: str) -> Restore:
    """Say that a backup was restored; return what that excuses.

    Raises:
        UserError: the database, the key or a checkpoint cannot be read, or nothing is gone.
    """
    try:
        signing_key = signing.read_key(key)
        given = checkpoints.read_places(places)
    except CollectorError as exc:
        raise UserError(str(exc)) from exc
    return with_database(database, lambda opened: restores.say(opened, signing_key, given, by or whoever(), reason))


def whoever() -> str:
    """Return the name of the user who types, as the system has it."""
    try:
        return clean(getpass.getuser())
    except (KeyError, OSError):
        return "unknown"


def _record(hold: Hold) -> HoldRecord:
    state = "released" if hold.released_at is not None else "lasts" if hold.lasts else "ended"
    return HoldRecord(
        hold=hold.id,
        state=state,
        reason=hold.reason,
        by=hold.made_by,
        since=to_text(hold.made_at),
        until=to_text(hold.until) if hold.until is not None else None,
        released_at=to_text(hold.released_at) if hold.released_at is not None else None,
        released_by=hold.released_by,
    )
