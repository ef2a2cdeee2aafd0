"""The directory where ``up`` keeps everything: whose it is, and that only one command uses it at a time."""

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mountbook.errors import UserError


def default() -> Path:
    """Return where ``up`` keeps its data unless told otherwise.

    ``/var/lib/mountbook`` for root, else ``$XDG_DATA_HOME/mountbook`` (``~/.local/share/mountbook``).
    """
    if os.geteuid() == 0:
        return Path("/var/lib/mountbook")
    # The XDG Base Directory Specification ignores a relative path.
    base = os.environ.get("XDG_DATA_HOME", "")
    return Path(base if base.startswith("/") else Path.home() / ".local" / "share") / "mountbook"


@contextmanager
def claimed(data: Path) -> Iterator[Path]:
    """Make the directory if need be and hold it for this process; gives its path without links.

    Raises:
        UserError: it cannot be made or written, or another ``up`` holds it.
    """
    held = _open(data)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(held, 32, 0).decode(errors="replace").strip() or "number unknown"
            raise UserError(
                f"{data} is in use by another `mountbook up` (process {holder}). "
                "Stop that one first, or choose another directory with --data."
            ) from None
        except OSError as exc:
            raise UserError(
                f"{data} lies on a file system without locks ({exc.strerror}); choose another directory with --data."
            ) from exc
        os.ftruncate(held, 0)
        os.pwrite(held, f"{os.getpid()}\n".encode(), 0)
        yield data.resolve()
        os.ftruncate(held, 0)
    finally:
        os.close(held)


def _open(data: Path) -> int:
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.geteuid() == 0:
            # PostgreSQL, which does not run as root, passes through; what is secret has a mode of its own.
            data.chmod(stat.S_IMODE(data.stat().st_mode) | stat.S_IXGRP | stat.S_IXOTH)
        return os.open(data / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as exc:
        if exc.errno in (errno.EEXIST, errno.ENOTDIR):
            raise UserError(f"{data} is not a directory; choose another one with --data.") from exc
        raise UserError(
            f"{data} cannot be written ({exc.strerror}). Choose a directory of your own with --data DIR, "
            "or run the command as a user who may write there."
        ) from exc
