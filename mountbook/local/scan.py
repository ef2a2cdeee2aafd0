"""``scan ROOT``: the agent's own look at a data root on disk, with no engine and no collector."""

import os
from pathlib import Path
from typing import Final

from agent import elsewhere
from agent.backends import discover
from agent.backends.base import DataRoot
from agent.backends.discover import Disk
from agent.inventory import take
from mountbook.errors import UserError
from mountbook.local import rows
from protocol.answers import Scan
from protocol.text import from_path

_SIGNS: Final = ("image/<driver>/layerdb", "containers", "graph")
"""What a data root has: one of the first two, or the last before Engine 1.10."""
_USUAL: Final = ("var/lib/docker", "lib/docker", "docker", "common/var-lib-docker", ".local/share/docker")
"""Where the data root may lie below a directory that was named instead of it: /, /var, a snap's, a user's home."""


def scan(root: Path, *, containerd_root: Path | None, host_root: str | None) -> Scan:
    """Read the data root ``root``; paths are given below it, or below ``host_root`` as the host once saw them.

    Raises:
        UserError: one of the paths is no directory, cannot be read or is no data root.
    """
    local = _directory(root)
    host = from_path(local) if host_root is None else _host_path(host_root)
    containerd = None if containerd_root is None else _containerd(_directory(containerd_root), local, host)
    disks = discover.look(host, local=local, containerd=containerd)
    if not any(_is_data_root(disk) for disk in disks):
        raise UserError(_no_data_root(root))
    if disks[0].unreadable:
        raise UserError(f"{root}: {disks[0].unreadable}. Run the command as a user who may, such as root.")
    found = take(disks, None)
    return rows.scan(host, found.entries, list(found.problems))


def _directory(path: Path) -> str:
    absolute = os.path.abspath(path)
    try:
        os.listdir(absolute)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist.") from None
    except NotADirectoryError:
        raise UserError(f"{path} is not a directory; name the engine's data root, such as /var/lib/docker.") from None
    except OSError as exc:
        raise UserError(
            f"{path} cannot be read ({exc.strerror}). Run the command as a user who may, such as root."
        ) from exc
    return absolute


def _containerd(local: str, root: str, host: str) -> DataRoot:
    """Return containerd's root with the name that the host had for it, if the data root's name tells."""
    above = root.removesuffix(host)
    told = root.endswith(host) and local.startswith(f"{above}/")
    return DataRoot(local, from_path(local.removeprefix(above) if told else local))


def _host_path(given: str) -> str:
    regular = os.path.normpath(given).rstrip("/")
    if not given.startswith("/") or not regular:
        raise UserError(f"--as {given!r} is no data root; write what the host called it, such as /var/lib/docker.")
    return f"/{regular.lstrip('/')}"


def _is_data_root(disk: Disk) -> bool:
    return bool(disk.readers) or os.path.isdir(f"{disk.root.local}/containers")


def _no_data_root(root: Path) -> str:
    looked = f"{root} is not an engine's data root: it has none of {', '.join(_SIGNS)}."
    inner = [root / name for name in _USUAL if os.path.isdir(root / name / "containers")]
    inner += [root / one.lstrip("/") for one in elsewhere.data_roots(os.path.abspath(root))]
    return f"{looked} Did you mean {inner[0]}?" if inner else looked
