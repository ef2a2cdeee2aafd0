"""Whether this machine has a Docker engine, and whether this user may ask it."""

import errno
import socket
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
    """Find the local engine's socket. ``docker_host`` is the value of DOCKER_HOST, ``""`` for the default."""
    address = docker_host or f"unix://{DEFAULT_SOCKET}"
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
