"""The audit log in the database: what happened is noted with it, and chained afterwards by one writer at a time."""

import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import text

from collector.store.engine import Connection, statement
from collector.store.wire import Wire


class AuditKind(StrEnum):
    """What an entry of the audit log tells."""

    STATE = "state"
    """A snapshot or delta was accepted: cluster, node, generation, seq, state_hash."""
    HELLO = "hello"
    """An agent's new life began: cluster, node, generation, instance, boot_id, state_hash."""
    WATCHED = "watched"
    """The log began while a node was known already: cluster, node, generation, seq, state_hash of its last message."""
    CONFLICT = "conflict"
    """Two agents speak for one node: cluster, node, instance, boot_id of the other one."""
    ENROLMENT = "enrolment"
    """Somebody asked to speak for a node: cluster, node, hostname, address, token (digits of its hash), outcome."""
    TOKEN = "token"  # noqa: S105  # the word, not one
    """A token was made or revoked: action, token (digits of its hash), role, cluster, node, comment."""
    ACCESS = "access"
    """Somebody asked: who, role, address, question, answer (status), rows."""
    HOLD = "hold"
    """A retention hold was made or released: action, hold, by, reason, until."""
    RETENTION = "retention"
    """A month was dropped: partition, and for the audit log the signed anchor of what went."""
    SET_BACK = "set-back"
    """A collector found the chain shorter than, or other than, its checkpoints say."""
    RESTORE = "restore"
    """A database was restored from a backup, says the one who did it: signed."""


class Noted(NamedTuple):
    """What happened, not chained yet."""

    id: int
    at: datetime
    kind: str
    body: str


class Link(NamedTuple):
    """One entry of the chain; times are in microseconds since 1970."""

    seq: int
    chained_at: int
    at: int
    kind: str
    body: str
    hash: bytes


class Head(NamedTuple):
    """The chain's last entry (``seq`` 0: it is empty), and the name of the register."""

    register: UUID
    seq: int
    hash: bytes
    chained_at: datetime


BATCH: Final = 5_000
"""So many entries are chained in one transaction, and read at once."""

_MICROSECONDS: Final = "(extract(epoch FROM {0}) * 1000000)::bigint"
_LINK: Final = f"seq, {_MICROSECONDS.format('chained_at')}, {_MICROSECONDS.format('at')}, kind, body, hash"
_PENDING: Final = "INSERT INTO audit_pending (kind, body) SELECT :kind, unnest(CAST(:bodies AS text[]))"
_NOTE: Final = text(_PENDING)
_HEAD: Final = "SELECT register, seq, hash, chained_at FROM audit_head"
# SKIP LOCKED: another collector is at it, and there is nothing to wait for.
_LOCK: Final = text(f"{_HEAD} FOR UPDATE SKIP LOCKED")
_NEXT: Final = text("SELECT id, at, kind, body FROM audit_pending ORDER BY id LIMIT :limit")
_NOW: Final = text("SELECT greatest(clock_timestamp(), CAST(:least AS timestamptz))")
# What was noted is there already: only numbers and hashes go to the database, each as one value.
_APPEND: Final = text(
    "WITH noted AS (SELECT * FROM unnest(CAST(:ids AS bigint[])) WITH ORDINALITY AS n (id, place)), "
    "gone AS (DELETE FROM audit_pending AS p USING noted AS n WHERE p.id = n.id "
    "RETURNING n.place, p.at, p.kind, p.body), "
    "head AS (UPDATE audit_head SET seq = :seq, hash = :head, chained_at = :now) "
    "INSERT INTO audit_log (seq, chained_at, at, kind, body, hash) "
    "SELECT :before + g.place, :now, g.at, g.kind, g.body, "
    "substring(CAST(:hashes AS bytea) FROM CAST(:size * (g.place - 1) + 1 AS int) FOR :size) FROM gone AS g"
)
# A page of the chain is one value: a row of its own for every entry costs the driver more than everything else.
# Compared are both columns of the key, so that an entry which is there twice is not passed over between two pages.
_PAGE: Final = (
    "SELECT string_agg(int8send(seq) || timestamptz_send(chained_at) || timestamptz_send(at) "
    "|| int4send(octet_length(kind)) || int4send(octet_length(body)) || int4send(octet_length(hash)) "
    "|| kind || body || hash, '') FROM (SELECT seq, chained_at, at, convert_to(kind, 'UTF8') AS kind, "
    "convert_to(body, 'UTF8') AS body, hash FROM audit_log WHERE (seq, chained_at) > (:seq, {after}){only} "
    "ORDER BY seq, chained_at LIMIT :limit) AS page"
)
_AFTER: Final = "timestamptz '2000-01-01 00:00:00+00' + :at * interval '1 microsecond'"
_ENTRY: Final = struct.Struct(">qqqiii")
_SENT_SINCE: Final = 946_684_800_000_000
"""Microseconds from 1970 to 2000: PostgreSQL sends times as microseconds since 2000."""
_ENDLESS: Final = 2**63 - 1
_FIRST: Final = text("SELECT coalesce((SELECT min(seq) FROM audit_log), (SELECT seq + 1 FROM audit_head))")
_AT: Final = text("SELECT hash FROM audit_log WHERE seq = :seq")
_NEWEST: Final = text(f"SELECT {_LINK} FROM audit_log WHERE kind = :kind ORDER BY seq")
_WAITING: Final = text("SELECT count(*) FROM audit_pending")


