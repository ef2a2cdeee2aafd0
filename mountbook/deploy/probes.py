"""What can be learnt of the nodes without docker: who answers on a port, and how this machine's mounts are.

Docker's command may speak to a Swarm from anywhere; what only a manager itself can tell is told there only.
"""

import contextlib
import os
import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

_PATIENCE: Final = 1.0
"""Seconds that a node may take to answer."""
_AT_ONCE: Final = 64
_PIDFILES: Final = ("/var/run/docker.pid", "/run/docker.pid")


def answering(addresses: Iterable[str], port: int) -> frozenset[str]:
    """Return the addresses where something takes TCP connections on a port."""
    wanted = sorted(set(addresses))
    if not wanted:
        return frozenset()
    with ThreadPoolExecutor(min(_AT_ONCE, len(wanted))) as threads:
        answers = list(threads.map(lambda address: _answers(address, port), wanted))
    return frozenset(address for address, answers in zip(wanted, answers, strict=True) if answers)


def _answers(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), timeout=_PATIENCE):
            return True
    except (OSError, UnicodeError):
        return False


def is_here(address: str) -> bool:
    """Whether an IP address is one of this machine's."""
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            address, 0, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.bind(where)
    except (OSError, UnicodeError):
        return False
    return True


def engines_mounts() -> str:
    """Return the mount table of this machine's engine, "" when this process cannot tell that it has the same."""
    for path in _PIDFILES:
        with contextlib.suppress(OSError, ValueError):
            with open(path, encoding="ascii") as file:
                process = f"/proc/{int(file.read())}"
            with open(f"{process}/comm", encoding="utf-8", errors="replace") as file:
                name = file.read().strip()
            if name == "dockerd" and os.readlink(f"{process}/ns/mnt") == os.readlink("/proc/self/ns/mnt"):
                with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
                    return file.read()
    return ""


def is_private(mountinfo: str, path: str) -> bool:
    """Whether later mounts below a path stay out of containers that bind it with ``rslave``.

    ``mountinfo`` is as in proc_pid_mountinfo(5); an empty one says nothing.
    """
    best: tuple[int, list[str]] | None = None
    for line in mountinfo.splitlines():
        fields = line.split()
        if len(fields) < 7 or "-" not in fields:
            continue
        point = fields[4].rstrip("/")
        if (path == point or path.startswith(f"{point}/")) and (best is None or len(point) >= best[0]):
            best = (len(point), fields[6 : fields.index("-")])
    return best is not None and not any(option.startswith(("shared:", "master:")) for option in best[1])
