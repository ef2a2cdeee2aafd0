"""Whether this machine has a Docker engine, and whether this user may ask it."""

import errno
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

DEFAULT_SOCKET: Final = "/var/run/docker.sock"
_PATIENCE: Final = 2.0


class Reach(Enum):
    """How far the engine's socket can be reached."""

    READY = auto()
    ABSENT = auto()
    FORBIDDEN = auto()
    SILENT = auto()
    """The socket is there and nobody listens."""
    REMOTE = auto()
    """DOCKER_HOST names an engine over the network: its disk is not here."""


@dataclass(frozen=True, slots=True)
class Found:
    """The engine's socket; ``path`` is empty when it is remote."""

    address: str
    path: str
    reach: Reach


def look(docker_host: str) -> Found:
    """Find the local engine's socket. ``docker_host`` is the value of DOCKER_HOST, ``""`` for the default.

    Where nothing answers at the default, a rootless engine's is tried: this user's, and for root everybody's.
    """
    found = _try(docker_host or f"unix://{DEFAULT_SOCKET}")
    if docker_host or found.reach is Reach.READY:
        return found
    return next((one for one in map(_try, rootless(os.environ)) if one.reach is Reach.READY), found)


def rootless(environment: Mapping[str, str], users: str = "/run/user") -> list[str]:
    """Return the addresses where rootless engines listen that this user may ask; ``users`` has a directory for each."""
    runtime = environment.get("XDG_RUNTIME_DIR", "")
    own = [runtime] if runtime else []
    try:
        names = sorted(os.listdir(users), key=lambda name: (name != str(os.geteuid()), name))
    except OSError:
        names = []
    places = dict.fromkeys([*own, *(f"{users}/{name}" for name in names)])
    return [f"unix://{place}/docker.sock" for place in places if os.path.exists(f"{place}/docker.sock")]


def _try(address: str) -> Found:
    if not address.startswith("unix://"):
        return Found(address, "", Reach.REMOTE)
    path = address.removeprefix("unix://")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_PATIENCE)
        try:
            probe.connect(path)
        except PermissionError:
            return Found(address, path, Reach.FORBIDDEN)
        except OSError as exc:
            gone = exc.errno in (errno.ENOENT, errno.ENOTDIR)
            return Found(address, path, Reach.ABSENT if gone else Reach.SILENT)
    return Found(address, path, Reach.READY)


def sentence(found: Found) -> str:
    """Return what to tell somebody whose engine is not ``READY``."""
    match found.reach:
        case Reach.FORBIDDEN:
            return (
                f"You may not use the engine's socket {found.path}. Join its group with "
                "`sudo usermod -aG docker $USER` and log in again, or run this command with sudo"
            )
        case Reach.SILENT:
            return f"Nothing answers on the engine's socket {found.path}: the engine is not running"
        case Reach.REMOTE:
            return f"DOCKER_HOST is {found.address}: that engine's disk is not on this machine"
        case _:
            return f"There is no Docker engine on this machine (no socket {found.path})"
