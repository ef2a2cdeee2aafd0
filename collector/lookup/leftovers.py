"""Orphans and ghosts: what is left over on disk, with the evidence, since when, and what it costs."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from collector.lookup import cursors, filters
from collector.lookup.filters import Filters
from collector.lookup.lists import conditions
from collector.lookup.owners import service_of, stack_of
from collector.lookup.scope import Scope
from collector.lookup.sizes import add
from collector.store.read import leftovers
from collector.store.read.leftovers import Leftover, Limits
from collector.store.read.versions import Position
from protocol import times
from protocol.entries import Container, Kind, Layer, LayerUse
from protocol.sizes import GhostRow, Ghosts, OrphanRow, Orphans

_EVIDENCE: Final = "it is on disk, and the engine's list of containers lacks it"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for, and what its pages have in common."""

    kind: Kind
    filters: Filters

    @property
    def node(self) -> str:
        """The node that is named, ``""`` for all."""
        return self.filters.node

    async def limits(self, scope: Scope) -> Limits:
        """Return the limits that this means for the nodes of the scope."""
        return Limits(self.kind, await conditions(scope, self.filters), scope.versions)


def orphans_asked(texts: Sequence[str], node: str) -> Question:
    """Read a question for orphans; without a filter ``use`` only those are meant that are surely nobody's.

    Raises:
        ProblemError: ``bad-request``, as ``filters.parse``.
    """
    if not any(text.startswith("use=") for text in texts):
        texts = [*texts, f"use={LayerUse.ORPHAN}"]
    return _question(Kind.LAYER, texts, node)


def ghosts_asked(texts: Sequence[str], node: str) -> Question:
    """Read a question for ghosts.

    Raises:
        ProblemError: ``bad-request``, as ``filters.parse``.
    """
    return _question(Kind.CONTAINER, [*texts, "ghost=true"], node)


def _question(kind: Kind, texts: Sequence[str], node: str) -> Question:
    return Question(kind, filters.parse(kind, texts, node))


async def orphans(scope: Scope, asked: Question, limit: int, cursor: str) -> Orphans:
    """Return a page of orphans.

    Raises:
        ProblemError: ``bad-request``, the cursor is not one of this question's.
    """
    scope, after = _continued(scope, asked, cursor)
    limits = await asked.limits(scope)
    found, following = await _page(scope, asked, limits, limit, after)
    nodes = await leftovers.by_node(scope.conn, limits)
    return Orphans(
        orphans=[orphan_row(one) for one in found],
        nodes=nodes,
        total=add(node.size for node in nodes),
        coverage=scope.coverage,
        next=following,
    )


async def ghosts(scope: Scope, asked: Question, limit: int, cursor: str) -> Ghosts:
    """Return a page of ghosts.

    Raises:
        ProblemError: ``bad-request``, the cursor is not one of this question's.
    """
    scope, after = _continued(scope, asked, cursor)
    limits = await asked.limits(scope)
    found, following = await _page(scope, asked, limits, limit, after)
    nodes = await leftovers.by_node(scope.conn, limits)
    return Ghosts(
        ghosts=[ghost_row(one) for one in found],
        nodes=nodes,
        total=add(node.size for node in nodes),
        coverage=scope.coverage,
        next=following,
    )


async def everything(scope: Scope, asked: Question) -> AsyncIterator[OrphanRow | GhostRow]:
    """Yield every orphan or ghost."""
    async for one in leftovers.everything(scope.conn, await asked.limits(scope)):
        yield orphan_row(one) if isinstance(one.entry, Layer) else ghost_row(one)


def _fingerprint(scope: Scope, asked: Question) -> bytes:
    return cursors.fingerprint(["leftovers", asked.kind.value, *asked.filters.question, scope.question])


def _continued(scope: Scope, asked: Question, cursor: str) -> tuple[Scope, Position | None]:
    """Return the scope of this page, and where the one before ended."""
    if not cursor:
        return scope, None
    after = cursors.decode(cursor, _fingerprint(scope, asked))
    return scope.pinned(after), after.position


async def _page(
    scope: Scope, asked: Question, limits: Limits, limit: int, after: Position | None
) -> tuple[list[Leftover], str | None]:
    found = await leftovers.page(scope.conn, limits, after, limit + 1)
    more = len(found) > limit
    found = found[:limit]
    at, question = scope.versions.at, _fingerprint(scope, asked)
    return found, cursors.encode(found[-1].position, at, question) if more else None


def orphan_row(one: Leftover) -> OrphanRow:
    """Return a layer as a row."""
    layer = one.entry
    if not isinstance(layer, Layer):
        raise TypeError(f"{layer.entry_key} is no layer")
    return OrphanRow(
        root=layer.root,
        key=layer.key,
        backend=layer.backend,
        use=layer.use,
        diff_path=layer.diff_path,
        path_kind=layer.path_kind,
        evidence=layer.evidence,
        reason=layer.reason,
        **_common(one),
    )


def ghost_row(one: Leftover) -> GhostRow:
    """Return a container as a row."""
    container = one.entry
    if not isinstance(container, Container):
        raise TypeError(f"{container.entry_key} is no container")
    return GhostRow(
        root=container.root,
        container_id=container.key,
        name=container.name,
        image=container.image,
        service=service_of(container),
        stack=stack_of(container),
        state=container.state,
        backend=container.backend,
        diff_path=container.diff_path,
        path_kind=container.path_kind,
        resolved_by=container.resolved_by,
        evidence=_EVIDENCE,
        reason=container.reason,
        **_common(one),
    )


def _common(one: Leftover) -> dict[str, Any]:
    return {
        "cluster": one.node.cluster,
        "node": one.node.node,
        "hostname": one.node.hostname,
        "first_seen": one.first_seen,
        "age": round(one.age, 3),
        "bytes": one.bytes,
        "inodes": one.inodes,
        "partial": one.partial,
        "measured_at": times.to_text(one.measured_at) if one.measured_at is not None else None,
    }
