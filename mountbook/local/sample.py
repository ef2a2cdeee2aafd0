"""Three sample nodes on disk, for a machine without an engine: what their engines would have left there.

One Swarm with the stack ``shop``: the service ``shop_web`` with a replica on each node, the database ``shop_db`` with
its volume, a stopped one-off, and a layer that nothing claims. Each node has its own storage backend. The
real agents read them, as they would read a dead node's disk.
"""

import hashlib
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from mountbook.local.dataroots import ContainerSpec, DataRootSpec, ImageSpec, VolumeSpec, build
from protocol import entries

CLUSTER: Final = "sample"
DATA_ROOT: Final = "/var/lib/docker"
"""What the sample nodes call their data roots."""

_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class SampleNode:
    """One node; ``root`` is the local directory that stands for its ``/``."""

    node: str
    hostname: str
    root: Path


def prepare(directory: Path) -> list[SampleNode]:
    """Return the sample nodes below ``directory``, built now if they are not there yet.

    Raises:
        OSError: the disk does not take them.
    """
    specs = {spec.hostname: spec for spec in _NODES}
    if not directory.exists():
        unfinished = directory.with_name(f"{directory.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        for spec in specs.values():
            _build(unfinished / spec.hostname, spec)
        unfinished.rename(directory)
    return [SampleNode(_swarm_id("node", name), name, directory / name) for name in specs]


@dataclass(frozen=True, slots=True)
class _NodeSpec:
    hostname: str
    root: DataRootSpec


def _build(root: Path, spec: _NodeSpec) -> None:
    (root / "etc").mkdir(parents=True)
    (root / "etc" / "hostname").write_text(f"{spec.hostname}\n")
    data_root = root / DATA_ROOT[1:]
    build(data_root, spec.root)
    (data_root / "engine-id").write_text(f"{_uuid(spec.hostname)}\n")


def _swarm_id(*parts: str) -> str:
    """Return a name as SwarmKit makes them: 25 digits in base 36 (swarmkit ``identity/randomid.go``)."""
    number = int.from_bytes(hashlib.sha256("\0".join(parts).encode()).digest())
    return "".join(_DIGITS[number // 36**place % 36] for place in range(25))


def _uuid(name: str) -> str:
    digits = hashlib.sha256(f"engine\0{name}".encode()).hexdigest()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))


def _task(hostname: str, service: str, slot: int, like: ContainerSpec) -> ContainerSpec:
    """Return ``like`` as the Swarm names and labels a task's container (moby ``daemon/cluster/executor``)."""
    full = f"shop_{service}"
    task_id = _swarm_id("task", full, str(slot))
    name = f"{full}.{slot}.{task_id}"
    labels = {
        entries.LABEL_STACK: "shop",
        entries.LABEL_CLUSTER_NODE: _swarm_id("node", hostname),
        entries.LABEL_SERVICE_ID: _swarm_id("service", full),
        entries.LABEL_SERVICE: full,
        entries.LABEL_TASK: name,
        entries.LABEL_TASK_ID: task_id,
    }
    return replace(like, name=name, labels={"com.docker.swarm.task": "", **labels})


_BASE: Final = {"etc/os-release": "ID=debian\n", "usr/bin/sh": "#!\n" * 400}
_WEB: Final = ImageSpec(
    name="shop/web:2.4", layers=(_BASE, {"srv/app/main.py": "serve()\n" * 50, "srv/app/static/shop.css": "body{}\n"})
)
_DB: Final = ImageSpec(name="postgres:17", layers=(_BASE, {"usr/lib/postgresql/17/bin/postgres": "\n" * 9000}))
_TOOLS: Final = ImageSpec(name="shop/tools:1.0", layers=(_BASE, {"usr/local/bin/import": "#!/bin/sh\n"}))

_WEB_TASK: Final = ContainerSpec(
    name="",
    image=_WEB.name,
    files={"srv/app/cache/index.bin": "0" * 4096, "var/log/app.log": "GET / 200\n" * 200},
    binds={"/srv/app/config": "/srv/shop/config"},
    volumes={"/srv/app/uploads": "shop_uploads"},
)
_DB_TASK: Final = ContainerSpec(
    name="",
    image=_DB.name,
    files={"run/postgresql/.s.PGSQL.5432.lock": "1\n"},
    volumes={"/var/lib/postgresql/data": "shop_db-data"},
)
_IMPORT: Final = ContainerSpec(
    name="import-2026-01",
    image=_TOOLS.name,
    state="exited",
    exit_code=137,
    files={"tmp/orders.csv": "id,amount\n" * 2000},
)
_UPLOADS: Final = VolumeSpec(name="shop_uploads", files={"2026/01/logo.png": "PNG" * 100})
_DB_DATA: Final = VolumeSpec(name="shop_db-data", files={"PG_VERSION": "17\n", "base/1/1259": "0" * 8192})

_NODES: Final = (
    _NodeSpec(
        "sample-1",
        DataRootSpec(
            driver="overlay2",
            seed="sample-1",
            images=(_WEB, _DB),
            containers=(_task("sample-1", "web", 1, _WEB_TASK), _task("sample-1", "db", 1, _DB_TASK)),
            volumes=(_UPLOADS, _DB_DATA),
            leaked=1,
        ),
    ),
    _NodeSpec(
        "sample-2",
        DataRootSpec(
            driver="aufs",
            seed="sample-2",
            images=(_WEB, _TOOLS),
            containers=(_task("sample-2", "web", 2, _WEB_TASK), _IMPORT),
            volumes=(_UPLOADS,),
        ),
    ),
    _NodeSpec(
        "sample-3",
        DataRootSpec(
            driver="vfs",
            seed="sample-3",
            images=(_WEB,),
            containers=(_task("sample-3", "web", 3, _WEB_TASK),),
            volumes=(_UPLOADS,),
        ),
    ),
)
