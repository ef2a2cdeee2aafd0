"""A data root to break, and what the inventory makes of it."""

import time
from pathlib import Path

from agent.backends.discover import look
from agent.inventory import Inventory, take
from mountbook.local.dataroots import BuiltRoot, ContainerSpec, DataRootSpec, ImageSpec, build
from protocol.entries import Container, Layer, LayerUse, ResolvedBy

HOST = "/var/lib/docker"
LATER = 4e9


def make(path: Path, containers: int = 3) -> BuiltRoot:
    return build(
        path,
        DataRootSpec(
            driver="overlay2",
            images=(ImageSpec(name="busybox:1", layers=({"bin/sh": "#!"}, {"etc/os": "x"})),),
            containers=tuple(ContainerSpec(name=f"c{number}", image="busybox:1") for number in range(containers)),
        ),
    )


def inventory(root: Path, now: float = LATER) -> Inventory:
    return take(look(HOST, local=str(root), driver="overlay2", now=now), None, now=now)


def by_name(found: Inventory) -> dict[str, Container]:
    return {entry.name: entry for entry in found.entries if isinstance(entry, Container)}


def alive(built: BuiltRoot, *, after: float) -> Inventory:
    """Look as an agent does, so many seconds after the last change, with the tree where its host has it."""
    host = built.path.parent
    now = time.time() + after
    return take(look("/docker", prefix=str(host), driver="overlay2", now=now), None, now=now)


def unclaimed(found: Inventory) -> dict[str, LayerUse]:
    return {one.cache_id: one.use for one in found.entries if isinstance(one, Layer) and one.use is not LayerUse.IMAGE}


def mounts(built: BuiltRoot, name: str) -> Path:
    return built.path / "image/overlay2/layerdb/mounts" / built.container(name).container_id


def others_are_whole(found: Inventory, built: BuiltRoot, hurt: str) -> None:
    for truth in built.containers:
        if truth.name != hurt:
            entry = by_name(found)[truth.name]
            assert (entry.mount_id, entry.resolved_by, entry.reason) == (truth.mount_id, ResolvedBy.LAYERDB, "")
