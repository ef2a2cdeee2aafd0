"""A register full of containers for the rows about questions: generated once, and used by all rows of a run.

A million containers now and ten million closed versions, on 500 nodes, over twelve months. ``MOUNTBOOK_BENCH_CURRENT``
sets another number of containers (ten times as many versions are closed), ``MOUNTBOOK_BENCH_DATABASE`` names an empty
database to fill and keep, or one that was filled before.
"""

import asyncio
import atexit
import functools
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Final, LiteralString, NamedTuple

import msgspec
import psycopg

from collector.config import Config
from collector.store import keys, shape_count
from collector.store.engine import Database
from migrations.run import upgrade
from mountbook.local import postgres
from protocol.entries import LABEL_SERVICE, LABEL_STACK, LABEL_TASK, Container, PathKind, Place, ResolvedBy, Role
from protocol.statehash import entry_hash

NODES: Final = 500
CLOSED_EACH: Final = 10
"""Closed versions of each container."""
MONTHS: Final = 12
ROOT: Final = "/var/lib/docker"
WORKERS: Final = 2
"""Processes, and connections, that fill it at once."""

_COLUMNS: Final = "node_id, kind, entry_id, root, key, hash, name, mount_id, doc, path_keys, ref_keys"


@dataclass(frozen=True, slots=True)
class Register:
    """A filled register: its address, and how many containers it has now."""

    url: str
    current: int


@functools.cache
def filled() -> Register:
    """Return the register; it is generated when the first row needs it."""
    current = int(os.environ.get("MOUNTBOOK_BENCH_CURRENT", "1000000"))
    url = os.environ.get("MOUNTBOOK_BENCH_DATABASE") or _server()
    upgrade(url)
    with psycopg.connect(url, autocommit=True) as connection:
        present = connection.execute("SELECT count(*) FROM entries").fetchone()
        if present == (0,):
            _fill(connection, url, current)
        elif present != (current,):
            raise RuntimeError(f"the database holds {present} entries, not {current}; name an empty one")
        # They are heard for as long as the measurement takes: nobody reports here.
        connection.execute("UPDATE node_heartbeats SET heard_at = clock_timestamp() + interval '1 day'")
    asyncio.run(_count_shapes(url))
    return Register(url, current)


async def _count_shapes(url: str) -> None:
    """Do what a collector does when rows came from somewhere else: until then it leaves nothing out."""
    database = Database(Config(database_url=url))
    began = time.monotonic()
    while not await shape_count.count(database, asyncio.Event()):
        pass
    await database.close()
    print(f"  their shapes ({time.monotonic() - began:.0f} s)", file=sys.stderr, flush=True)


def container(number: int) -> Container:
    """Return the container with this number, as one task of a service."""
    cid, mount_id = _hex(f"c{number}"), _hex(f"m{number}")
    service = f"shop{number % 200}_web{number % 2000}"
    name = f"{service}.{number}.{_hex(f't{number}')[:25]}"
    layers = f"{ROOT}/overlay2"
    return Container(
        root=ROOT,
        key=cid,
        name=name,
        backend="overlay2",
        mount_id=mount_id,
        init_id=f"{mount_id}-init",
        diff_path=f"{layers}/{mount_id}/diff",
        path_kind=PathKind.DIFF,
        resolved_by=ResolvedBy.LAYERDB,
        image=f"registry.example/shop/web:{number % 50}",
        image_id=f"sha256:{_hex(f'i{number % 50}')}",
        state="running",
        labels={LABEL_SERVICE: service, LABEL_STACK: f"shop{number % 200}", LABEL_TASK: name},
        paths=(
            Place(f"{layers}/{mount_id}", Role.WRITABLE, ("diff", "merged")),
            Place(f"{layers}/{mount_id}-init", Role.INIT, ("diff", "merged")),
            Place(f"{layers}/l/{mount_id[:26].upper()}", Role.LINK, (".",)),
            Place(f"{ROOT}/containers/{cid}", Role.CONTAINER_DIR),
        ),
    )


