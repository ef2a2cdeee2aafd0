"""Who owned a path last that nobody owns now, or at the moment asked about."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from collector.lookup import users
from collector.lookup.holders import Holder, Index, rank
from collector.lookup.owners import Users, owner
from collector.lookup.paths import HostPath
from collector.lookup.scope import Scope
from collector.store.keys import hash_path, hash_token, token
from collector.store.read import places, timeline
from collector.store.read.found import Found, Identity
from protocol import times
from protocol.answers import Owner
from protocol.entries import Bind, Kind

MAX_FORMER: Final = 20
"""Most past owners of one path."""
_WITH_USERS: Final = 20
"""Of so many past owners of one question it is told who used them at their end."""


async def former(scope: Scope, asked: Sequence[HostPath]) -> list[list[Owner]]:
    """Return, per path, who owned it last on every node where it meant something; the latest end comes first."""
    hashes = {hash_path(ancestor) for path in asked for ancestor in path.ancestors()}
    names = {hash_token(token("dir", part)) for path in asked if not path.absolute for part in path.parts}
    if not hashes and not names:
        return [[] for _ in asked]
    found = await timeline.last_owners(
        scope.conn, sorted(hashes), sorted(names), scope.versions.at, scope.versions.node_ids
    )
    own = Index(one for one in found if one.entry.KIND is not Kind.BIND)
    binds = Index(one for one in found if isinstance(one.entry, Bind))
    roots = await places.roots(scope.conn, sorted({one.node_id for one in found}))
    ranked = [rank(path, own.holders(path), binds.holders(path), roots)[0] for path in asked]
    latest = [_latest(holders) for holders in ranked]
    used = await _users(scope, [holder.found for holders in latest for holder in holders][:_WITH_USERS])
    return [
        [owner(one.found, one.place, one.rest, used.get(one.found.identity, Users())) for one in holders]
        for holders in latest
    ]


def _latest(holders: Sequence[Holder]) -> list[Holder]:
    """Return the last owner on each node, the latest end first."""
    last: dict[int, Holder] = {}
    for holder in holders:
        known = last.get(holder.found.node_id)
        if known is None or _end(holder) > _end(known):
            last[holder.found.node_id] = holder
    return sorted(last.values(), key=_end, reverse=True)[:MAX_FORMER]


def _end(holder: Holder) -> str:
    return holder.found.ended.before if holder.found.ended is not None else ""


async def _users(scope: Scope, found: Sequence[Found]) -> dict[Identity, Users]:
    """Return who used each of them when it was last known to be there."""
    used: dict[Identity, Users] = {}
    for one in found:
        if one.entry.KIND is Kind.CONTAINER or one.ended is None or one.ended.after is None:
            continue
        then = times.parse_time(one.ended.after, datetime.now(UTC))
        used |= await users.of(replace(scope, versions=replace(scope.versions, at=then)), [one])
    return used
