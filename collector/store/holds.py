"""Retention holds: while one lasts, no month is dropped."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text

from collector.store import ledger, partitions
from collector.store.engine import Connection
from collector.store.ledger import AuditKind
from protocol.times import to_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """One hold; ``until`` None: until it is released."""

    id: int
    reason: str
    made_by: str
    made_at: datetime
    until: datetime | None
    released_at: datetime | None
    released_by: str | None
    lasts: bool


_COLUMNS: Final = (
    "id, reason, made_by, made_at, until, released_at, released_by, "
    "released_at IS NULL AND (until IS NULL OR until > clock_timestamp()) AS lasts"
)
_ADD: Final = text(
    "INSERT INTO holds (reason, made_by, until) VALUES (:reason, :by, CAST(:until AS timestamptz)) "
    f"RETURNING {_COLUMNS}"
)
_LIST: Final = text(f"SELECT {_COLUMNS} FROM holds ORDER BY id")
_LASTING: Final = text(
    "SELECT count(*) FROM holds WHERE released_at IS NULL AND (until IS NULL OR until > clock_timestamp())"
)
_RELEASE: Final = text(
    "UPDATE holds SET released_at = clock_timestamp(), released_by = :by WHERE id = :id AND released_at IS NULL "
    f"RETURNING {_COLUMNS}"
)


async def add(connection: Connection, reason: str, by: str, until: datetime | None) -> Hold:
    """Begin a hold. It waits for a month that is being dropped; from then on none is."""
    await partitions.no_dropping(connection)
    made = Hold(**(await connection.execute(_ADD, {"reason": reason, "by": by, "until": until})).mappings().one())
    await _note(connection, "added", made, by)
    return made


async def release(connection: Connection, number: int, by: str) -> Hold | None:
    """End a hold; None when there is none with this number, or it was released before."""
    row = (await connection.execute(_RELEASE, {"id": number, "by": by})).mappings().one_or_none()
    if row is None:
        return None
    released = Hold(**row)
    await _note(connection, "released", released, by)
    return released


async def list_all(connection: Connection) -> list[Hold]:
    """Return every hold, released ones too, oldest first."""
    return [Hold(**row) for row in (await connection.execute(_LIST)).mappings()]


async def lasting(connection: Connection) -> int:
    """Return how many holds last."""
    return int((await connection.execute(_LASTING)).scalar_one())


async def _note(connection: Connection, action: str, hold: Hold, by: str) -> None:
    until = to_text(hold.until) if hold.until is not None else None
    told = {"action": action, "hold": hold.id, "by": by, "reason": hold.reason, "until": until}
    await ledger.note(connection, AuditKind.HOLD, told)
