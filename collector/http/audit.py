"""``GET audit`` and ``GET audit/log``: where the audit log stands, and all of it, for ``mountbook verify``."""

from collections.abc import AsyncIterator
from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from collector.http import answers, params, streams
from collector.http.negotiation import NDJSON
from collector.http.params import Query
from collector.http.routes import Access, Route
from collector.http.state import DATABASE, LEDGER
from collector.store import ledger
from collector.store.engine import Connection
from collector.store.ledger import Link
from protocol.audit import AuditEnd, AuditEntry, AuditStatus
from protocol.messages import API
from protocol.times import to_text

_ENCODER: Final = msgspec.json.Encoder()


class LogQuery(Query, frozen=True, kw_only=True):
    """Parameters of the log."""

    after: Annotated[int, Meta(ge=0, description="Only entries behind this one.")] = 0
    kind: Annotated[str, Meta(description="Only entries of this kind; such a stream cannot be verified.")] = ""


async def _status(request: web.Request) -> web.StreamResponse:
    keeper = request.app[LEDGER]
    async with request.app[DATABASE].query() as conn:
        head = await ledger.head(conn)
        first = await ledger.first(conn)
        waiting = await ledger.count_waiting(conn)
    made = keeper.checkpoint
    return answers.json(
        AuditStatus(
            register=str(head.register),
            first=first,
            seq=head.seq,
            hash=head.hash.hex(),
            chained_at=to_text(head.chained_at),
            waiting=waiting,
            key=keeper.key,
            checkpoint=made.seq if made is not None else None,
            checkpoint_at=made.at if made is not None else None,
            set_back=keeper.set_back,
        )
    )


async def _log(request: web.Request) -> web.StreamResponse:
    query = params.read(request, LogQuery)
    async with request.app[DATABASE].query() as conn:
        return await streams.send(request, _lines(conn, query))


async def _lines(conn: Connection, query: LogQuery) -> AsyncIterator[bytes]:
    entries = 0
    async for batch in ledger.links(conn, query.after, query.kind):
        entries += len(batch)
        yield b"\n".join([_ENCODER.encode(_entry(link)) for link in batch])
    yield msgspec.json.encode(AuditEnd(entries=entries))


def _entry(link: Link) -> AuditEntry:
    return AuditEntry(
        seq=link.seq, chained_at=link.chained_at, at=link.at, kind=link.kind, body=link.body, hash=link.hash.hex()
    )


ROUTES = (
    Route(
        method="GET",
        path=f"{API}/audit",
        handler=_status,
        access=Access.AUDITOR,
        tag="audit",
        summary="Where the audit log stands",
        answer=AuditStatus,
    ),
    Route(
        method="GET",
        path=f"{API}/audit/log",
        handler=_log,
        access=Access.AUDITOR,
        tag="audit",
        summary="The audit log, from its beginning",
        description=(
            "As `application/x-ndjson`, one entry a line; the last line is their number, a stream without it is "
            "incomplete. `mountbook verify` reads it and compares it with checkpoints."
        ),
        query=LogQuery,
        lines=(AuditEntry, AuditEnd),
        media=(NDJSON,),
    ),
)
