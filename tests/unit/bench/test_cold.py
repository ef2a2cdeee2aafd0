"""Memory kept warm: what is resident is found, and nothing else is brought in."""

import mmap
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.cold import cold_page, kept_warm, resident

_HOLDER = """
import mmap, sys
memory = mmap.mmap(-1, 64 * mmap.PAGESIZE)
for page in range(16):
    memory[page * mmap.PAGESIZE] = 1
import ctypes
print(ctypes.addressof(ctypes.c_char.from_buffer(memory)), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def holder() -> Iterator[tuple[int, int]]:
    """A process that has mapped 64 pages and touched the first 16: its PID, and where they lie."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process.pid, int(process.stdout.readline())
        process.kill()


def _found(pid: int, start: int) -> set[int]:
    """The numbers of those of the 64 pages that are in memory."""
    with open(f"/proc/{pid}/pagemap", "rb") as pagemap:
        runs = resident(pid, pagemap.fileno())
    pages = {address + number * mmap.PAGESIZE for address, length in runs for number in range(length)}
    return {number for number in range(64) if start + number * mmap.PAGESIZE in pages}


def test_pages_that_were_touched_are_found_and_no_others(holder: tuple[int, int]) -> None:
    assert _found(*holder) == set(range(16))


def test_keeping_memory_warm_reads_it_and_brings_nothing_in(holder: tuple[int, int]) -> None:
    before, read = _found(*holder), _characters_read()
    with kept_warm(holder[0]):
        deadline = time.monotonic() + 30
        while _characters_read() < read + (1 << 20):
            assert time.monotonic() < deadline, "nothing was read"
            time.sleep(0.01)
    assert _found(*holder) == before


def test_a_process_that_ends_meanwhile_is_no_error(holder: tuple[int, int]) -> None:
    with kept_warm(holder[0]):
        os.kill(holder[0], 9)
        time.sleep(0.1)


def test_a_process_that_is_gone_cannot_be_kept_warm() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    with pytest.raises(OSError, match=str(process.pid)), kept_warm(process.pid):
        pass


def test_a_cold_page_costs_something() -> None:
    assert 0 < cold_page(0.1) < 100_000


def _characters_read() -> int:
    return int(Path("/proc/self/io").read_text().split()[1])
