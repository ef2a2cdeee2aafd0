"""What is largest, and what grew most since a moment."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from collector.errors import ProblemError
from collector.lookup import cursors
from collector.lookup.scope import Scope
from collector.store.read import top
from collector.store.read.top import Rank, Ranked, Ranking
from collector.store.usage import KEPT_DAYS
from protocol import times
from protocol.problems import ProblemType
from protocol.sizes import Size, Top, TopBy, TopOrder, TopRow

DEFAULT_SINCE: Final = "24h"
"""Since when growth counts when it decides the order and nobody says."""


@dataclass(frozen=True, slots=True)
class Question:
    """A ranking, and what its pages have in common."""

    ranking: Ranking
    fingerprint: bytes


def question(scope: Scope, by: TopBy, order: TopOrder, since: str) -> Question:
    """Read a question.

    Raises:
        ProblemError: ``bad-request``: ``since`` is no time, yet to come, or longer ago than sizes are kept.
    """
    if order == "growth":
        since = since or DEFAULT_SINCE
    when = _since(since, times.parse_time(scope.coverage.as_of, datetime.now(UTC))) if since else None
    former = frozenset(one.node_id for one in scope.versions.former)
    asked = cursors.fingerprint(["top", by, order, since, scope.question])
    return Question(Ranking(by, order, when, scope.versions.node_ids, former), asked)


def _since(text: str, now: datetime) -> datetime:
    try:
        when = times.parse_time(text, now)
    except ValueError as exc:
        raise ProblemError(ProblemType.BAD_REQUEST, str(exc), field="since") from exc
    if when > now:
        raise ProblemError(ProblemType.BAD_REQUEST, f"{times.to_text(when)} is yet to come", field="since")
    if now - when > timedelta(days=KEPT_DAYS):
        raise ProblemError(
            ProblemType.BAD_REQUEST,
            f"earlier sizes are kept for {KEPT_DAYS} days; ask since {KEPT_DAYS * 24}h or later",
            field="since",
        )
    return when


async def page(scope: Scope, asked: Question, limit: int, cursor: str) -> Top:
    """Return a page of the ranking.

    Raises:
        ProblemError: ``bad-request``, the cursor is not one of this question's.
    """
    ranking, after = asked.ranking, None
    if cursor:
        given = cursors.decode_rank(cursor, asked.fingerprint)
        after = Rank(given.number, given.name)
        ranking = replace(ranking, since=given.since)
    found = await top.page(scope.conn, ranking, after, limit + 1)
    more = len(found) > limit
    rows = [one for one in found[:limit] if one.measured]
    return Top(
        by=ranking.by,
        order=ranking.order,
        since=times.to_text(ranking.since) if ranking.since is not None else None,
        rows=[_row(one) for one in rows],
        total=_total(found),
        coverage=scope.coverage,
        next=cursors.encode_rank(*rows[-1].rank, ranking.since, asked.fingerprint) if more and rows else None,
    )


async def everything(scope: Scope, asked: Question) -> AsyncIterator[TopRow]:
    """Yield every row, best first."""
    async for one in top.everything(scope.conn, asked.ranking):
        yield _row(one)


def _row(one: Ranked) -> TopRow:
    return TopRow(
        cluster=one.cluster,
        node=one.node,
        hostname=one.hostname,
        key=one.key,
        name=one.name or one.key,
        image=one.image,
        service=one.service,
        stack=one.stack,
        nodes=one.nodes,
        size=Size(entries=one.entries, measured=one.measured, partial=one.partial, bytes=one.bytes, inodes=one.inodes),
        grown=one.grown,
        grown_from=times.to_text(one.grown_from) if one.grown_from is not None else None,
        measured_at=times.to_text(one.measured_at) if one.measured_at is not None else None,
    )


def _total(found: list[Ranked]) -> Size:
    if not found:
        return Size()
    one = found[0]
    return Size(
        entries=one.all_entries,
        measured=one.all_measured,
        partial=one.all_partial,
        bytes=one.all_bytes,
        inodes=one.all_inodes,
    )
