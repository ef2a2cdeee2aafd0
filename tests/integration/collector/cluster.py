"""A cluster as the register holds it, written by the store's own functions, at moments of the test's choice."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import text

from collector.store import nodes, write
from collector.store.engine import Database
from collector.store.nodes import NodeIdentity
from protocol.entries import (
    LABEL_SERVICE,
    LABEL_STACK,
    LABEL_TASK,
    LABEL_TASK_ID,
    Bind,
    Container,
    Entry,
    Image,
    Kind,
    Layer,
    LayerUse,
    Mount,
    PathKind,
    Place,
    ResolvedBy,
    Role,
    Volume,
)
from protocol.statehash import entry_hash

CLUSTER = "cl1"
ROOT = "/var/lib/docker"
NOW = datetime.now(UTC)
BASE = "sha256:" + "ba5e" * 16
TOP = "sha256:" + "70b0" * 16
IMAGE = "sha256:" + "1a6e" * 16


def container(number: int, name: str, *, service: str = "", stack: str = "", **changes: Any) -> Container:
    """Return a container of overlay2; IDs differ in their first digits. ``labels`` come to those of the service."""
    cid = f"{number:04x}" + "c" * 60
    mount_id = f"{number:04x}" + "e" * 60
    labels: dict[str, str] = {}
    if service:
        labels = {
            LABEL_SERVICE: service,
            LABEL_TASK: f"{name}",
            LABEL_TASK_ID: name.rpartition(".")[2],
            LABEL_STACK: stack,
        }
    values: dict[str, Any] = {
        "root": ROOT,
        "key": cid,
        "name": name,
        "backend": "overlay2",
        "mount_id": mount_id,
        "init_id": f"{mount_id}-init",
        "diff_path": f"{ROOT}/overlay2/{mount_id}/diff",
        "path_kind": PathKind.DIFF,
        "parent_chain_id": TOP,
        "resolved_by": ResolvedBy.LAYERDB,
        "image": "nginx:1.27",
        "image_id": IMAGE,
        "state": "running",
        "labels": labels | changes.pop("labels", {}),
        "paths": (
            Place(f"{ROOT}/overlay2/{mount_id}", Role.WRITABLE, ("diff", "merged")),
            Place(f"{ROOT}/overlay2/{mount_id}-init", Role.INIT, ("diff", "merged")),
            Place(f"{ROOT}/overlay2/l/L{number:04X}", Role.LINK, (".",)),
            Place(f"{ROOT}/containers/{cid}", Role.CONTAINER_DIR),
        ),
    }
    return Container(**(values | changes))


def image_entries() -> tuple[Entry, ...]:
    """Return an image of two layers, with their directories."""
    return (
        Image(root=ROOT, key=IMAGE, tags=("nginx:1.27",), layers=(BASE, TOP), backend="overlay2"),
        _layer(BASE, "base1"),
        _layer(TOP, "top1", parent=BASE),
    )


def _layer(key: str, directory: str, *, parent: str = "", use: LayerUse = LayerUse.IMAGE) -> Layer:
    path = f"{ROOT}/overlay2/{directory}"
    return Layer(
        root=ROOT,
        key=key,
        backend="overlay2",
        use=use,
        cache_id=directory,
        parent=parent,
        diff_path=f"{path}/diff",
        path_kind=PathKind.DIFF,
        paths=(Place(path, Role.LAYER, ("diff", "merged")),),
    )


def orphan(directory: str) -> Layer:
    """Return a directory that nothing claims."""
    return _layer(f"overlay2/{directory}", directory, use=LayerUse.ORPHAN)


def volume(name: str) -> Volume:
    """Return a local volume."""
    around = f"{ROOT}/volumes/{name}"
    places = (Place(f"{around}/_data", Role.VOLUME, (".",)), Place(around, Role.VOLUME_DIR))
    return Volume(root=ROOT, key=name, driver="local", mountpoint=f"{around}/_data", paths=places)


def bind(source: str) -> Bind:
    """Return a host directory that containers mount."""
    return Bind(root=ROOT, key=source, paths=(Place(source, Role.SOURCE, (".",)),))


def mounts(*, volumes: dict[str, str] | None = None, binds: dict[str, str] | None = None) -> tuple[Mount, ...]:
    """Return a container's mounts, from names and sources to destinations."""
    return (
        *(Mount(type="volume", name=name, destination=where) for name, where in (volumes or {}).items()),
        *(Mount(type="bind", source=source, destination=where) for source, where in (binds or {}).items()),
    )


