"""S8: ``where`` by prefix and ``whose`` by path, asked of a collector that is a process of its own.

A collector of one process and one connection of HTTP: what is measured is one question after another. Its CPU time is
the kernel's word, and holds everything that the collector does meanwhile. The buffers are PostgreSQL's count: of the
connections that look things up, and of the whole database, where the access log is written and chained too.
"""

import http.client
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg

from bench import register
from bench.register import Register
from bench.table import Row

ROOT = Path(__file__).resolve().parent.parent
QUESTIONS = 2_000
WARM = 300
P99 = 0.010
CPU = 0.001
BUFFERS = 20.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What a series of questions cost: seconds each, CPU seconds of the collector each, buffers for each row.

    ``buffers`` are those that the look-ups looked at, ``read`` those of them that were not in PostgreSQL's memory,
    ``altogether`` those of everything that happened meanwhile.
    """

    p50: float
    p99: float
    cpu: float
    buffers: float
    read: float
    altogether: float


def measure() -> list[Row]:
    """Ask both kinds of questions about containers chosen by chance."""
    filled = register.filled()
    rows: list[Row] = []
    with collector(filled.url) as served:
        for what, question in (("where PREFIX", _where), ("whose PATH", _whose)):
            asked = _ask(filled, served, question)
            rows += _judged(f"{what}, {filled.current:,} containers, {10 * filled.current:,} closed", asked)
    return rows


def _judged(what: str, asked: Asked) -> list[Row]:
    times = f"p50 {asked.p50 * 1e3:.1f} ms, p99 {asked.p99 * 1e3:.1f} ms (load {os.getloadavg()[0]:.0f})"
    return [
        Row("S8", what, times, goal=f"p99 ≤ {P99 * 1e3:.0f} ms", holds=asked.p99 <= P99),
        Row("S8", "  collector CPU a question", f"{asked.cpu * 1e3:.2f} ms", goal="≤ 1 ms", holds=asked.cpu <= CPU),
        Row(
            "S8",
            "  buffers a row (not found in PostgreSQL's memory)",
            f"{asked.buffers:.1f} ({asked.read:.1f})",
            goal="≤ 20",
            holds=asked.buffers <= BUFFERS,
        ),
        Row("S8", "  with the access log and all else", f"{asked.altogether:.1f}"),
    ]


def _where(number: int) -> str:
    one = register.container(number)
    return f"/api/v1/where?ref={quote(one.name[: one.name.rindex('.') + 6] if number % 2 else one.key[:12])}"


def _whose(number: int) -> str:
    return f"/api/v1/whose?path={quote(f'{register.container(number).diff_path}/etc/nginx/nginx.conf')}"


@dataclass(frozen=True, slots=True)
class Served:
    """A running collector."""

    port: int
    process: int


@contextmanager
def collector(url: str) -> Iterator[Served]:
    """Run a collector on a free port of this machine; reads need no token there, and are recorded all the same."""
    environment = {**os.environ, "MOUNTBOOK_DATABASE": url, "MOUNTBOOK_PORT": "0", "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-m", "collector"], env=environment, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stderr is not None
        try:
            for line in running.stderr:
                if found := re.search(r"http://127\.0\.0\.1:(\d+)", line):
                    yield Served(int(found[1]), running.pid)
                    break
            else:
                raise RuntimeError("the collector did not start")
        finally:
            running.terminate()


def _ask(filled: Register, served: Served, question: Callable[[int], str]) -> Asked:
    chosen = random.Random(8)
    connection = http.client.HTTPConnection("127.0.0.1", served.port)

    def one() -> float:
        target = question(chosen.randrange(filled.current))
        began = time.perf_counter()
        connection.request("GET", target)
        answer = connection.getresponse()
        body = answer.read()
        took = time.perf_counter() - began
        if answer.status != 200 or (b'"container_id"' not in body and b'"key"' not in body):
            raise RuntimeError(f"{target}: {answer.status} {body[:200]!r}")
        return took

    for _ in range(WARM):
        one()
    with psycopg.connect(filled.url, autocommit=True) as database:
        before, cpu = _buffers(database), cpu_seconds(served.process)
        times = sorted(one() for _ in range(QUESTIONS))
        cpu = cpu_seconds(served.process) - cpu
        own, read, altogether = (now - then for now, then in zip(_buffers(database), before, strict=True))
    connection.close()
    return Asked(
        times[len(times) // 2],
        times[len(times) * 99 // 100],
        cpu / QUESTIONS,
        own / QUESTIONS,
        read / QUESTIONS,
        altogether / QUESTIONS,
    )


def cpu_seconds(process: int) -> float:
    """Return the CPU time of a process and its threads. Source: proc(5), ``/proc/PID/stat``, fields 14 and 15."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _buffers(database: "psycopg.Connection[tuple[int, int, int]]") -> tuple[int, int, int]:
    """Return how many buffers look-ups have looked at so far, how many of these were read, and everybody's.

    PostgreSQL 18 counts by connection.

    Sessions report once they were idle for a second.
    """
    time.sleep(2)
    found = database.execute(
        "SELECT coalesce(sum(i.hits + i.reads), 0)::bigint, coalesce(sum(i.reads), 0)::bigint, "
        "(SELECT blks_hit + blks_read FROM pg_stat_database WHERE datname = current_database()) "
        "FROM pg_stat_activity AS a, LATERAL pg_stat_get_backend_io(a.pid) AS i "
        "WHERE a.application_name = 'mountbook collector (questions)' AND a.datname = current_database()"
    ).fetchone()
    if found is None:
        raise RuntimeError("PostgreSQL counts no buffers")
    return found


if __name__ == "__main__":
    for row in measure():
        print(row.cells())
