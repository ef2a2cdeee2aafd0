"""Builds the containerd image store of an engine on disk: its two databases, content and directories."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from agent.backends.containerd_db import ACTIVE, COMMITTED
from agent.backends.containerd_images import BLOBS
from agent.backends.containerd_store import META, SHAPES, SNAPSHOTTER
from agent.backends.imagedb import chain_ids
from protocol.entries import PathKind
from tests.unit.agent.backends.bolt_writer import PLAIN, Style, Tree, tree, write

TIME = b"\x01\x00\x00\x00\x0e\xe2\x97\xa7\x15'l\xbb)\xff\xff"
"""A moment as Go writes it."""

Fields = dict[str, bytes]


def uvarint(number: int) -> bytes:
    data = bytearray()
    while number > 0x7F:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*data, number))


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


class ImageStore:
    """What containerd would have written down; ``write`` puts it on disk. Its parts may be spoilt before that."""

    def __init__(
        self, data_root: Path, snapshotter: str = "overlayfs", *, root: Path | None = None, namespace: str = "moby"
    ) -> None:
        """``root`` is containerd's, unless that lies below the data root."""
        self.data_root = data_root
        self.root = root or data_root / "containerd/daemon"
        self.snapshotter, self.namespace = snapshotter, namespace
        self.names: dict[str, dict[str, object]] = {}
        self.numbers: dict[str, Fields] = {}
        self.links: dict[bytes, bytes] = {}
        self.content: dict[str, dict[str, bytes]] = {}
        self.images: dict[str, str] = {}
        self.leases: dict[str, list[str]] = {}
        self.containers: dict[str, bytes] = {}
        self.labels: dict[str, dict[str, bytes]] = {}
        self.last = 0
        self._sequence = 0

    @property
    def home(self) -> Path:
        return self.root / (SNAPSHOTTER + self.snapshotter)

    @property
    def meta(self) -> Path:
        return self.root / META

    def snapshot(self, key: str, parent: str = "", kind: bytes = COMMITTED) -> str:
        """Add a snapshot and return its number."""
        self.last += 1
        self._sequence += 2
        name = f"{self.namespace}/{self._sequence}/{key}"
        self.names[key] = {"name": name.encode(), "createdat": TIME, "updatedat": TIME}
        self.numbers[name] = {"id": uvarint(self.last), "kind": kind, "createdat": TIME, "updatedat": TIME}
        if parent:
            children = self.names[parent].setdefault("children", {})
            assert isinstance(children, dict)
            children[key] = b""
            self.names[key]["parent"] = parent.encode()
            below = self.name(parent)
            self.numbers[name]["parent"] = below.encode()
            self.links[self.numbers[below]["id"] + b"\0" + uvarint(self.last)] = name.encode()
        if kind == COMMITTED:
            self.numbers[name] |= {"size": uvarint(4096), "inodes": uvarint(7)}
        return str(self.last)

    def number(self, key: str) -> str:
        """Return the number of a snapshot."""
        raw = self.numbers[self.name(key)]["id"]
        return str(sum((byte & 0x7F) << 7 * place for place, byte in enumerate(raw)))

    def blob(self, data: bytes, **labels: str) -> str:
        """Store content under its digest."""
        name = digest(data)
        path = self.root / BLOBS / name.removeprefix("sha256:")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        self.content[name] = {f"containerd.io/{label}": value.encode() for label, value in labels.items()}
        return name

    def image(self, name: str, layers: Sequence[str], *, platform: str = "linux/amd64", named: bool = True) -> str:
        """Add an image of layers with these contents and return its digest; what is there already is shared."""
        diffs = [digest(layer.encode()) for layer in layers]
        chain = chain_ids(diffs)
        for key, parent in zip(chain, ("", *chain), strict=False):
            if key not in self.names:
                self.snapshot(key, parent)
        os, _, architecture = platform.partition("/")
        config = {
            "created": "2026-01-05T08:00:00Z",
            "os": os,
            "architecture": architecture,
            "config": {"Env": ["PASSWORD=hunter2"]},
            "rootfs": {"type": "layers", "diff_ids": diffs},
        }
        configured = self.blob(json.dumps(config).encode(), **{f"gc.ref.snapshot.{self.snapshotter}": chain[-1]})
        manifest = {"schemaVersion": 2, "config": {"mediaType": "config", "digest": configured}, "layers": []}
        found = self.blob(json.dumps(manifest).encode(), **{"gc.ref.content.config": configured})
        if named:
            self.images[name] = found
        return found

    def container(
        self, container_id: str, image: str, *, record: bool = True, lease: bool = True, spec: str = "{}"
    ) -> str:
        """Add a container on an image's uppermost layer and return the number of its snapshot."""
        init = f"{container_id}-init"
        self.snapshot(init, self.top(image))
        number = self.snapshot(container_id, init, ACTIVE)
        if lease:
            self.leases[container_id] = [container_id, init]
        if record:
            (self.data_root / "containers" / container_id).mkdir(parents=True)
        self.containers[container_id] = spec.encode()
        return number

    def top(self, image: str) -> str:
        """Return the uppermost chain ID of an image."""
        manifest = json.loads((self.root / BLOBS / image.removeprefix("sha256:")).read_bytes())
        labels = self.content[manifest["config"]["digest"]]
        return labels[f"containerd.io/gc.ref.snapshot.{self.snapshotter}"].decode()

    def cache(self, record: str, parent: str = "") -> str:
        """Add a record of the build cache with its snapshot and lease."""
        number = self.snapshot(record, parent)
        self.leases[record] = [record]
        path = self.data_root / f"buildkit/containerd-{self.snapshotter}/metadata_v2.db"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(write(tree({"_main": {name: {"cache.snapshot": b"{}"} for name in self.leases}})))
        return number

    def write(self, style: Style = PLAIN) -> None:
        """Write the databases and make every snapshot's directory."""
        self.write_databases(style)
        shape = SHAPES[self.snapshotter]
        if shape.path_kind is not PathKind.DATASET:
            for key in self.names:
                kind = self.numbers[self.name(key)]["kind"]
                (self.home / shape.directory(kind) / self.number(key) / shape.diff).mkdir(parents=True, exist_ok=True)

    def write_databases(self, style: Style = PLAIN) -> None:
        """Write what is in the records, and leave the directories as they are."""
        self.meta.parent.mkdir(parents=True, exist_ok=True)
        self.home.mkdir(parents=True, exist_ok=True)
        self.meta.write_bytes(write(self._meta(), style))
        numbers = tree({name: dict(fields) for name, fields in self.numbers.items()}, self.last)
        snapshotter = tree({"v1": tree({"snapshots": numbers, "parents": Tree(self.links)})})
        (self.home / "metadata.db").write_bytes(write(snapshotter, style))

    def name(self, key: str) -> str:
        """Return the name that the snapshotter has for a key."""
        name = self.names[key]["name"]
        assert isinstance(name, bytes)
        return name.decode()

    def _meta(self) -> Tree:
        snapshots = {
            key: {**fields, **({"labels": self.labels[key]} if key in self.labels else {})}
            for key, fields in self.names.items()
        }
        top: dict[str, object] = {
            "content": {"blob": {name: {"createdat": TIME, "labels": labels} for name, labels in self.content.items()}},
            "containers": {
                name: {"createdat": TIME, "runtime": {"name": b"io.containerd.runc.v2"}, "spec": spec}
                for name, spec in self.containers.items()
            },
            "images": {
                name: {"createdat": TIME, "target": {"digest": target.encode(), "mediatype": b"m"}}
                for name, target in self.images.items()
            },
            "leases": {
                name: {"createdat": TIME, "snapshots": {self.snapshotter: dict.fromkeys(keys, b"")}}
                for name, keys in self.leases.items()
            },
            "snapshots": {self.snapshotter: tree(snapshots, self._sequence)},
        }
        return tree({"v1": {self.namespace: top}})
