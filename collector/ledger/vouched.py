"""Entries of the audit log that are signed: the anchor that retention leaves, and the word of who restored a backup."""

from collections.abc import Iterable
from typing import TypeVar

import msgspec

from collector.ledger.signing import PublicKey, SigningKey
from collector.store.ledger import AuditKind, Link

T = TypeVar("T")


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    """The entries up to ``through`` were dropped with the month ``partition``; the last of them had this hash."""

    register: str
    partition: str
    through: int
    hash: str
    key: str = ""
    signature: str = ""


class Restore(msgspec.Struct, frozen=True, kw_only=True):
    """A backup was restored: of what checkpoints cover, the entries ``first`` to ``last`` are gone or others.

    ``at`` is when that was said, as answers write times: checkpoints made later are not excused.
    """

    register: str
    first: int
    last: int
    by: str
    reason: str
    at: str
    key: str = ""
    signature: str = ""

    def excuses(self, seq: int, at: str) -> bool:
        """Whether a checkpoint of entry ``seq``, made at ``at``, need not hold any more."""
        return self.first <= seq <= self.last and at <= self.at


def sign_anchor(anchor: Anchor, key: SigningKey) -> Anchor:
    """Return the anchor with key and signature."""
    named = msgspec.structs.replace(anchor, key=key.public.text, signature="")
    signature = key.sign(AuditKind.RETENTION, msgspec.json.encode(named)).hex()
    return msgspec.structs.replace(named, signature=signature)


def sign_restore(restore: Restore, key: SigningKey) -> Restore:
    """Return the word with key and signature."""
    named = msgspec.structs.replace(restore, key=key.public.text, signature="")
    signature = key.sign(AuditKind.RESTORE, msgspec.json.encode(named)).hex()
    return msgspec.structs.replace(named, signature=signature)


def anchor_of(link: Link, key: PublicKey | None) -> Anchor | None:
    """Return the anchor that an entry is; None when it is none, or is not signed with this key (None: with any)."""
    if link.kind != AuditKind.RETENTION:
        return None
    anchor = _decoded(link.body, Anchor)
    return anchor if anchor is not None and (key is None or _holds(anchor, AuditKind.RETENTION, key)) else None


def restore_of(link: Link, key: PublicKey) -> Restore | None:
    """Return the restore that an entry tells of; None when it is none, or is not signed with this key."""
    if link.kind != AuditKind.RESTORE:
        return None
    restore = _decoded(link.body, Restore)
    return restore if restore is not None and _holds(restore, AuditKind.RESTORE, key) else None


def restores(links: Iterable[Link], key: PublicKey, register: str) -> tuple[Restore, ...]:
    """Return the restores of a register that these entries tell of."""
    found = (restore_of(link, key) for link in links)
    return tuple(one for one in found if one is not None and one.register == register)


def _holds(signed: Anchor | Restore, purpose: str, key: PublicKey) -> bool:
    try:
        signature = bytes.fromhex(signed.signature)
    except ValueError:
        return False
    content = msgspec.json.encode(msgspec.structs.replace(signed, signature=""))
    return signed.key == key.text and key.verifies(purpose, content, signature)


def _decoded(body: str, shape: type[T]) -> T | None:
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.DecodeError:
        return None
