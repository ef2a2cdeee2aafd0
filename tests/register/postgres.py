"""A register in PostgreSQL: the collector's own ingest, called without HTTP."""

import asyncio
from collections.abc import Callable
from typing import Any, ClassVar
from uuid import uuid4

import msgspec
import psycopg
from psycopg.rows import TupleRow

from agent.outcome import Outcome, Rejected
from agent.wire import Body
from collector import ingest
from collector.config import Config
from collector.errors import ProblemError
from collector.ingest import HeartbeatBatcher, Policy
from collector.store.engine import Database
from collector.store.nodes import NodeIdentity
from protocol.entries import EntryKey, Kind
from protocol.messages import Delta, Heartbeat, Hello, Intervals, Snapshot
from protocol.problems import STATUS
from tests import clock
from tests.register.world import Version
from tests.unit.agent.model_collector import inflate

POLICY = Policy(Intervals(), Config(database_url="").silent_after)

_CURRENT = """
    SELECT e.kind, e.root, e.key, e.hash FROM entries AS e JOIN nodes AS n ON n.id = e.node_id
    WHERE n.cluster = 'c' AND n.node = %s
"""
_VERSIONS = """
    SELECT kind, root, key, hash, extract(epoch FROM began_after)::float8, extract(epoch FROM began_before)::float8,
        extract(epoch FROM ended_after)::float8, extract(epoch FROM ended_before)::float8
    FROM (
        SELECT node_id, kind, root, key, hash, began_after, began_before, ended_after, ended_before FROM history
        UNION ALL
        SELECT node_id, kind, root, key, hash, began_after, began_before, NULL, NULL FROM entries
    ) AS v JOIN nodes AS n ON n.id = v.node_id WHERE n.cluster = 'c' AND n.node = %s
    ORDER BY kind, root, key, began_before
"""
_STAND = "SELECT extract(epoch FROM changed_at)::float8, state_hash FROM nodes WHERE cluster = 'c' AND node = %s"
_MONTHS = """
    SELECT format('CREATE TABLE IF NOT EXISTS history_%s PARTITION OF history FOR VALUES FROM (%L) TO (%L)',
        to_char(month, 'YYYY_MM'), month, month + interval '1 month')
    FROM generate_series(date_trunc('month', now(), 'UTC') - interval '3 months',
        date_trunc('month', now(), 'UTC') - interval '1 month', interval '1 month') AS month
"""
"""Months before the present one: an example sets the clock back by days, many times."""


class Shared:
    """One event loop, one pool and one reading connection for every example."""

    def __init__(self, url: str) -> None:
        self._prepare(url)
        self.runner = asyncio.Runner()
        self.database = Database(Config(database_url=url))
        self.batcher = HeartbeatBatcher(self.database, POLICY.silent_after, every=0.001)
        self.reader: psycopg.Connection[TupleRow] = psycopg.connect(url, autocommit=True)
        self.runner.run(self._start())

    def _prepare(self, url: str) -> None:
        with psycopg.connect(url, autocommit=True, options="-c timezone=UTC") as connection:
            for (statement,) in connection.execute(_MONTHS.encode()).fetchall():
                connection.execute(statement)
            for statement in clock.SETTABLE:
                connection.execute(statement.encode())

    async def _start(self) -> None:
        self.batcher.start()

    def close(self) -> None:
        self.reader.close()
        self.runner.run(self.batcher.stop())
        self.runner.run(self.database.close())
        self.runner.close()


class PostgresRegister:
    """See ``tests.register.world.Register``. Every example has a node ``one`` of its own in one database.

    Its clock is PostgreSQL's, which is set.
    """

    shared: ClassVar[Shared]

    def __init__(self, _elapsed: Callable[[], float]) -> None:
        self.names = {"one": f"one-{uuid4().hex}", "two": "two"}
        self._ahead = 0.0
        self._set_clock(0.0)

    def post(self, node: str, name: str, body: Body) -> Outcome:
        try:
            return self.shared.runner.run(self._post(NodeIdentity("c", self.names[node]), name, inflate(body)))
        except ProblemError as exc:
            return Rejected(exc.kind, STATUS[exc.kind], exc.detail, exc.retry_after or 0.0)

    async def _post(self, identity: NodeIdentity, name: str, body: bytes) -> Outcome:
        database = self.shared.database
        match name:
            case "hello":
                return await ingest.hello(database, POLICY, identity, msgspec.json.decode(body, type=Hello))
            case "heartbeat":
                return await self.shared.batcher.beat(identity, msgspec.json.decode(body, type=Heartbeat))
            case "snapshot":
                return await ingest.snapshot(database, POLICY, identity, msgspec.json.decode(body, type=Snapshot))
            case _:
                return await ingest.Deltas(database, POLICY).apply(identity, msgspec.json.decode(body, type=Delta))

    def now(self) -> float:
        ((now,),) = self._ask("SELECT extract(epoch FROM clock_timestamp())::float8")
        return float(now)

    def pass_time(self, seconds: float) -> None:
        self._set_clock(self._ahead + seconds)

    def set_back(self, seconds: float) -> None:
        self._set_clock(self._ahead - seconds)

    def current(self, node: str) -> dict[EntryKey, bytes]:
        found = self._ask(_CURRENT, self.names[node])
        return {EntryKey(Kind(kind), root, key): digest for kind, root, key, digest in found}

    def versions(self, node: str) -> list[Version]:
        return [
            Version(EntryKey(Kind(kind), root, key), digest, *times)
            for kind, root, key, digest, *times in self._ask(_VERSIONS, self.names[node])
        ]

    def stands_at(self, node: str) -> tuple[float, bytes]:
        found = self._ask(_STAND, self.names[node])
        return (found[0][0], found[0][1]) if found else (0.0, bytes(32))

    def close(self) -> None:
        """Leave the rows: the database goes with the test."""

    def _ask(self, query: str, *values: Any) -> list[Any]:
        return self.shared.reader.execute(query.encode(), values).fetchall()

    def _set_clock(self, ahead: float) -> None:
        self._ahead = ahead
        self.shared.reader.execute(clock.set_ahead(ahead).encode())
