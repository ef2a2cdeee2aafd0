"""The audit log as the collector shows it."""

from typing import Annotated

import msgspec
from msgspec import Meta


class AuditStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Where the audit log stands. ``waiting``: so much is noted and not chained yet."""

    register: Annotated[str, Meta(description="The name of this register: a UUID made with it.")]
    first: Annotated[int, Meta(description="The first entry that is still there.")]
    seq: Annotated[int, Meta(description="The last entry; 0: there is none.")]
    hash: Annotated[str, Meta(description="Its hash: what a report names as the chain's head.")]
    chained_at: str
    waiting: int
    key: Annotated[str | None, Meta(description="The public key that checkpoints are signed with; null: they are not.")]
    checkpoint: Annotated[int | None, Meta(description="The last entry that this collector signed for.")] = None
    checkpoint_at: str | None = None
    set_back: Annotated[bool, Meta(description="The log does not hold what a checkpoint says.")] = False


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry. Times are in microseconds since 1970, as they are hashed; ``body`` is JSON in a text."""

    seq: int
    chained_at: int
    at: int
    kind: str
    body: str
    hash: str


class AuditEnd(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The last line of the streamed log; a stream without it is incomplete."""

    entries: int