@dataclass(slots=True)
class Cluster:
    """Writes nodes and what is on them."""

    database: Database
    _ids: dict[str, int] = field(default_factory=dict)

    async def node(
        self,
        name: str,
        entries: Sequence[Entry] = (),
        *,
        heard: timedelta | None = timedelta(),
        at: datetime | None = None,
        complete: Sequence[Kind] = tuple(Kind),
        since: datetime = NOW - timedelta(days=30),
    ) -> None:
        """Add a node that was last heard so long ago (``None``: never), and holds ``entries`` since ``at``.

        ``complete`` are the kinds that it listed to the end; it is observed from ``since`` on.
        """
        values = {
            "hostname": f"{name}.example",
            "engine_id": f"engine-{name}",
            "engine": {"data_root": ROOT, "version": "28.5.2"},
            "backends": [
                {
                    "root": ROOT,
                    "name": "overlay2",
                    "type": "graph-driver",
                    "directories": [f"{ROOT}/overlay2", f"{ROOT}/overlay2/l"],
                }
            ],
            "agent": "0.1.0",
            "instance": "",
            "attempt": 1,
            "boot_id": "",
            "former": {},
            "generation": "",
            "hash_version": 1,
            "state_hash": bytes(32),
            "now": NOW,
        }
        async with self.database.agents() as writer:
            identity = NodeIdentity(CLUSTER, name)
            _, rows = await writer.ask(nodes.adding(identity), nodes.locking(CLUSTER, name))
            self._ids[name] = nodes.known(rows, identity).id
            await writer.finish(nodes.greeting(self._ids[name], values))
        async with self.database.ingest() as conn:
            if heard is not None:
                when = datetime.now(UTC) - heard
                await conn.execute(
                    text(
                        "UPDATE nodes SET listed_at = :heard, observed_since = :since, complete = :complete "
                        "WHERE id = :id"
                    ),
                    {
                        "heard": when,
                        "since": min(when, since),
                        "id": self._ids[name],
                        "complete": [kind.value for kind in complete],
                    },
                )
                await conn.execute(
                    text(
                        "INSERT INTO node_heartbeats (node_id, seq, state_hash, heard_at, listed_at) "
                        "VALUES (:id, 1, '', :heard, :heard)"
                    ),
                    {"heard": when, "id": self._ids[name]},
                )
        if entries:
            await self.open(name, entries, at=at)

    async def open(
        self, node: str, entries: Sequence[Entry], *, at: datetime | None = None, after: datetime | None = None
    ) -> None:
        """Begin versions at ``at``; ``after`` is the other bound."""
        openings = [write.Opening(write.name_of(one.entry_key), one, entry_hash(one), after) for one in entries]
        async with self.database.agents() as writer:
            change = write.Change(self._ids[node], at or NOW - timedelta(hours=1), [], openings)
            last = await write.apply(writer, [change])
            await writer.finish(*last.calls, *last.marking)

    async def close(
        self, node: str, entries: Sequence[Entry], *, at: datetime, after: datetime, why: str = "removed"
    ) -> None:
        """End the current versions at ``at``; ``after`` is the other bound."""
        endings = [write.Ending(write.name_of(entry.entry_key), after, why) for entry in entries]
        async with self.database.agents() as writer:
            last = await write.apply(writer, [write.Change(self._ids[node], at, endings, [])])
            await writer.finish(*last.calls, *last.marking)
