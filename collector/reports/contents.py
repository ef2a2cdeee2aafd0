"""Reports of what was there: inventory, rogue containers, orphans, and where images were."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Final

from collector.lookup import filters
from collector.lookup.leftovers import orphans_asked
from collector.lookup.lists import conditions
from collector.lookup.owners import service_of, stack_of
from collector.reports.asked import Context, Kind, Limits
from collector.reports.report import Column, Row
from collector.store.read import lives
from collector.store.read.lives import Life
from collector.store.read.versions import Span, Versions
from protocol import entries, times
from protocol.answers import Bounds
from protocol.entries import Container, Image, Layer

_NODE: Final = (
    Column("cluster", "Cluster", 0),
    Column("node", "Node ID", 0.9),
    Column("hostname", "Node", 0.9),
)
_LAST: Final = (
    Column(
        "ended", "Ended", 1.5, bounds=True, about="empty: it was there still at the end of the window, as last seen"
    ),
    Column("seen", "Last seen", 1.4, about="when its node last listed it, for what has not ended"),
)


def _read(kind: entries.Kind, texts: Sequence[str], node: str) -> Limits:
    found = filters.parse(kind, texts, node)
    return Limits(found.node, found)


def _container_limits(texts: Sequence[str], node: str) -> Limits:
    return _read(entries.Kind.CONTAINER, texts, node)


def _image_limits(texts: Sequence[str], node: str) -> Limits:
    return _read(entries.Kind.IMAGE, texts, node)


def _layer_limits(texts: Sequence[str], node: str) -> Limits:
    found = orphans_asked(texts, node).filters
    return Limits(found.node, found)


def _during(context: Context) -> Versions:
    """Return the versions that may have been valid at any moment of the window."""
    span = Span(context.window.since, None if context.until_now else context.window.until)
    return replace(context.scope.versions, at=None, span=span)


async def _inventory(context: Context, limits: Limits) -> AsyncIterator[Row]:
    scope = context.scope
    found = await conditions(scope, limits.filters)
    versions = scope.versions if context.until_now else replace(scope.versions, at=context.window.until)
    async for life in lives.everything(scope.conn, versions, entries.Kind.CONTAINER, found, first=False):
        one = life.entry
        if isinstance(one, Container):
            yield (
                *_where(life),
                one.name,
                one.key,
                one.image,
                service_of(one),
                stack_of(one),
                one.state,
                one.diff_path or (f"unknown: {one.reason}" if one.reason else "unknown"),
                life.began,
                life.certain,
                one.root,
                one.backend,
                one.mount_id,
                one.path_kind,
                one.resolved_by,
                one.parent_chain_id,
                one.image_id,
                one.labels.get(entries.LABEL_TASK, ""),
                one.exit_code,
                one.oom_killed,
                one.created_at,
                one.started_at,
                one.finished_at,
                one.ghost,
                [f"{mount.destination} <- {mount.name or mount.source or mount.type}" for mount in one.mounts],
                _end(context, life)[1],
            )


async def _rogue(context: Context, limits: Limits) -> AsyncIterator[Row]:
    found = await conditions(context.scope, limits.filters)
    stream = lives.everything(context.scope.conn, _during(context), entries.Kind.CONTAINER, found, lives.ALONE)
    async for last in _last(stream):
        one = last.entry
        if isinstance(one, Container):
            yield (
                *_where(last),
                one.name,
                one.key,
                one.image,
                one.state,
                one.diff_path,
                last.first,
                *_end(context, last),
                one.image_id,
                one.created_at,
                one.started_at,
                one.finished_at,
                one.exit_code,
                one.ghost,
            )


async def _orphans(context: Context, limits: Limits) -> AsyncIterator[Row]:
    found = await conditions(context.scope, limits.filters)
    stream = lives.everything(context.scope.conn, _during(context), entries.Kind.LAYER, found)
    async for last in _last(stream):
        one = last.entry
        if isinstance(one, Layer):
            path = one.diff_path or next((place.path for place in one.paths), one.key)
            yield (
                *_where(last),
                path,
                one.backend,
                one.use,
                one.evidence,
                last.first,
                *_end(context, last),
                one.root,
                one.key,
            )


async def _images(context: Context, limits: Limits) -> AsyncIterator[Row]:
    found = await conditions(context.scope, limits.filters)
    async for last in _last(lives.by_digest(context.scope.conn, _during(context), found)):
        one = last.entry
        if isinstance(one, Image):
            names = [name for name in one.digests if name.endswith(last.digest)] if last.digest else []
            yield (
                last.digest,
                *_where(last),
                [*one.tags, *names] if one.tags else names,
                one.key,
                last.first,
                *_end(context, last),
                one.platform,
                one.created_at,
            )


async def _last(stream: AsyncIterator[Life]) -> AsyncIterator[Life]:
    """Yield the last of the versions of each entry; they follow one another."""
    last: Life | None = None
    async for life in stream:
        if last is not None and (life.identity, life.digest) != (last.identity, last.digest):
            yield last
        last = life
    if last is not None:
        yield last


def _where(life: Life) -> tuple[str, str, str]:
    return life.node.cluster, life.node.node, life.node.hostname or life.node.node


def _end(context: Context, life: Life) -> tuple[Bounds | None, str | None]:
    """Return when something ended, or when it was last seen, if it did not before the end of the window."""
    if life.ended is None:
        return None, times.to_text(life.seen) if life.seen is not None else None
    if life.ended.before > times.to_text(context.window.until):
        return None, life.ended.after
    return life.ended, None


_STILL: Final = "Nothing under Ended: it was there still at the end of the window, as last seen."
_BEGAN: Final = Column("began", "Since", 1.5, bounds=True, about="when this state of it began")
_FIRST: Final = Column(
    "first", "First seen", 1.5, bounds=True, about="on its node, as far back as the register remembers"
)

KINDS: Final = (
    Kind(
        "inventory",
        "Inventory of containers",
        (
            *_NODE,
            Column("name", "Container", 1.4),
            Column("container_id", "ID", 1.5),
            Column("image", "Image", 1.2),
            Column("service", "Service", 0.9),
            Column("stack", "Stack", 0.7),
            Column("state", "State", 0.7),
            Column("directory", "Directory", 2.6),
            _BEGAN,
            Column("certain", "Certain", 0.6, about="no: the end of the window lies between the bounds of a moment"),
            Column("root", "Data root", 0),
            Column("backend", "Backend", 0),
            Column("mount_id", "Mount-id", 0),
            Column("path_kind", "Path kind", 0),
            Column("resolved_by", "Resolved by", 0),
            Column("parent_chain_id", "Layer below", 0),
            Column("image_id", "Image ID", 0),
            Column("task", "Task", 0),
            Column("exit_code", "Exit code", 0),
            Column("oom_killed", "Out of memory", 0),
            Column("created_at", "Created", 0, about="by the engine's clock, as are started and finished"),
            Column("started_at", "Started", 0),
            Column("finished_at", "Finished", 0),
            Column("ghost", "Ghost", 0, about="on disk, but its engine no longer lists it"),
            Column("mounts", "Mounts", 0),
            Column("seen", "Last seen", 0, about=_LAST[1].about),
        ),
        _container_limits,
        _inventory,
        ("The inventory is that of the end of the window.",),
    ),
    Kind(
        "rogue",
        "Containers outside any service or stack",
        (
            *_NODE,
            Column("name", "Container", 1.4),
            Column("container_id", "ID", 1.6),
            Column("image", "Image", 1.3),
            Column("state", "State", 0.7),
            Column("directory", "Directory", 2.4),
            _FIRST,
            *_LAST,
            Column("image_id", "Image ID", 0),
            Column("created_at", "Created", 0, about="by the engine's clock, as are started and finished"),
            Column("started_at", "Started", 0),
            Column("finished_at", "Finished", 0),
            Column("exit_code", "Exit code", 0),
            Column("ghost", "Ghost", 0, about="on disk, but its engine no longer lists it"),
        ),
        _container_limits,
        _rogue,
        (
            _STILL,
            "Services and stacks are known by labels of Swarm and Compose; whoever starts containers can set the same.",
        ),
    ),
    Kind(
        "orphans",
        "Layer directories that nothing claims",
        (
            *_NODE,
            Column("directory", "Directory", 3.0),
            Column("backend", "Backend", 0.8),
            Column("use", "Kind", 0.7),
            Column("evidence", "Evidence", 2.0),
            _FIRST,
            *_LAST,
            Column("root", "Data root", 0),
            Column("key", "Key", 0),
        ),
        _layer_limits,
        _orphans,
        (_STILL,),
    ),
    Kind(
        "images",
        "Image digests and the nodes that had them",
        (
            Column("digest", "Digest", 2.4, about="empty: built or loaded here, never pushed or pulled"),
            *_NODE,
            Column("names", "Names", 2.2),
            Column("image_id", "Image ID", 2.4),
            _FIRST,
            *_LAST,
            Column("platform", "Platform", 0),
            Column("created_at", "Made", 0, about="when the image was made, says the image"),
        ),
        _image_limits,
        _images,
        (_STILL, "An image without a digest was built or loaded on its node, and never pushed or pulled."),
    ),
)
