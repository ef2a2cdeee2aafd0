"""Engines that see other mounts than this process, and where else than at the usual place data roots are.

A rootless engine, and one from a snap, runs in a mount namespace of its own: what it mounts, perhaps its data root
too, is seen through its process only, ``/proc/<pid>/root``, whose mount table is ``/proc/<pid>/mountinfo``. That takes
the right to trace it: root's, or that of the user who started it. Paths below are the host's.
"""

import contextlib
import os
from collections.abc import Iterator
from typing import Final

from agent.backends.discover import DEFAULT_DATA_ROOT, real_path

SNAP_DATA_ROOT: Final = "/var/snap/docker/common/var-lib-docker"
_ROOTLESS: Final = ".local/share/docker"
"""Below the home directory of the user whose engine it is, unless XDG_DATA_HOME says otherwise."""


def through(process: int, data_root: str) -> str:
    """Return where to look from for what a process mounts: its root directory if it has mounts of its own.

    ``""`` when it sees what this process sees, when it may not be looked at, or when the engine's data root is not
    there: then the process only passes on what an engine elsewhere says. ``process`` is 0 for one that is not known.
    """
    view = f"/proc/{process}/root"
    try:
        if not process or os.readlink(f"/proc/{process}/ns/mnt") == os.readlink("/proc/self/ns/mnt"):
            return ""
    except OSError:
        return ""
    return view if _is_data_root(view, data_root) else ""


def usual_data_root(prefix: str) -> str:
    """Return the data root that an engine here most likely has: the usual one, or a snap's where only that exists."""
    if not _is_data_root(prefix, DEFAULT_DATA_ROOT) and _is_data_root(prefix, SNAP_DATA_ROOT):
        return SNAP_DATA_ROOT
    return DEFAULT_DATA_ROOT


def data_roots(prefix: str) -> list[str]:
    """Return every data root at a place where engines, snaps and users keep theirs; each once, whatever leads to it."""
    found: dict[str, str] = {}
    for root in (DEFAULT_DATA_ROOT, SNAP_DATA_ROOT, *(f"{home}/{_ROOTLESS}" for home in _homes(prefix))):
        if _is_data_root(prefix, root):
            found.setdefault(real_path(root, prefix), root)
    return list(found.values())


def _is_data_root(prefix: str, root: str) -> bool:
    return os.path.isdir(f"{prefix}{real_path(root, prefix)}/containers")


def _homes(prefix: str) -> Iterator[str]:
    """Yield the home directories of the host's users (passwd(5)), and those below /home."""
    homes: dict[str, None] = {}
    with contextlib.suppress(OSError), open(f"{prefix}/etc/passwd", encoding="utf-8", errors="replace") as file:
        homes |= {fields[5].rstrip("/"): None for line in file if len(fields := line.split(":")) == 7}
    with contextlib.suppress(OSError):
        homes |= {f"/home/{name}": None for name in sorted(os.listdir(f"{prefix}/home"))}
    yield from filter(None, homes)
