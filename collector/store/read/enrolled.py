"""Who asked to speak for a node, and which tokens were made and revoked, in a window."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text

from collector.store.engine import Connection

_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Happened:
    """``what`` happened from ``at`` until ``last`` (the same moment for what happens once), ``attempts`` times.

    ``token`` is the first digits of the token's hash; ``outcome`` as in ``tables.enrolments``, ``role`` as in
    ``tables.credentials``.
    """

    at: datetime
    last: datetime
    what: str
    cluster: str
    node: str
    hostname: str
    token: str
    outcome: str
    role: str
    address: str
    attempts: int
    comment: str


_ENROLMENTS: Final = (
    "SELECT first_at AS at, last_at AS last, 'enrolment' AS what, cluster, node, hostname, token_hash, outcome, "
    "'agent' AS role, address, attempts, '' AS comment FROM enrolments WHERE last_at > :since AND first_at <= :until"
)
_TOKENS: Final = (
    "SELECT {0}, {0}, '{1}', c.cluster, c.node, coalesce(n.hostname, ''), c.token_hash, '', c.role, '', 1, c.comment "
    "FROM credentials AS c LEFT JOIN nodes AS n ON n.cluster = c.cluster AND n.node = c.node "
    "WHERE {0} > :since AND {0} <= :until"
)
_SELECT: Final = text(
    "SELECT at, last, what, cluster, node, hostname, left(encode(token_hash, 'hex'), 12), outcome, role, address, "
    f"attempts, comment FROM ({_ENROLMENTS} UNION ALL {_TOKENS.format('created_at', 'token made')} "
    f"UNION ALL {_TOKENS.format('revoked_at', 'token revoked')}) AS e "
    "WHERE CAST(:node AS text) = '' OR node = :node ORDER BY at, what, token_hash"
).execution_options(yield_per=_BATCH)


async def everything(conn: Connection, since: datetime, until: datetime, node: str = "") -> AsyncIterator[Happened]:
    """Yield what happened after ``since``, until ``until``, oldest first; ``node``: its ID, ``""`` for all."""
    async with conn.stream(_SELECT, {"since": since, "until": until, "node": node}) as found:
        async for batch in found.partitions():
            for row in batch:
                yield Happened(*row)
