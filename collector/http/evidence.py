"""``GET evidence``: what the register knows of a container at a moment, as one signed archive."""

import asyncio
from datetime import UTC, datetime
from typing import Final

from aiohttp import web

from collector.errors import ProblemError
from collector.http import params
from collector.http.memory import Since, Until
from collector.http.params import At, Node, Query, Ref
from collector.http.routes import Access, Route
from collector.http.state import CONFIG, DATABASE, LEDGER
from collector.ledger.evidence import pack
from collector.lookup import evidence, refs
from collector.lookup.moments import Window
from collector.lookup.scope import Scope, scoped, window_scope
from collector.store import ledger
from collector.store.engine import Connection
from protocol.messages import API
from protocol.problems import ProblemType
from protocol.times import parse_time, to_text
from protocol.version import RELEASE

TAR: Final = "application/x-tar"


class EvidenceQuery(Query, frozen=True, kw_only=True):
    """Parameters of ``evidence``."""

    ref: Ref
    node: Node = ""
    at: At = ""
    since: Since = ""
    until: Until = ""


async def _evidence(request: web.Request) -> web.StreamResponse:
    query = params.read(request, EvidenceQuery)
    key = request.app[LEDGER].signing
    if key is None:
        raise ProblemError(
            ProblemType.UNSUPPORTED,
            "this collector has no key to sign evidence with; set MOUNTBOOK_SIGNING_KEY_FILE and start it again",
        )
    ref = refs.parse(query.ref)
    silent_after = request.app[CONFIG].silent_after
    async with request.app[DATABASE].query() as conn:
        scope = await scoped(conn, silent_after, node=query.node, at=query.at)
        window = await _window(conn, silent_after, scope, query)
        files = await evidence.gather(scope, silent_after, ref, window)
        head = await ledger.head(conn)
    facts = {
        "generator": f"mountbook {RELEASE}",
        "created_at": scope.coverage.as_of,
        "ref": ref.text,
        "node": scope.node.node if scope.node is not None else "",
        "at": scope.at_text or scope.coverage.as_of,
        "since": to_text(window.since),
        "until": to_text(window.until),
        "register": str(head.register),
        "chain_seq": head.seq,
        "chain_hash": head.hash.hex(),
        "complete": scope.coverage.complete,
    }
    return web.Response(body=await asyncio.to_thread(pack, files, facts, key), content_type=TAR)


async def _window(conn: Connection, silent_after: float, scope: Scope, query: EvidenceQuery) -> Window:
    """Return the window of the coverage: a day before the moment until the moment, unless it was said otherwise."""
    moment = scope.versions.at or parse_time(scope.coverage.as_of, datetime.now(UTC))
    _, window = await window_scope(conn, silent_after, since=query.since, until=query.until or to_text(moment))
    return window


ROUTES = (
    Route(
        method="GET",
        path=f"{API}/evidence",
        handler=_evidence,
        access=Access.READER,
        tag="memory",
        summary="One signed archive of what was known of a container at a moment",
        description=(
            "A tar file: placement, the layers below with their digests, the mount command, the whole history, and the "
            "coverage of the window (the day before the moment, unless given); a manifest with the SHA-256 of each and "
            "its Ed25519 signature. `mountbook verify FILE` checks it."
        ),
        query=EvidenceQuery,
        media=(TAR,),
        problems=(ProblemType.NOT_FOUND, ProblemType.AMBIGUOUS, ProblemType.UNSUPPORTED),
    ),
)