def body(fields: Mapping[str, Any]) -> str:
    """Return what an entry tells, as it is kept and hashed: a JSON object in one line. Its texts are ``clean``."""
    return msgspec.json.encode(fields, order="deterministic").decode()


async def note(connection: Connection, kind: AuditKind, *entries: Mapping[str, Any]) -> None:
    """Note what happens in this transaction; it is chained once that is committed."""
    await connection.execute(_NOTE, _noted(kind, entries))


async def note_at_once(wire: Wire, kind: AuditKind, *entries: Mapping[str, Any]) -> None:
    """Note what happened, in a transaction of its own; committed when this returns."""
    await wire.exchange((_PENDING, _noted(kind, entries)))


def _noted(kind: AuditKind, entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"kind": kind.value, "bodies": [body(entry) for entry in entries]}


async def head(connection: Connection) -> Head:
    """Return the chain's last entry."""
    return Head(*(await connection.execute(text(_HEAD))).one())


async def lock_head(connection: Connection) -> Head | None:
    """Return the chain's last entry, locked until the end of the transaction; None while another writer has it."""
    row = (await connection.execute(_LOCK)).one_or_none()
    return None if row is None else Head(*row)


async def waiting(connection: Connection, limit: int = BATCH) -> list[Noted]:
    """Return what is to be chained next, in the order in which it was noted."""
    return [Noted(*row) for row in await connection.execute(_NEXT, {"limit": limit})]


async def count_waiting(connection: Connection) -> int:
    """Return how much is not chained yet."""
    return int((await connection.execute(_WAITING)).scalar_one())


async def now_or_later(connection: Connection, least: datetime) -> datetime:
    """Return the register's time, or ``least`` when that is later."""
    found: datetime = (await connection.execute(_NOW, {"least": least})).scalar_one()
    return found


async def append(
    connection: Connection, noted: Sequence[Noted], first: int, hashes: Sequence[bytes], now: datetime
) -> None:
    """Move what was noted to the chain's end, the first one as number ``first``; the head is locked."""
    values = {
        "ids": f"{{{','.join(str(one.id) for one in noted)}}}",
        "before": first - 1,
        "hashes": b"".join(hashes),
        "size": len(hashes[-1]),
        "seq": first + len(noted) - 1,
        "head": hashes[-1],
        "now": now,
    }
    await connection.execute(_APPEND, values)


async def first(connection: Connection) -> int:
    """Return the number of the first entry that is still there (of the next one, when there is none)."""
    return int((await connection.execute(_FIRST)).scalar_one())


async def last_of(connection: Connection, partition: str) -> Link | None:
    """Return the last entry of one month of the chain; None when the month is empty. The name is of the catalogue."""
    found = await connection.execute(text(f"SELECT {_LINK} FROM {partition} ORDER BY seq DESC LIMIT 1"))
    row = found.one_or_none()
    return None if row is None else Link(*row)


async def hash_of(connection: Connection, seq: int) -> bytes | None:
    """Return the hash of one entry; None when there is none with this number."""
    found: bytes | None = (await connection.execute(_AT, {"seq": seq})).scalar_one_or_none()
    return found


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the chain: behind this entry. ``chained_at`` is in microseconds since 1970."""

    seq: int = 0
    chained_at: int = _ENDLESS


def behind(link: Link) -> Place:
    """Return the place behind an entry."""
    return Place(link.seq, link.chained_at)


async def page(connection: Connection, place: Place, kind: str = "", limit: int = BATCH) -> list[Link]:
    """Return the next entries behind a place, in order, ``limit`` at the most; with ``kind`` only of that kind."""
    only = " AND kind = :kind" if kind else ""
    endless = place.chained_at >= _ENDLESS
    sql = _PAGE.format(after="'infinity'" if endless else _AFTER, only=only)
    given = {"seq": place.seq, "limit": limit} | ({} if endless else {"at": place.chained_at - _SENT_SINCE})
    found = await connection.execute(statement(sql), given | ({"kind": kind} if kind else {}))
    return _unpacked(found.scalar_one() or b"")


def _unpacked(sent: bytes) -> list[Link]:
    found = []
    place = 0
    while place < len(sent):
        seq, chained_at, at, kind, body, hashed = _ENTRY.unpack_from(sent, place)
        begin = place + _ENTRY.size
        middle = begin + kind
        end = middle + body
        place = end + hashed
        found.append(
            Link(
                seq,
                # An end of time that somebody wrote there stays one.
                min(chained_at + _SENT_SINCE, _ENDLESS),
                min(at + _SENT_SINCE, _ENDLESS),
                sent[begin:middle].decode(),
                sent[middle:end].decode(),
                sent[end:place],
            )
        )
    return found


async def links(connection: Connection, after: int = 0, kind: str = "") -> AsyncIterator[list[Link]]:
    """Yield the chain behind ``after``, in order, in batches; with ``kind`` only entries of that kind."""
    place = Place(after)
    while batch := await page(connection, place, kind):
        yield batch
        place = behind(batch[-1])


async def of_kind(connection: Connection, kind: AuditKind) -> list[Link]:
    """Return every entry of a rare kind, in order."""
    return [Link(*row) for row in await connection.execute(_NEWEST, {"kind": kind.value})]
