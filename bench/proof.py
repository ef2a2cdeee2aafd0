"""X4's soak: ten million entries of the audit log, verified against a checkpoint: from a database, and over HTTP.

``MOUNTBOOK_BENCH_ENTRIES`` sets another number; the goal is then the same speed.
"""

import os
import resource
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from bench.questions import collector
from bench.table import Row
from collector.ledger import checkpoints
from collector.ledger.chain import START, link_hash, microseconds
from collector.ledger.checkpoints import Read
from collector.ledger.signing import SigningKey
from collector.store.ledger import Head
from migrations.run import upgrade
from mountbook.client import Client
from mountbook.local import ledger, postgres

ENTRIES = 10_000_000
SECONDS = 600.0
KEY = SigningKey(bytes(range(32)))


def measure() -> list[Row]:
    """Make a chain in a database of its own, and verify it."""
    entries = int(os.environ.get("MOUNTBOOK_BENCH_ENTRIES", str(ENTRIES)))
    data = Path(tempfile.mkdtemp(prefix="mountbook-proof-"))
    data.chmod(0o755)
    server = postgres.start(data)
    try:
        upgrade(server.url)
        given = ledger.Witnesses(KEY.public, [_fill(server.url, entries)])
        rows = [_row("from the database", entries, ledger.read(server.url, given, lambda _: None))]
        with collector(server.url) as served, Client(f"http://127.0.0.1:{served.port}", None) as client:
            rows.append(_row("from a collector", entries, ledger.ask(client, given, lambda _: None)))
    finally:
        server.stop()
        shutil.rmtree(data)
    return rows


def _row(whence: str, entries: int, verdict: ledger.Verdict) -> Row:
    if not verdict.whole or verdict.entries < entries:
        raise RuntimeError(f"the chain is not whole: {verdict.what}")
    speed = verdict.entries_per_second
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    return Row(
        "X4",
        f"verify of {entries:,} entries of the audit log {whence}",
        f"{speed:,} a second, {ENTRIES / speed / 60:.1f} minutes for ten million, {most} MiB",
        goal="≤ 10 minutes",
        holds=ENTRIES / speed <= SECONDS,
    )


def _fill(url: str, entries: int) -> Read:
    """Chain so many entries; return a checkpoint of the last."""
    now = datetime.now(UTC)
    made = START
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        with connection.cursor().copy("COPY audit_log (seq, chained_at, at, kind, body, hash) FROM STDIN") as copy:
            for line, last in _lines(entries, now):
                copy.write(line)
                made = last
        connection.execute("UPDATE audit_head SET seq = %s, hash = %s", (entries, made))
        row = connection.execute("SELECT register FROM audit_head").fetchone()
    if row is None:
        raise RuntimeError("the register has no head")
    return Read("the checkpoint", checkpoints.make(Head(row[0], entries, made, now), now, KEY))


def _lines(entries: int, now: datetime) -> Iterator[tuple[bytes, bytes]]:
    when, written, before = microseconds(now), now.isoformat(), START
    for seq in range(1, entries + 1):
        body = (
            f'{{"cluster":"bench","generation":"g","node":"node{seq % 500}","seq":{(seq - 1) // 500},'
            f'"state_hash":"{seq:064x}"}}'
        )
        before = link_hash(before, seq, when, when, "state", body)
        yield f"{seq}\t{written}\t{written}\tstate\t{body}\t\\\\x{before.hex()}\n".encode(), before


if __name__ == "__main__":
    for row in measure():
        print(row.cells())
