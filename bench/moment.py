"""S9: every container of the cluster at a moment, streamed by a collector, beside COPY of the same query."""

import http.client
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from bench import register
from bench.questions import collector
from bench.table import Row, at_most
from collector.store.read import rows
from collector.store.read.versions import Versions
from protocol.entries import Kind
from protocol.times import to_text

PAIRS = 5
GOAL = 2.5
FLAT = 64 * 1024 * 1024
"""Bytes that the collector's memory may grow by, however many rows it sends."""


def measure() -> list[Row]:
    """Stream and copy in turn; look at the collector's memory, and count the buffers of the query."""
    filled = register.filled()
    when = datetime.now(UTC) - timedelta(minutes=10)
    statement = _statement(Versions(when))
    with collector(filled.url) as served, psycopg.connect(filled.url, autocommit=True) as database:
        _stream(served.port, when)
        before = _peak(served.process)
        pairs = []
        sent = 0
        for _ in range(PAIRS):
            began = time.perf_counter()
            sent = _stream(served.port, when)
            ours = time.perf_counter() - began
            pairs.append((ours, _copy(database, statement)))
        grown = _peak(served.process) - before
        buffers = _buffers(database, statement)
    what = f"{sent:,} containers at a moment, streamed / COPY of the same query"
    return [
        at_most("S9", what, "s", pairs, GOAL),
        Row("S9", "  memory grown", f"{grown / 2**20:.1f} MiB", goal="flat (≤ 64 MiB)", holds=grown <= FLAT),
        Row("S9", "  buffers a row", f"{buffers / max(sent, 1):.1f}"),
    ]


def _stream(port: int, when: datetime) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    target = f"/api/v1/containers?at={quote(to_text(when))}"
    connection.request("GET", target, headers={"Accept": "application/x-ndjson"})
    answer = connection.getresponse()
    if answer.status != 200:
        raise RuntimeError(f"{target}: {answer.status} {answer.read()[:200]!r}")
    lines, last = 0, b""
    while chunk := answer.read(1 << 20):
        lines += chunk.count(b"\n")
        last = (last + chunk)[-1_000:]
    connection.close()
    if b'"coverage"' not in last and b'"rows"' not in last:
        raise RuntimeError("the stream broke off")
    return lines - 1


def _copy(database: "psycopg.Connection[tuple[object, ...]]", statement: sql.Composed) -> float:
    began = time.perf_counter()
    with database.cursor().copy(sql.SQL("COPY ({}) TO STDOUT").format(statement)) as copied:
        for _ in copied:
            pass
    return time.perf_counter() - began


def _statement(versions: Versions) -> sql.Composed:
    """Return the query that the collector runs, its parameters written out."""
    given = {**versions.parameters, "kind": Kind.CONTAINER.value}
    text = rows.select(Kind.CONTAINER, versions.where("kind = :kind"))
    parts: list[sql.Composable] = []
    for number, part in enumerate(re.split(r"(?<!:):([a-z_]+)", text)):
        parts.append(sql.Literal(given[part]) if number % 2 else sql.SQL(part))
    return sql.Composed(parts)


def _buffers(database: "psycopg.Connection[tuple[object, ...]]", statement: sql.Composed) -> int:
    explained = database.execute(
        sql.SQL("EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, SUMMARY OFF) {}").format(statement)
    ).fetchall()
    for (line,) in explained:
        if found := re.search(r"Buffers: shared (?:hit=(\d+))?(?: ?read=(\d+))?", str(line)):
            return int(found[1] or 0) + int(found[2] or 0)
    return 0


def _peak(process: int) -> int:
    """Return the most memory that a process ever had, in bytes. Source: proc(5), VmHWM."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    return int(found[1]) * 1024 if found is not None else 0


if __name__ == "__main__":
    for row in measure():
        print(row.cells())
