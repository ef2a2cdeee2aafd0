"""Whether an engine is at work on a data root: while it runs it holds a lock on the database of its volumes.

The lock is only looked for in the kernel's list, never taken: taking it could keep an engine from starting. The
list names no locks of processes that the reader cannot see (pid_namespaces(7)).
Sources: moby ``volume/service/store.go`` (``volumes/metadata.db``, a bbolt file); proc_locks(5).
"""

import os
from collections.abc import Iterable


def engine_at_work(local: str) -> bool:
    """Return whether a process that can be seen holds the lock of the data root at ``local``."""
    try:
        inode = os.stat(f"{local}/volumes/metadata.db", follow_symlinks=False).st_ino
        with open("/proc/locks", encoding="ascii", errors="replace") as locks:
            return inode in _locked(locks)
    except OSError:
        return False


def _locked(lines: Iterable[str]) -> set[int]:
    """Return the numbers of all locked inodes; of two file systems the same number may be meant."""
    found = set()
    for line in lines:
        # 1: FLOCK  ADVISORY  WRITE 4711 fd:01:131083 0 EOF
        for word in line.split():
            if word.count(":") == 2:
                found.add(int(word.rpartition(":")[2]))
    return found
