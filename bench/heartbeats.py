"""S7: heartbeats, beside a bare aiohttp handler that decodes and encodes the same JSON; their write-ahead log, and HOT.

Both servers are one process each, under the same load from a third: as many connections as nodes, each with the
heartbeats of its node, the next one when the one before was answered. Ours answers after the commit.
"""

import asyncio
import contextlib
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from random import Random
from typing import Any

import psycopg

from bench import load, talkers
from bench.load import Fixed, Job
from bench.table import Row
from bench.talkers import Talker
from mountbook.simulate import proc
from mountbook.simulate.node import World
from mountbook.simulate.options import Options
from mountbook.simulate.run import allow_files
from mountbook.simulate.stage import Stage, staged

GOAL = 0.6
GOAL_WAL = 1_000_000
GOAL_HOT = 0.95
PAIRS = 5
_GREETINGS = 16
_WAVES = 4


def measure(nodes: int = 5000, seconds: float = 5.0) -> list[Row]:
    """Measure five pairs of so many seconds each, after one that does not count; then the log of single waves."""
    allow_files(nodes + 200)
    with tempfile.TemporaryDirectory() as empty:
        return asyncio.run(_measure(World(1, empty), nodes, seconds))


async def _measure(world: World, count: int, seconds: float) -> list[Row]:
    everyone = talkers.nodes(world, count, 1)
    async with staged(Options(), [node.id for node in everyone]) as stage:
        agents = [Talker(node, stage.tokens[node.id], Random(1)) for node in everyone]
        told = (agent.say("hello", "snapshot") for agent in agents)
        await load.run(stage.url, talkers.lanes(told, _GREETINGS))
        beats = [agent.heartbeat() for agent in agents]
        pairs, cpu = [], []
        with _bare() as bare:
            for _ in range(PAIRS + 1):
                before = proc.cpu_seconds(stage.collector or 0)
                answers, took = await _load(stage.url, beats, seconds)
                cpu.append((proc.cpu_seconds(stage.collector or 0) - before) / answers)
                yardstick, yardstick_took = await _load(bare, beats, seconds)
                pairs.append((answers / took, yardstick / yardstick_took))
        wal, hot = await _cost(stage, beats)
    return [_speed(pairs[1:], statistics.median(cpu[1:])), _wal(count, wal), _hot(hot)]


async def _load(url: str, beats: list[bytes], seconds: float) -> tuple[int, float]:
    """Return how many heartbeats were answered, and in how many seconds: those begun in time are waited for."""
    began = time.perf_counter()

    def lane(beat: bytes) -> Iterator[Job]:
        job = Fixed(beat)
        while time.perf_counter() - began < seconds:
            yield job

    answers = await load.run(url, [lane(beat) for beat in beats])
    return answers, time.perf_counter() - began


async def _cost(stage: Stage, beats: list[bytes]) -> tuple[float, float]:
    """Return the bytes of write-ahead log of one heartbeat of every node, and the share of HOT updates.

    The first wave after a checkpoint writes whole pages; those after it are counted.
    """
    with psycopg.connect(stage.database, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        await load.run(stage.url, [iter([Fixed(beat)]) for beat in beats])
        updates, hot = _updates(connection)
        waves = []
        for _ in range(_WAVES):
            before = _position(connection)
            await load.run(stage.url, [iter([Fixed(beat)]) for beat in beats])
            waves.append(_position(connection) - before)
        await asyncio.sleep(2.0)  # a backend reports its counts when it is idle, at most once a second
        await load.run(stage.url, [iter([Fixed(beats[0])])])
        await asyncio.sleep(2.0)
        now, now_hot = _updates(connection)
    return statistics.median(waves), (now_hot - hot) / max(1, now - updates)


def _position(connection: psycopg.Connection[Any]) -> int:
    found = connection.execute("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint").fetchone()
    return int(found[0]) if found is not None else 0


def _updates(connection: psycopg.Connection[Any]) -> tuple[int, int]:
    ((updates, hot),) = connection.execute(
        "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'node_heartbeats'"
    ).fetchall()
    return updates, hot


@contextlib.contextmanager
def _bare() -> Iterator[str]:
    """Run the bare handler in a process of its own, and give its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with subprocess.Popen([sys.executable, "-m", "bench.bare", str(port)]) as process:
        try:
            _await(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _await(port: int) -> None:
    until = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def _speed(pairs: list[tuple[float, float]], cpu: float) -> Row:
    ratio = statistics.median(ours / yardstick for ours, yardstick in pairs)
    ours, yardstick = (statistics.median(side) for side in zip(*pairs, strict=True))
    what = f"heartbeats until committed ({cpu * 1e6:.0f} µs of the collector each) / bare aiohttp handler"
    return Row("S7", what, f"{ours:,.0f}/s", f"{yardstick:,.0f}/s", ratio, f"≥ {GOAL:g} ×", ratio >= GOAL)


def _wal(nodes: int, found: float) -> Row:
    scaled = found * 5000 / nodes
    what = f"write-ahead log of {nodes:,} heartbeats between checkpoints"
    return Row("S7", what, f"{found / 1e6:.2f} MB", goal="≤ 1 MB per 5,000", holds=scaled <= GOAL_WAL)


def _hot(share: float) -> Row:
    return Row("S7", "their updates that are HOT", f"{share:.1%}", goal=f"≥ {GOAL_HOT:.0%}", holds=share >= GOAL_HOT)


if __name__ == "__main__":
    for row in measure():
        print(row)
