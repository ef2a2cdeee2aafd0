"""What processes cost, from ``/proc`` (proc(5)) and their clocks (clock_getcpuclockid(3))."""

import os
import time
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")


def rss_mib(pid: int) -> float:
    """Return the resident memory of a process in MiB, 0 when there is none of that number."""
    return _status(pid, "VmRSS")


def peak_mib(pid: int) -> float:
    """Return the most resident memory that a process ever had in MiB, 0 when there is none of that number."""
    return _status(pid, "VmHWM")


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used, 0 when there is none of that number."""
    # The kernel's number of the process's own clock, in nanoseconds: /proc has only hundredths of a second.
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0


def family_cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process, of its children that live and of those it has waited for."""
    total = cpu_seconds(pid)
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            fields = _stat(int(name))
        except OSError:
            continue
        if int(name) == pid:
            total += sum(map(int, fields[13:15])) / _TICKS
        elif int(fields[1]) == pid:
            total += cpu_seconds(int(name))
    return total


def load_average() -> float:
    """Return how many processes wanted to run in the last minute, on average."""
    return os.getloadavg()[0]


def _stat(pid: int) -> list[str]:
    # The name, in brackets, may hold anything.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _status(pid: int, name: str) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(f"{name}:")), 0.0)