def _hex(seed: str) -> str:
    return blake2b(seed.encode(), digest_size=32).hexdigest()


def _server() -> str:
    data = Path(tempfile.mkdtemp(prefix="mountbook-bench-"))
    data.chmod(0o755)
    server = postgres.start(data)

    def stop() -> None:
        server.stop()
        shutil.rmtree(data)

    atexit.register(stop)
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET max_wal_size = '8GB'")
        connection.execute("SELECT pg_reload_conf()")
    return server.url


def _fill(connection: "psycopg.Connection[tuple[object, ...]]", url: str, current: int) -> None:
    """Fill the empty register: on both cores, and the indexes are built when the rows are there."""
    began = time.monotonic()

    def say(what: str) -> None:
        print(f"  {what} ({time.monotonic() - began:.0f} s)", file=sys.stderr, flush=True)

    _partitions(connection)
    dropped = {table: _without_indexes(connection, table) for table in ("entries", "history")}
    _nodes(connection)
    connection.execute("DROP TABLE IF EXISTS stage")
    connection.execute(
        "CREATE UNLOGGED TABLE stage (number int, node_id int, kind text, entry_id uuid, root text, key text, "
        "hash bytea, name text, mount_id text, doc jsonb, path_keys bigint[], ref_keys bigint[])"
    )
    with ProcessPoolExecutor(WORKERS, mp_context=multiprocessing.get_context("spawn")) as processes:
        list(processes.map(functools.partial(_stage, url, current), range(WORKERS)))
    connection.execute("ANALYZE stage")
    say(f"{current:,} containers")
    with ThreadPoolExecutor(WORKERS) as threads:
        list(threads.map(functools.partial(_versions, url), range(WORKERS)))
        connection.execute("DROP TABLE stage")
        say("their versions")
        months = connection.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'history'::regclass ORDER BY 1"
        )
        tables = [str(name) for (name,) in months.fetchall()]
        list(threads.map(lambda table: _index(url, table, [one.part for one in dropped["history"]]), tables))
        _index(url, "entries", [one.whole for one in dropped["entries"]])
    for one in dropped["history"]:  # of which the months' become parts
        connection.execute(one.whole.encode())
    connection.execute("ANALYZE history")
    say("their indexes")
    connection.execute("VACUUM ANALYZE nodes, node_heartbeats")
    connection.execute("CHECKPOINT")


def _open(url: str) -> "psycopg.Connection[tuple[object, ...]]":
    connection = psycopg.connect(url, autocommit=True)
    connection.execute("SET synchronous_commit = off")
    connection.execute("SET maintenance_work_mem = '1GB'")
    return connection


def _stage(url: str, current: int, share: int) -> None:
    """Lay down every so many-th container."""
    statement = f"COPY stage (number, {_COLUMNS}) FROM STDIN".encode()
    with _open(url) as connection, connection.cursor() as cursor, cursor.copy(statement) as copy:
        for line in _lines(range(share, current, WORKERS)):
            copy.write(line)


def _versions(url: str, share: int) -> None:
    """Make versions of every so many-th container: the current one, and those before it."""
    mine = f"FROM stage WHERE number % {WORKERS} = {share}"
    with _open(url) as connection:
        connection.execute(
            f"INSERT INTO entries ({_COLUMNS}, began_after, began_before) SELECT {_COLUMNS}, "
            f"clock_timestamp() - interval '1 hour', clock_timestamp() - interval '1 hour' {mine}".encode()
        )
        # Each closed version is one step of a life that ended in a month of its own.
        connection.execute(
            f"INSERT INTO history ({_COLUMNS}, began_after, began_before, ended_after, ended_before, ended_why) "
            f"SELECT {_COLUMNS}, s.at - interval '20 days', s.at - interval '20 days', s.at, s.at, 'changed' "
            f"FROM (SELECT * {mine}) AS stage "
            f"CROSS JOIN generate_series(1, {CLOSED_EACH}) AS g (step) CROSS JOIN LATERAL (SELECT "
            "date_trunc('day', clock_timestamp()) - make_interval(days => (number * 7 + step * 31) % 330) "
            "- make_interval(secs => number % 86400) AS at) AS s".encode()
        )


