"""Cursors: where a page ended, as opaque text. They hold no secret and need no signature: all they do is compare."""

import base64
import binascii
import hashlib
from datetime import datetime
from typing import Annotated, Final, TypeVar
from uuid import UUID

import msgspec
from msgspec import Meta

from collector.errors import ProblemError
from collector.store.read.versions import Position
from protocol.entries import Kind
from protocol.problems import ProblemType
from protocol.text import clean

_VERSION: Final = 1


_Moment = Annotated[datetime, Meta(tz=True)]


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """Where a page ended. ``at`` is the moment that the first page was asked about.

    A length of time before now would mean another moment on every page.
    """

    format: int
    question: bytes
    node_id: Annotated[int, Meta(ge=0, le=2**31 - 1)]
    entry_id: UUID
    ended: _Moment | None
    at: _Moment | None

    @property
    def position(self) -> Position:
        """The last row of the page, in the order of every list."""
        return Position(self.node_id, str(self.entry_id), self.ended)


class RankCursor(msgspec.Struct, frozen=True, array_like=True):
    """Where a page of a ranking ended, and since when it counts growth."""

    format: int
    question: bytes
    number: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
    name: str
    since: _Moment | None


class ChangeCursor(msgspec.Struct, frozen=True, array_like=True):
    """Where a page of changes ended, and the window that the first page was about."""

    format: int
    question: bytes
    at: _Moment
    node_id: Annotated[int, Meta(ge=0, le=2**31 - 1)]
    kind: Kind
    entry_id: UUID
    since: _Moment
    until: _Moment


_DECODER: Final = msgspec.msgpack.Decoder(Cursor)
_CHANGE_DECODER: Final = msgspec.msgpack.Decoder(ChangeCursor)
_RANK_DECODER: Final = msgspec.msgpack.Decoder(RankCursor)


def fingerprint(question: object) -> bytes:
    """Return eight bytes that tell one question from another, so that a cursor is not used for a different one."""
    return hashlib.blake2b(msgspec.json.encode(question, order="deterministic"), digest_size=8).digest()


def encode(position: Position, at: datetime | None, question: bytes) -> str:
    """Return the cursor of the page that follows ``position``."""
    return _written(Cursor(_VERSION, question, position.node_id, UUID(position.entry_id), position.ended, at))


def encode_rank(number: int, name: str, since: datetime | None, question: bytes) -> str:
    """Return the cursor of the page of a ranking that follows this number and name."""
    return _written(RankCursor(_VERSION, question, number, name, since))


def encode_change(
    at: datetime, node_id: int, kind: str, entry_id: str, since: datetime, until: datetime, question: bytes
) -> str:
    """Return the cursor of the page of changes that follows this one."""
    return _written(ChangeCursor(_VERSION, question, at, node_id, Kind(kind), UUID(entry_id), since, until))


def _written(cursor: Cursor | RankCursor | ChangeCursor) -> str:
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(cursor)).rstrip(b"=").decode()


def decode(text: str, question: bytes) -> Cursor:
    """Read a cursor.

    Raises:
        ProblemError: ``bad-request``, it is not one of ours, or belongs to a question with other parameters.
    """
    return _read(text, question, _DECODER)


def decode_rank(text: str, question: bytes) -> RankCursor:
    """Read the cursor of a ranking.

    Raises:
        ProblemError: as ``decode``.
    """
    cursor = _read(text, question, _RANK_DECODER)
    if clean(cursor.name) != cursor.name:
        raise _foreign()
    return cursor


def decode_change(text: str, question: bytes) -> ChangeCursor:
    """Read the cursor of a list of changes.

    Raises:
        ProblemError: as ``decode``.
    """
    return _read(text, question, _CHANGE_DECODER)


C = TypeVar("C", Cursor, RankCursor, ChangeCursor)


def _read(text: str, question: bytes, decoder: msgspec.msgpack.Decoder[C]) -> C:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        cursor = decoder.decode(raw)
    except (binascii.Error, ValueError, msgspec.DecodeError) as exc:
        raise _foreign() from exc
    if cursor.format != _VERSION or cursor.question != question:
        raise ProblemError(
            ProblemType.BAD_REQUEST,
            "the cursor belongs to a question with other parameters; begin again without a cursor",
            field="cursor",
        )
    return cursor


def _foreign() -> ProblemError:
    return ProblemError(
        ProblemType.BAD_REQUEST,
        "the cursor is not one that this service gave; take `next` of the page before, unchanged",
        field="cursor",
    )
