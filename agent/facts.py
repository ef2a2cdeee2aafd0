"""What ``/info`` says about the engine and its storage, as plain values.

Only what is wanted is decoded: the answer also holds proxies with their passwords.
Format: Engine API, ``GET /info``.
"""

from dataclasses import dataclass

import msgspec

from protocol import messages
from protocol.text import clean


class _Cluster(msgspec.Struct, frozen=True, rename={"id": "ID"}):
    id: str = ""


class _Swarm(msgspec.Struct, frozen=True, rename="pascal"):
    node_id: str = msgspec.field(default="", name="NodeID")
    control_available: bool = False
    cluster: _Cluster | None = None


class _Namespaces(msgspec.Struct, frozen=True, rename="pascal"):
    containers: str = ""


class _Containerd(msgspec.Struct, frozen=True, rename="pascal"):
    address: str = ""
    namespaces: _Namespaces = _Namespaces()


class Info(msgspec.Struct, frozen=True, rename="pascal"):
    """The part of the answer to ``GET /info`` that is decoded."""

    id: str = msgspec.field(default="", name="ID")
    name: str = ""
    server_version: str = ""
    driver: str = ""
    driver_status: list[list[str]] | None = None
    docker_root_dir: str = ""
    operating_system: str = ""
    architecture: str = ""
    kernel_version: str = ""
    security_options: list[str] | None = None
    swarm: _Swarm = _Swarm()
    containerd: _Containerd | None = None


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What ``/info`` says, beside what travels as ``engine`` in hello.

    ``status`` is the driver's status. ``snapshotter``: the containerd image store is in use; then
    ``containerd_address`` and ``containerd_namespace`` say where. ``rootless`` and ``userns_remap`` come from the
    security options.
    """

    engine: messages.Engine
    status: dict[str, str]
    snapshotter: bool = False
    containerd_address: str = ""
    containerd_namespace: str = ""
    rootless: bool = False
    userns_remap: bool = False


def facts(info: Info, api_version: str) -> EngineFacts:
    """Return what is used of ``/info``; ``api_version`` is the one that was agreed with the engine."""
    options = " ".join(info.security_options or [])
    status = {pair[0]: pair[1] for pair in info.driver_status or [] if len(pair) == 2}
    swarm, containerd = info.swarm, info.containerd or _Containerd()
    return EngineFacts(
        engine=messages.Engine(
            engine_id=_short(info.id),
            version=_short(info.server_version),
            api_version=api_version,
            os=_short(info.operating_system),
            arch=_short(info.architecture),
            kernel=_short(info.kernel_version),
            driver=_short(info.driver),
            data_root=clean(info.docker_root_dir.rstrip("/")),
            hostname=_short(info.name),
            swarm_node=_short(swarm.node_id),
            swarm_cluster=_short(swarm.cluster.id) if swarm.cluster else "",
            manager=swarm.control_available,
            socket=True,
        ),
        status=status,
        snapshotter="snapshotter" in status.get("driver-type", ""),
        containerd_address=containerd.address,
        containerd_namespace=containerd.namespaces.containers,
        rootless="name=rootless" in options,
        userns_remap="name=userns" in options,
    )


def _short(text: str) -> str:
    return clean(text)[:256]
