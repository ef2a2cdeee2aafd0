"""A container's own records as an engine writes them: ``config.v2.json`` and ``hostconfig.json``.

Fields, their order and what stands in the unused ones are those of Engine 20.10 (moby ``container/container.go``,
``api/types/network/network.go``); so a record has the size that readers meet. Nothing in it is anybody's.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

CREATED: Final = "2026-01-05T08:00:00.123456789Z"
STARTED: Final = "2026-01-05T08:00:01.5Z"
FINISHED: Final = "2026-01-05T09:30:00.25Z"
NEVER: Final = "0001-01-01T00:00:00Z"
"""How Go writes a time that was never set."""

_HOME: Final = "/var/lib/docker/containers"
_PATH: Final = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What differs between containers. ``volumes`` and ``binds`` are by destination."""

    container_id: str
    name: str
    image: str
    image_id: str
    driver: str
    state: str
    exit_code: int
    labels: Mapping[str, str]
    environment: Sequence[str]
    volumes: Mapping[str, str]
    binds: Mapping[str, str]

    @property
    def running(self) -> bool:
        """Whether it has a process."""
        return self.state in {"running", "paused"}


def config(of: Recorded) -> dict[str, Any]:
    """Return what stands in ``config.v2.json`` (and, but for few fields, in the ``config.json`` of older engines)."""
    home = f"{_HOME}/{of.container_id}"
    return {
        "StreamConfig": {},
        "State": _state(of),
        "ID": of.container_id,
        "Created": CREATED,
        "Managed": False,
        "Path": "/entrypoint.sh",
        "Args": ["serve", "--listen", ":8080"],
        "Config": _config(of),
        "Image": of.image_id,
        "NetworkSettings": _network(of),
        "LogPath": f"{home}/{of.container_id}-json.log",
        "Name": f"/{of.name}",
        "Driver": of.driver,
        "OS": "linux",
        "MountLabel": "",
        "ProcessLabel": "",
        "RestartCount": 0,
        "HasBeenStartedBefore": of.state != "created",
        "HasBeenManuallyStopped": False,
        "MountPoints": _mount_points(of),
        "SecretReferences": None,
        "ConfigReferences": None,
        "AppArmorProfile": "docker-default",
        "HostnamePath": f"{home}/hostname",
        "HostsPath": f"{home}/hosts",
        "ShmPath": "",
        "ResolvConfPath": f"{home}/resolv.conf",
        "SeccompProfile": "",
        "NoNewPrivileges": False,
        "LocalLogCacheMeta": {"HaveNotifyEnabled": False},
    }


def host_config(of: Recorded) -> dict[str, Any]:
    """Return what stands in ``hostconfig.json``."""
    return {
        "Binds": [f"{source}:{destination}" for destination, source in of.binds.items()] or None,
        "ContainerIDFile": "",
        "LogConfig": {"Type": "json-file", "Config": {"max-file": "3", "max-size": "10m"}},
        "NetworkMode": "bridge",
        "PortBindings": {},
        "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
        "AutoRemove": False,
        "VolumeDriver": "",
        "VolumesFrom": None,
        "CapAdd": None,
        "CapDrop": None,
        "Privileged": False,
        "ReadonlyRootfs": False,
        "ShmSize": 67108864,
        "Runtime": "runc",
        "Memory": 536870912,
        "NanoCpus": 0,
    }


def _state(of: Recorded) -> dict[str, Any]:
    return {
        "Running": of.running,
        "Paused": of.state == "paused",
        "Restarting": False,
        "OOMKilled": False,
        "RemovalInProgress": False,
        "Dead": False,
        "Pid": 4711 if of.running else 0,
        "ExitCode": of.exit_code,
        "Error": "",
        "StartedAt": NEVER if of.state == "created" else STARTED,
        "FinishedAt": FINISHED if of.state == "exited" else NEVER,
        "Health": None,
    }


def _config(of: Recorded) -> dict[str, Any]:
    return {
        "Hostname": of.container_id[:12],
        "Domainname": "",
        "User": "",
        "AttachStdin": False,
        "AttachStdout": False,
        "AttachStderr": False,
        "ExposedPorts": {"8080/tcp": {}},
        "Tty": False,
        "OpenStdin": False,
        "StdinOnce": False,
        "Env": [*of.environment, _PATH, "LANG=C.UTF-8"],
        "Cmd": ["serve", "--listen", ":8080"],
        "Image": of.image,
        "Volumes": None,
        "WorkingDir": "/srv",
        "Entrypoint": ["/entrypoint.sh"],
        "OnBuild": None,
        "Labels": dict(of.labels),
        "StopSignal": "SIGTERM",
    }


def _network(of: Recorded) -> dict[str, Any]:
    sandbox = _hex("sandbox", of) if of.running else ""
    endpoint = {
        "IPAMConfig": None,
        "Links": None,
        "Aliases": None,
        "NetworkID": _hex("network", of) if of.running else "",
        "EndpointID": _hex("endpoint", of) if of.running else "",
        "Gateway": "172.17.0.1" if of.running else "",
        "IPAddress": "172.17.0.2" if of.running else "",
        "IPPrefixLen": 16 if of.running else 0,
        "IPv6Gateway": "",
        "GlobalIPv6Address": "",
        "GlobalIPv6PrefixLen": 0,
        "MacAddress": "02:42:ac:11:00:02" if of.running else "",
        "DriverOpts": None,
        "IPAMOperational": False,
    }
    return {
        "Bridge": "",
        "SandboxID": sandbox,
        "HairpinMode": False,
        "LinkLocalIPv6Address": "",
        "LinkLocalIPv6PrefixLen": 0,
        "Networks": {"bridge": endpoint},
        "Service": None,
        "Ports": {"8080/tcp": None} if of.running else None,
        "SandboxKey": f"/var/run/docker/netns/{sandbox[:12]}" if sandbox else "",
        "SecondaryIPAddresses": None,
        "SecondaryIPv6Addresses": None,
        "IsAnonymousEndpoint": False,
        "HasSwarmEndpoint": False,
    }


def _mount_points(of: Recorded) -> dict[str, dict[str, Any]]:
    points: dict[str, dict[str, Any]] = {}
    for destination, name in of.volumes.items():
        points[destination] = {
            "Source": "",
            "Destination": destination,
            "RW": True,
            "Name": name,
            "Driver": "local",
            "Type": "volume",
            "Relabel": "z",
            "Spec": {"Type": "volume", "Source": name, "Target": destination},
            "SkipMountpointCreation": False,
        }
    for destination, source in of.binds.items():
        points[destination] = {
            "Source": source,
            "Destination": destination,
            "RW": True,
            "Name": "",
            "Driver": "",
            "Type": "bind",
            "Propagation": "rprivate",
            "Spec": {"Type": "bind", "Source": source, "Target": destination},
            "SkipMountpointCreation": False,
        }
    return points


def _hex(what: str, of: Recorded) -> str:
    return hashlib.sha256(f"{what} {of.container_id}".encode()).hexdigest()