def _index(url: str, table: str, statements: Iterable[str]) -> None:
    with _open(url) as connection:
        for statement in statements:
            connection.execute(statement.format(table).encode())
        connection.execute(f"VACUUM (ANALYZE) {table}".encode())


def _lines(numbers: Iterable[int]) -> Iterator[bytes]:
    """Yield containers as COPY reads them: none of their texts needs an escape."""
    for one in numbers:
        entry = container(one)
        doc = msgspec.to_builtins(entry)
        for field in ("kind", "root", "key"):
            doc.pop(field, None)
        fields = (
            str(one),
            str(one % NODES + 1),
            "container",
            keys.entry_id(entry.root, entry.key).hex,
            entry.root,
            entry.key,
            rf"\\x{entry_hash(entry).hex()}",
            entry.name,
            entry.mount_id or "",
            msgspec.json.encode(doc).decode(),
            f"{{{','.join(map(str, keys.path_keys(entry)))}}}",
            f"{{{','.join(map(str, keys.ref_keys(entry)))}}}",
        )
        yield "\t".join(fields).encode() + b"\n"


def _nodes(connection: "psycopg.Connection[tuple[object, ...]]") -> None:
    connection.execute(
        "INSERT INTO nodes (cluster, node, hostname, engine_id, engine, generation, state_hash, changed_at, listed_at, "
        "observed_since, complete) SELECT 'bench', 'node' || to_char(n, 'FM00000'), 'host' || n, 'engine' || n, "
        f"'{{\"data_root\": \"{ROOT}\"}}', 'g', decode(repeat('00', 32), 'hex'), clock_timestamp(), clock_timestamp(), "
        f"clock_timestamp() - interval '2 years', '{{container}}' FROM generate_series(1, {NODES}) AS n".encode()
    )
    connection.execute(
        "INSERT INTO node_heartbeats (node_id, generation, seq, state_hash, heard_at, listed_at) "
        "SELECT id, 'g', 1, state_hash, clock_timestamp(), clock_timestamp() FROM nodes"
    )


def _partitions(connection: "psycopg.Connection[tuple[object, ...]]") -> None:
    today = datetime.now(UTC)
    present = today.year * 12 + today.month - 1
    for number in range(present - MONTHS, present):
        lower, upper = (f"{month // 12:04}-{month % 12 + 1:02}" for month in (number, number + 1))
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS history_{lower.replace('-', '_')} PARTITION OF history "
            f"FOR VALUES FROM ('{lower}-01 00:00:00+00') TO ('{upper}-01 00:00:00+00')".encode()
        )


_PARTS: Final[LiteralString] = (
    "SELECT pg_get_indexdef(i.indexrelid), c.conname, pg_get_constraintdef(c.oid), i.indexrelid::regclass::text "
    "FROM pg_index AS i LEFT JOIN pg_constraint AS c ON c.conindid = i.indexrelid "
    "WHERE i.indrelid = %s::regclass ORDER BY c.conname IS NULL"
)


class _Index(NamedTuple):
    """Statements that make an index of a dropped definition again: of the whole table, or of its part ``{0}``."""

    whole: str
    part: str


def _without_indexes(connection: "psycopg.Connection[tuple[object, ...]]", table: str) -> list[_Index]:
    """Drop a table's indexes; return how to make them again."""
    dropped = []
    for definition, constraint, constrained, index in connection.execute(_PARTS, (table,)).fetchall():
        if constraint is None:
            connection.execute(f"DROP INDEX {index}".encode())
            shape = str(definition).partition(" USING ")[2]
            whole = f"CREATE INDEX {index} ON {table} USING {shape}"
            dropped.append(_Index(whole, f"CREATE INDEX ON {{0}} USING {shape}"))
        else:
            connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {constraint}".encode())
            whole = f"ALTER TABLE {table} ADD CONSTRAINT {constraint} {constrained}"
            dropped.append(_Index(whole, f"ALTER TABLE {{0}} ADD {constrained}"))
    return dropped
