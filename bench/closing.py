"""S16: a month of history is dropped while nodes report and somebody reads for long."""

import asyncio
import contextlib
import time
from dataclasses import dataclass, field

import msgspec
import psycopg

from bench import register
from bench.table import Row
from collector.config import Config
from collector.errors import ProblemError
from collector.ingest import Policy, hello, snapshot
from collector.ledger.retention import enforce
from collector.store.engine import Database
from collector.store.nodes import NodeIdentity
from protocol.entries import Kind
from protocol.messages import Engine, Hello, Intervals, Snapshot
from protocol.statehash import entry_hash, to_text, total

MONTH = "history_2001_01"
READS = 10.0
"""Seconds for which somebody reads."""
WAIT = 2.0
_EVERY = 1.0
_PATIENCE = 60.0


@dataclass(slots=True)
class _Seen:
    """How long ingest took each time, and when the month was gone."""

    waits: list[float] = field(default_factory=list)
    gone: float = 0.0


def measure() -> list[Row]:
    """Make an old month, read it for long, and drop it meanwhile."""
    filled = register.filled()
    seen = _Seen()
    with psycopg.connect(filled.url, autocommit=True) as connection:
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS {MONTH} PARTITION OF history "
            "FOR VALUES FROM ('2001-01-01 00:00:00+00') TO ('2001-02-01 00:00:00+00')".encode()
        )
    ended = asyncio.run(_run(filled.url, seen))
    longest = max(seen.waits)
    what = f"ingest while a month goes ({len(seen.waits)} messages, a reader of {READS:.0f} s)"
    finished = seen.gone - ended
    return [
        Row("S16", what, f"longest {longest:.2f} s", goal=f"≤ {WAIT:.0f} s", holds=longest <= WAIT),
        Row(
            "S16",
            "  the month is gone, after the reader ended",
            f"{finished:.1f} s" if seen.gone else "never",
            goal="afterwards",
            holds=seen.gone > 0 and finished >= 0,
        ),
    ]


async def _run(url: str, seen: _Seen) -> float:
    """Return when the reader ended."""
    database = Database(Config(database_url=url))
    stop = asyncio.Event()
    try:
        with psycopg.connect(url) as reader:
            reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            reader.execute(f"SELECT count(*) FROM {MONTH}".encode())
            reader.execute("SELECT count(*) FROM history WHERE ended_before < '2001-02-01'")
            working = [asyncio.create_task(_report(database, stop, seen)), asyncio.create_task(_drop(database, seen))]
            await asyncio.sleep(READS)
            reader.rollback()
            ended = time.monotonic()
        await asyncio.wait_for(working[1], _PATIENCE)
        stop.set()
        await working[0]
    finally:
        await database.close()
    return ended


async def _drop(database: Database, seen: _Seen) -> None:
    """Try as the job does, more often."""
    while not seen.gone:
        with contextlib.suppress(ProblemError):  # somebody reads the month: the next turn goes on
            await enforce(database, 13, None)
        async with database.query() as connection:
            left = await connection.exec_driver_sql(f"SELECT to_regclass('{MONTH}') IS NULL")
            if left.scalar_one():
                seen.gone = time.monotonic()
        await asyncio.sleep(_EVERY)


async def _report(database: Database, stop: asyncio.Event, seen: _Seen) -> None:
    """Let a node send a snapshot again and again: every other one closes a version."""
    identity = NodeIdentity("bench", "reporting")
    policy = Policy(Intervals(), 45.0)
    greeting = Hello(
        protocol=1,
        instance=f"{time.time_ns():x}",
        attempt=0,
        boot_id="boot",
        agent="0",
        hash_versions=[1],
        clock=time.time(),
        engine=Engine(engine_id="E", hostname="reporting", data_root=register.ROOT),
    )
    life = await hello(database, policy, identity, greeting)
    seq = 0
    there = register.container(0)
    while not stop.is_set() or seq % 2:  # it leaves as many containers as there were
        seq += 1
        told = [there] if seq % 2 else []
        message = Snapshot(
            generation=life.generation,
            seq=seq,
            kinds=dict.fromkeys(Kind, True),
            clock=time.time(),
            state_hash=to_text(total(entry_hash(entry) for entry in told)),
            entries=[msgspec.Raw(msgspec.json.encode(entry)) for entry in told],
        )
        began = time.monotonic()
        await snapshot(database, policy, identity, message)
        seen.waits.append(time.monotonic() - began)
        await asyncio.sleep(0.02)


if __name__ == "__main__":
    for row in measure():
        print(row.cells())
