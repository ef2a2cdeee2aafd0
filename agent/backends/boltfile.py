"""Reading bbolt files that their owner has open.

containerd and BuildKit hold an exclusive lock and write on; reading the bytes works. A transaction never writes to a
page that the one before it can reach, so pages that were read are a true copy if, and only if, the transaction number
is the same before and after. Only the pages that are asked for are copied: thousands of container specifications,
environment included, never are.
"""

import os
import stat
import time
from collections.abc import Callable
from typing import Final, TypeVar

from agent.backends.bbolt import Bolt
from agent.backends.boltmeta import META, BoltError

ATTEMPTS: Final = 10
PAUSE: Final = 0.003
"""Seconds before the second attempt; each further one waits so much longer. Transactions come in bursts."""
_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

T = TypeVar("T")


def read(path: str, extract: Callable[[Bolt], T]) -> T:
    """Return what ``extract`` makes of a database, all of it as of one transaction.

    ``extract`` is called again when the owner wrote meanwhile; nothing of the database may be used after it returned.

    Raises:
        FileNotFoundError: there is no such file.
        BoltError: it cannot be read, is no bbolt database, is damaged, or is never at rest.
    """
    try:
        descriptor = os.open(path, _FLAGS)
    except FileNotFoundError:
        raise
    except OSError as exc:
        raise BoltError(f"cannot be opened ({exc.strerror})") from exc
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise BoltError("is no regular file")
        return _undisturbed(descriptor, extract)
    except OSError as exc:
        raise BoltError(f"cannot be read ({exc.strerror})") from exc
    finally:
        os.close(descriptor)


def _undisturbed(descriptor: int, extract: Callable[[Bolt], T]) -> T:
    for attempt in range(ATTEMPTS):
        time.sleep(attempt * PAUSE)
        live = _Live(descriptor)
        try:
            found = extract(Bolt(live))
        except BoltError:
            if not live.changed():  # only in a true copy is it damage
                raise
        else:
            if not live.changed():
                return found
    raise BoltError(f"was written to during each of {ATTEMPTS} attempts to read it")


class _Live:
    """A file that its owner may be writing to."""

    def __init__(self, descriptor: int) -> None:
        self.size = os.fstat(descriptor).st_size
        self._descriptor = descriptor
        self._metas: list[tuple[int, bytes]] = []
        self._settled = True

    def read(self, offset: int, length: int) -> bytes:
        data = os.pread(self._descriptor, length, offset)
        if length == META.size:
            self._metas.append((offset, data))
        self._settled = False
        return data

    def settle(self) -> None:
        if self.changed():
            raise BoltError("was written to while it was read")

    def changed(self) -> bool:
        """Whether a meta page is another than at first; what was read before a time when none was is a true copy."""
        if not self._settled:
            self._settled = all(os.pread(self._descriptor, META.size, at) == data for at, data in self._metas)
        return not self._settled
