"""What memory left alone costs on this machine, and a way to keep a process's memory from being left alone.

A virtual machine's host may take memory away that nobody touched for a few seconds; each page then costs up to tens
of microseconds when it is touched again, as CPU time of whoever touches it. A program that wakes every 15 s pays that
for all it needs to wake, whatever it does: its CPU time then tells of the host. ``kept_warm`` reads the resident pages
of a process over and over, so that what it uses is its own.

Format of ``/proc/<pid>/pagemap``: https://docs.kernel.org/admin-guide/mm/pagemap.html
"""

import array
import contextlib
import mmap
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from protocol.messages import HEARTBEAT_EVERY

WARM: Final = 1.0
"""Most microseconds per page for which memory counts as left in place; touched again at once one takes a tenth."""
_PAGE: Final = mmap.PAGESIZE
_PAGES: Final = 8192
_BREATH: Final = 0.02
_MAPPED_ANEW: Final = 5.0
_PRESENT: Final = 1 << 63
_AT_ONCE: Final = 256


def cold_page(alone: float = HEARTBEAT_EVERY) -> float:
    """Return the CPU microseconds of touching a page of one's own that was left alone for so many seconds."""
    with mmap.mmap(-1, _PAGES * _PAGE) as memory:
        for offset in range(0, len(memory), _PAGE):
            memory[offset] = 1
        time.sleep(alone)
        began = time.thread_time()
        for offset in range(0, len(memory), _PAGE):
            memory[offset]
        return (time.thread_time() - began) * 1e6 / _PAGES


@contextlib.contextmanager
def kept_warm(pid: int) -> Iterator[None]:
    """Read the resident memory of a process over and over meanwhile; this user must be allowed to trace it.

    Raises:
        OSError: the process is gone, or may not be traced.
    """
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory, open(f"/proc/{pid}/pagemap", "rb") as pagemap:
        over = threading.Event()

        def read() -> None:
            until, runs = 0.0, list[tuple[int, int]]()
            while not over.wait(_BREATH):
                if time.monotonic() > until:
                    with contextlib.suppress(OSError):  # the process has ended
                        runs, until = resident(pid, pagemap.fileno()), time.monotonic() + _MAPPED_ANEW
                for start, pages in runs:
                    with contextlib.suppress(OSError):  # given back since the list was made
                        os.pread(memory.fileno(), pages * _PAGE, start)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        try:
            yield
        finally:
            over.set()
            reader.join()


def resident(pid: int, pagemap: int) -> list[tuple[int, int]]:
    """Return runs of pages that are in memory, as address and number of pages: reading others would bring them in.

    ``pagemap`` is the open file descriptor of the process's pagemap. Raises OSError when the process has ended.
    """
    runs: list[tuple[int, int]] = []
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        span, permissions, *rest = line.split()
        if not permissions.startswith("r") or rest[-1].startswith(("[vvar", "[vsyscall")):
            continue
        start, end = (int(address, 16) for address in span.split("-"))
        entries = array.array("Q", os.pread(pagemap, (end - start) // _PAGE * 8, start // _PAGE * 8))
        for number, entry in enumerate(entries):
            address = start + number * _PAGE
            if not entry & _PRESENT:
                continue
            if runs and runs[-1][0] + runs[-1][1] * _PAGE == address and runs[-1][1] < _AT_ONCE:
                runs[-1] = runs[-1][0], runs[-1][1] + 1
            else:
                runs.append((address, 1))
    return runs
