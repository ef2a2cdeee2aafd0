"""A node's agent as the tests play it: it builds messages, sends them, and keeps the state it told."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

import msgspec
import psycopg
from psycopg.rows import dict_row

from collector import ingest
from collector.config import Config
from collector.store.engine import Database
from collector.store.nodes import NodeIdentity
from protocol.entries import Container, Entry, EntryKey, Kind, Layer, Place, ResolvedBy, Role
from protocol.messages import Acknowledged, Applied, Delta, Engine, Heartbeat, Hello, HelloReply, Intervals, Snapshot
from protocol.statehash import entry_hash, to_text, total

ALL_KINDS = dict.fromkeys(Kind, True)
POLICY = ingest.Policy(Intervals(), Config(database_url="").silent_after)
ROOT = "/var/lib/docker"


def container(number: int, **fields: Any) -> Container:
    """A container whose key and directory follow from its number."""
    layer = f"{ROOT}/overlay2/{number:064x}"
    given: dict[str, Any] = {
        "name": f"web-{number}",
        "backend": "overlay2",
        "mount_id": f"{number:064x}",
        "diff_path": f"{layer}/diff",
        "resolved_by": ResolvedBy.LAYERDB,
        "image": "nginx:1.27",
        "state": "running",
        "paths": (Place(layer, Role.WRITABLE, ("diff", "merged")),),
        **fields,
    }
    return Container(root=ROOT, key=f"{number:064x}", **given)


def layer(number: int, **fields: Any) -> Layer:
    """An image layer whose chain ID and directory follow from its number."""
    path = f"{ROOT}/overlay2/layer{number}"
    return Layer(
        root=ROOT, key=f"sha256:{number:064x}", paths=(Place(path, Role.LAYER, ("diff",)),), cache_id=path, **fields
    )


def sum_of(entries: Iterable[Entry]) -> str:
    """The state hash of these entries, as text."""
    return to_text(total(entry_hash(entry) for entry in entries))


def raw(entry: Entry) -> msgspec.Raw:
    """An entry as it stands in a message."""
    return msgspec.Raw(msgspec.json.encode(entry))


@dataclass
class Node:
    """One node's agent; ``state`` is what it told and was acknowledged."""

    database: Database
    identity: NodeIdentity = field(default_factory=lambda: NodeIdentity("swarm", "n1"))
    policy: ingest.Policy = POLICY
    instance: str = field(default_factory=lambda: uuid4().hex)
    boot_id: str = "boot-1"
    attempt: int = 0
    lost_events: int = 0
    generation: str = ""
    seq: int = 0
    state: dict[EntryKey, Entry] = field(default_factory=dict)

    def hello_message(self, acknowledged: Acknowledged | None = None) -> Hello:
        return Hello(
            protocol=1,
            instance=self.instance,
            attempt=self.attempt,
            boot_id=self.boot_id,
            agent="0.1.0",
            hash_versions=[1],
            clock=time.time(),
            engine=Engine(engine_id="E1", hostname="host-1", data_root=ROOT),
            acknowledged=acknowledged,
            lost_events=self.lost_events,
        )

    async def hello(self, acknowledged: Acknowledged | None = None) -> HelloReply:
        reply = await ingest.hello(self.database, self.policy, self.identity, self.hello_message(acknowledged))
        self.generation, self.seq = reply.generation, reply.last_seq
        return reply

    def snapshot_message(self, told: Iterable[Entry], kinds: dict[Kind, bool] | None = None, **fields: Any) -> Snapshot:
        told = list(told)
        given: dict[str, Any] = {"state_hash": sum_of(told), "entries": [raw(entry) for entry in told], **fields}
        return Snapshot(
            generation=self.generation,
            seq=self.seq + 1,
            kinds=ALL_KINDS if kinds is None else kinds,
            clock=time.time(),
            **given,
        )

    async def send(self, message: Snapshot | Delta) -> Applied:
        if isinstance(message, Snapshot):
            reply = await ingest.snapshot(self.database, self.policy, self.identity, message)
        else:
            reply = await ingest.Deltas(self.database, self.policy).apply(self.identity, message)
        self.seq = reply.seq
        return reply

    async def snapshot(self, *entries: Entry, kinds: dict[Kind, bool] | None = None, **fields: Any) -> Applied:
        reply = await self.send(self.snapshot_message(entries, kinds, **fields))
        self.state = {entry.entry_key: entry for entry in entries}
        return reply

    def delta_message(self, upserts: Iterable[Entry] = (), removes: Iterable[Entry] = (), **fields: Any) -> Delta:
        upserts, removes = list(upserts), list(removes)
        after = {**self.state, **{entry.entry_key: entry for entry in upserts}}
        for entry in removes:
            after.pop(entry.entry_key, None)
        given: dict[str, Any] = {
            "base_hash": sum_of(self.state.values()),
            "state_hash": sum_of(after.values()),
            "upserts": [raw(entry) for entry in upserts],
            **fields,
        }
        return Delta(
            generation=self.generation,
            seq=self.seq + 1,
            removes=[entry.entry_key for entry in removes],
            clock=time.time(),
            **given,
        )

    async def delta(self, *upserts: Entry, removes: Iterable[Entry] = (), **fields: Any) -> Applied:
        removes = list(removes)
        reply = await self.send(self.delta_message(upserts, removes, **fields))
        self.state.update({entry.entry_key: entry for entry in upserts})
        for entry in removes:
            self.state.pop(entry.entry_key, None)
        return reply

    def heartbeat_message(self, **fields: Any) -> Heartbeat:
        given: dict[str, Any] = {
            "generation": self.generation,
            "seq": self.seq,
            "state_hash": sum_of(self.state.values()),
            "clock": time.time(),
            "listed_ago": 0.0,
            **fields,
        }
        return Heartbeat(**given)


class Rows:
    """What a test reads from the database, and what it changes behind the collector's back."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, query: str, **values: Any) -> list[dict[str, Any]]:
        with psycopg.connect(self.url, autocommit=True, row_factory=dict_row) as connection:
            return connection.execute(query.encode(), values).fetchall()

    def change(self, statement: str, **values: Any) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement.encode(), values)

    def open(self) -> list[dict[str, Any]]:
        return self.ask("SELECT e.*, n.node FROM entries AS e JOIN nodes AS n ON n.id = e.node_id ORDER BY kind, key")

    def closed(self) -> list[dict[str, Any]]:
        return self.ask("SELECT * FROM history ORDER BY ended_before, kind, key")

    def gaps(self) -> list[dict[str, Any]]:
        return self.ask("SELECT * FROM gaps ORDER BY id")

    def node(self) -> dict[str, Any]:
        (row,) = self.ask("SELECT * FROM nodes")
        return row

    def pretend_silence(self, seconds: float) -> datetime:
        """Set the last heartbeat of every node back, and return it."""
        self.change("UPDATE node_heartbeats SET heard_at = heard_at - make_interval(secs => %(s)s)", s=seconds)
        (row,) = self.ask("SELECT max(heard_at) AS heard_at FROM node_heartbeats")
        heard_at: datetime = row["heard_at"]
        return heard_at
