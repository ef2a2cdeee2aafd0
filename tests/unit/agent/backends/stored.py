"""An image store of three containers on two images, and what the readers make of it."""

from pathlib import Path

from agent.backends import containerd_roots
from agent.backends.base import BackendReader, DataRoot, Problems, Resolution
from agent.backends.mountinfo import MountTable
from agent.backends.unclaimed import Moment
from protocol.entries import Layer, PathKind
from tests.unit.agent.backends.image_store import ImageStore

HOST = "/var/lib/docker"
ONE, TWO, THREE = ("1" * 64, "2" * 64, "3" * 64)
LATER = Moment(4e9)
"""Long after any tree was made: every grace period is over."""
KINDS = {"overlayfs": PathKind.DIFF, "native": PathKind.FULL_VIEW, "btrfs": PathKind.FULL_VIEW}


def filled(data_root: Path, snapshotter: str = "overlayfs", **options: object) -> ImageStore:
    store = ImageStore(data_root, snapshotter, **options)  # type: ignore[arg-type]
    base = store.image("docker.io/library/base:1", ["a"])
    web = store.image("docker.io/library/web:2", ["a", "b", "c"])
    store.container(ONE, base)
    store.container(TWO, web)
    store.container(THREE, web)
    return store


def readers(store: ImageStore, mounts: str = "", moment: Moment = LATER, **options: object) -> list[BackendReader]:
    root = DataRoot(str(store.data_root), HOST)
    return containerd_roots.readers(root, Problems(), MountTable(mounts.encode()), moment, **options)  # type: ignore[arg-type]


def reader(store: ImageStore, mounts: str = "", moment: Moment = LATER) -> BackendReader:
    (found,) = readers(store, mounts, moment)
    return found


def resolved(store: ImageStore, container: str, mounts: str = "") -> Resolution:
    found = reader(store, mounts).resolve(container)
    assert found is not None
    return found


def layers(store: ImageStore, moment: Moment = LATER) -> dict[str, Layer]:
    return {layer.cache_id: layer for layer in reader(store, moment=moment).layers()}


def overlay(store: ImageStore, container: str, upper: str, lower: str) -> str:
    home = f"{HOST}/containerd/daemon/io.containerd.snapshotter.v1.overlayfs/snapshots"
    point = f"{store.data_root}/rootfs/overlayfs/{container}"
    return f"9 1 0:39 / {point} rw - overlay overlay rw,lowerdir={home}/{lower}/fs:/x,upperdir={home}/{upper}/fs\n"
