"""S6: snapshots of 200 entries over HTTP until they are committed, beside the bare upsert of the same rows.

Ours: one collector process takes snapshots of nodes that it does not know yet, eight at a time, each acknowledged
after its commit. The yardstick: rows that were made before, written to a table with the same indexes in the same
database by one connection, a transaction for every 200. Both write with ``synchronous_commit``.
"""

import asyncio
import statistics
import tempfile
import time
from datetime import UTC, datetime
from random import Random

import msgspec
import psycopg

from bench import load, talkers
from bench.table import Row
from bench.talkers import Talker
from collector.store import keys, write
from mountbook.simulate import proc
from mountbook.simulate.node import SimulatedNode, World
from mountbook.simulate.options import Options
from mountbook.simulate.stage import Stage, staged
from protocol.statehash import entry_hash

ENTRIES = 200
CONTAINERS = 174
"""With 20 layers, 4 images and 2 volumes they are 200 entries."""
GOAL = 0.5
PAIRS = 5
_AT_ONCE = 8
_UPSERT = (
    "INSERT INTO bare (node_id, kind, entry_id, root, key, hash, began_after, began_before, name, mount_id, doc, "
    "path_keys, ref_keys) SELECT %s, kind, entry_id, root, key, decode(hash, 'hex'), began_after, clock_timestamp(), "
    "name, mount_id, doc, path_keys, ref_keys FROM jsonb_to_recordset(%s::jsonb) AS x (kind text, entry_id uuid, "
    "root text, key text, hash text, began_after timestamptz, name text, mount_id text, doc jsonb, path_keys bigint[], "
    "ref_keys bigint[]) ON CONFLICT (node_id, kind, entry_id) DO UPDATE SET hash = excluded.hash, doc = excluded.doc, "
    "path_keys = excluded.path_keys, ref_keys = excluded.ref_keys WHERE bare.hash IS DISTINCT FROM excluded.hash"
)


def measure(nodes: int = 40) -> list[Row]:
    """Measure five pairs of so many snapshots each, after one pair that does not count."""
    with tempfile.TemporaryDirectory() as empty:
        return asyncio.run(_measure(World(1, empty), nodes))


async def _measure(world: World, count: int) -> list[Row]:
    everyone = talkers.nodes(world, count * (PAIRS + 1), CONTAINERS)
    async with staged(Options(), [node.id for node in everyone]) as stage:
        with psycopg.connect(stage.database) as connection:
            connection.execute("CREATE TABLE bare (LIKE entries INCLUDING ALL)")
            connection.commit()
            pairs, cpu = [], []
            for pair in range(PAIRS + 1):
                chosen = everyone[pair * count : (pair + 1) * count]
                seconds, spent = await _ours(stage, chosen)
                pairs.append((seconds, _yardstick(connection, chosen)))
                cpu.append(spent / (count * ENTRIES))
    return [_row(pairs[1:], count * ENTRIES, statistics.median(cpu[1:]))]


async def _ours(stage: Stage, chosen: list[SimulatedNode]) -> tuple[float, float]:
    """Return how long the snapshots took, and the collector's CPU seconds."""
    random = Random(1)
    agents = [Talker(node, stage.tokens[node.id], random) for node in chosen]
    await load.run(stage.url, talkers.lanes((agent.say("hello") for agent in agents), _AT_ONCE))
    jobs = [list(_first(agent)) for agent in agents]
    pid = stage.collector or 0
    before, began = proc.cpu_seconds(pid), time.perf_counter()
    answers = await load.run(stage.url, talkers.lanes((iter(job) for job in jobs), _AT_ONCE))
    seconds = time.perf_counter() - began
    if answers != len(chosen):
        raise RuntimeError(f"{len(chosen)} snapshots were sent, and {answers} answered")
    return seconds, proc.cpu_seconds(pid) - before


def _first(agent: Talker) -> list[load.Job]:
    """Make the agent's snapshot before the clock runs."""
    return [next(agent.say("snapshot"))]


def _yardstick(connection: psycopg.Connection[tuple[object, ...]], chosen: list[SimulatedNode]) -> float:
    made = [_rows(node) for node in chosen]
    began = time.perf_counter()
    for number, rows in enumerate(made):
        connection.execute(_UPSERT, (_number(chosen[number]), rows))
        connection.commit()
    return time.perf_counter() - began


def _number(node: SimulatedNode) -> int:
    return int(node.hostname.removeprefix("sim-"))


def _rows(node: SimulatedNode) -> str:
    found = node.look(None, time.monotonic(), 1)
    openings = [
        write.Opening(write.name_of(key), entry, entry_hash(entry), None) for key, entry in found.entries.items()
    ]
    if len(openings) != ENTRIES:
        raise RuntimeError(f"a node has {len(openings)} entries; they should be {ENTRIES}")
    now = datetime.now(UTC)
    rows = msgspec.json.decode(
        msgspec.json.encode([write.row(0, now, opening, keys.tokens(opening.entry)) for opening in openings])
    )
    for row in rows:
        del row["node_id"], row["now"]  # parameters there
        for stands_beside in ("kind", "root", "key"):
            del row["doc"][stands_beside]  # so that both write the same rows
    return msgspec.json.encode(rows).decode()


def _row(pairs: list[tuple[float, float]], entries: int, cpu: float) -> Row:
    ratio = statistics.median(yardstick / ours for ours, yardstick in pairs)
    ours, yardstick = (statistics.median(side) for side in zip(*pairs, strict=True))
    return Row(
        "S6",
        f"snapshots of {ENTRIES} entries until committed ({cpu * 1e6:.0f} µs of the collector an entry) / bare upsert",
        f"{entries / ours:,.0f} rows/s",
        f"{entries / yardstick:,.0f} rows/s",
        ratio,
        f"≥ {GOAL:g} ×",
        ratio >= GOAL,
    )


if __name__ == "__main__":
    for row in measure():
        print(row)
