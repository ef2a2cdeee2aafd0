"""Entries of the audit log in a window, those too that are not chained yet."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from collector.store import asking
from collector.store.asking import Asking
from collector.store.ledger import AuditKind

_BATCH: Final = 500
_DECODER: Final = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True, slots=True)
class Audited:
    """What happened at ``at``; ``seq`` is the entry's number (``None``: it will be chained in a moment)."""

    seq: int | None
    at: datetime
    kind: AuditKind
    told: dict[str, Any]


_SELECT: Final = (
    "SELECT seq, at, kind, body FROM audit_log "
    "WHERE kind = ANY(:kinds) AND kind <> 'state' AND at > :since AND at <= :until UNION ALL "
    "SELECT NULL, at, kind, body FROM audit_pending WHERE kind = ANY(:kinds) AND at > :since AND at <= :until "
    "ORDER BY at, seq"
)


async def everything(
    conn: Asking, kinds: Sequence[AuditKind], since: datetime, until: datetime
) -> AsyncIterator[Audited]:
    """Yield the entries of these kinds (never ``state``) after ``since``, until ``until``, oldest first."""
    given = {"kinds": [kind.value for kind in kinds], "since": since, "until": until}
    async for seq, at, kind, body in asking.stream(conn, _SELECT, given, _BATCH):
        yield Audited(seq, at, AuditKind(kind), _DECODER.decode(body))
