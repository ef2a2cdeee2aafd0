"""Nodes with real agents, a line, a collector and a PostgreSQL, all in processes that can be killed.

What a node holds is known without any of our code: it is what its (stand-in) engine lists. That is what the register
must hold once faults stop (P1), and everything that was acknowledged must be in it (P9).
"""

import random
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Final
from uuid import uuid4

import msgspec
import psycopg

from protocol.entries import Kind
from protocol.messages import API, Applied, Delta, Engine, Hello, HelloReply, Snapshot
from protocol.statehash import entry_hash, to_text, total
from tests.faults.line import Line
from tests.faults.parts import ROOT, Collector, Postgres, Process, eventually
from tests.integration.collector.node import container, raw
from tests.unit.agent.fake_engine import FakeEngine, listed

OURS: Final = "f" * 64
"""A container that only the test itself changes."""
STATES: Final = ("created", "running", "paused", "exited")
_HELD: Final = """
    SELECT e.key, e.doc->>'name', e.doc->>'state' FROM entries AS e JOIN nodes AS n ON n.id = e.node_id
    WHERE n.node = %s AND e.kind = 'container'
"""
_STATES: Final = """
    SELECT doc->>'state' FROM (
        SELECT began_before, doc FROM history WHERE key = %(key)s AND kind = 'container'
        UNION ALL SELECT began_before, doc FROM entries WHERE key = %(key)s AND kind = 'container') AS versions
    ORDER BY began_before
"""
_OVERLAPS: Final = """
    WITH versions AS (
        SELECT node_id, kind, root, key, began_before AS began, ended_after AS ended FROM history
        UNION ALL SELECT node_id, kind, root, key, began_before, 'infinity' FROM entries)
    SELECT count(*) FROM (SELECT began, lag(ended) OVER (PARTITION BY node_id, kind, root, key ORDER BY began) AS last
                          FROM versions) AS pairs WHERE last > began
"""


@dataclass
class Node:
    """One node: an engine that lists what the test wants, and the real agent in a process of its own."""

    name: str
    engine: FakeEngine
    agent: Process
    dice: random.Random
    silent_engine: bool = False
    """The engine drops every event."""

    def churn(self, changes: int = 1) -> None:
        """Make, change and remove containers, but not ours, as many as asked, and tell the agent by events."""
        for _ in range(changes):
            known = [one for one in self.engine.containers if one != OURS]
            if known and self.dice.random() < 0.4:
                gone = self.dice.choice(known)
                del self.engine.containers[gone]
                self._emit("destroy", gone)
            elif known and self.dice.random() < 0.5:
                self.put(self.dice.choice(known), self.dice.choice(STATES))
            else:
                self.put(f"{self.dice.getrandbits(256):064x}", self.dice.choice(STATES))

    def put(self, container_id: str, state: str) -> None:
        """Make a container, or bring it into a state."""
        self.engine.containers[container_id] = listed(container_id, f"c-{container_id[:8]}", state)
        self._emit("start", container_id)

    def _emit(self, action: str, container_id: str) -> None:
        if not self.silent_engine:
            self.engine.emit("container", action, container_id)

    @property
    def truth(self) -> set[tuple[str, str, str]]:
        """What its engine lists: (ID, name, state)."""
        return {(key, one["Names"][0][1:], one["State"]) for key, one in list(self.engine.containers.items())}


class World:
    """A database, a collector, nodes, and one line from all of them to the collector."""

    def __init__(self, home: Path, database: Postgres, collector: Collector, line: Line) -> None:
        self.home, self.database, self.collector, self.line = home, database, collector, line
        self.nodes: list[Node] = []

    def add(self, name: str, engine: FakeEngine, urls: str = "", programs: Path = ROOT) -> Node:
        """Start a node's agent, of this release or another, which talks over the line, or to ``urls``."""
        state = self.home / f"state-{name}"
        state.mkdir()
        environment = {
            "MOUNTBOOK_URL": urls or self.line.url,
            "MOUNTBOOK_TOKEN": self.database.token(name),
            "MOUNTBOOK_STATE_DIR": str(state),
            "MOUNTBOOK_RELIST": "1",
            "MOUNTBOOK_START_SPREAD": "0",
            "MOUNTBOOK_COLLECTOR_TIMEOUT": "3",
            "MOUNTBOOK_ENGINE_TIMEOUT": "3",
            "DOCKER_HOST": engine.address,
        }
        agent = Process("agent", environment, self.home / f"{name}.log", programs)
        node = Node(name, engine, agent, random.Random(name))
        node.churn(12)
        node.agent.start()
        self.nodes.append(node)
        return node

    def held(self, node: Node) -> set[tuple[str, str, str]]:
        """What the register holds of a node's containers: (ID, name, state)."""
        with psycopg.connect(self.database.url, autocommit=True) as connection:
            return {(key, name, state) for key, name, state in connection.execute(_HELD, (node.name,))}

    def states(self, container_id: str) -> list[str]:
        """Return the states of a container in the register's order."""
        with psycopg.connect(self.database.url, autocommit=True) as connection:
            return [state for (state,) in connection.execute(_STATES, {"key": container_id})]

    def converged(self) -> None:
        """Return once the register holds what every engine lists.

        Raises:
            AssertionError: it does not in time (P1), or versions of a key overlap (P4).
        """
        for node in self.nodes:
            seen: list[set[tuple[str, str, str]]] = [set()]

            def look(node: Node = node, seen: list[set[tuple[str, str, str]]] = seen) -> bool:
                assert node.agent.alive, f"the agent of {node.name} ended: {node.agent.last_words()}"
                try:
                    seen[0] = self.held(node)
                except psycopg.Error:
                    return False
                return seen[0] == node.truth

            try:
                eventually(f"the register holds what {node.name} has", look)
            except AssertionError as exc:
                wrong = seen[0] ^ node.truth
                raise AssertionError(f"{exc}: {len(wrong)} differ, {sorted(wrong)[:3]}; {self._logs(node)}") from None
        assert self.database.value(_OVERLAPS) == 0, "versions of a key overlap"

    def _logs(self, node: Node) -> str:
        return f"agent: {node.agent.last_words()[-800:]}\ncollector: {self.collector.last_words()[-800:]}"


@dataclass
class Writer:
    """An agent of few words: one delta after the other as fast as they are acknowledged, each noted when it is.

    ``acknowledged`` holds the keys that the collector said it has; none may ever be lost.
    """

    url: str
    token: str
    clock_ahead: float = 0.0
    """Seconds by which its clock is wrong."""
    acknowledged: list[str] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    retry_after_missing: int = 0
    failures: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self._instance = uuid4().hex
        self._attempt = 0
        self._number = 0
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the message under way."""
        self._over.set()
        self._thread.join()
        assert not self.failures, self.failures[0]

    def await_more(self) -> None:
        """Return once the collector has acknowledged some more.

        Raises:
            AssertionError: it has not in time.
        """
        before = len(self.acknowledged)
        eventually("the writer is acknowledged again", lambda: len(self.acknowledged) > before + 5)

    def _run(self) -> None:
        try:
            while not self._over.is_set():
                self._converse()
        except Exception as exc:  # a thread's failure must reach the test
            self.failures.append(repr(exc))

    def _converse(self) -> None:
        """Say hello and go on with deltas until something goes wrong."""
        self._attempt += 1
        answer = self._post("hello", self._hello())
        if answer is None:
            self._over.wait(0.1)
            return
        hello = msgspec.json.decode(answer, type=HelloReply)
        # What is acknowledged is the truth; a delta whose answer was lost may be there beside it.
        state = {container(number).entry_key: container(number) for number in map(int, self.acknowledged)}
        seq = hello.last_seq + 1
        hashes = {key: entry_hash(entry) for key, entry in state.items()}
        snapshot = Snapshot(
            generation=hello.generation,
            seq=seq,
            kinds=dict.fromkeys(Kind, True),
            clock=self._clock(),
            entries=[raw(entry) for entry in state.values()],
            state_hash=to_text(total(hashes.values())),
        )
        if self._post("snapshot", snapshot) is None:
            return
        while not self._over.is_set():
            self._number += 1
            entry = container(self._number)
            base = to_text(total(hashes.values()))
            hashes[entry.entry_key] = entry_hash(entry)
            seq += 1
            delta = Delta(
                generation=hello.generation,
                seq=seq,
                base_hash=base,
                clock=self._clock(),
                upserts=[raw(entry)],
                removes=[],
                state_hash=to_text(total(hashes.values())),
            )
            answer = self._post("delta", delta)
            if answer is None:
                return
            assert msgspec.json.decode(answer, type=Applied).seq == seq
            self.acknowledged.append(str(self._number))

    def _clock(self) -> float:
        return time.time() + self.clock_ahead

    def _hello(self) -> Hello:
        return Hello(
            protocol=1,
            instance=self._instance,
            attempt=self._attempt,
            boot_id="boot-writer",
            agent="0.1.0",
            hash_versions=[1],
            clock=self._clock(),
            engine=Engine(engine_id="WRITER", hostname="writer", data_root="/var/lib/docker"),
        )

    def _post(self, name: str, message: Hello | Snapshot | Delta) -> bytes | None:
        request = urllib.request.Request(
            f"{self.url}{API}/{name}",
            data=msgspec.json.encode(message),
            headers={"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as exc:
            self._refused(exc.code, exc.headers)
            exc.close()
            return None
        except OSError:
            return None

    def _refused(self, status: int, headers: Message) -> None:
        self.refused.append(status)
        if status in {429, 503} and not headers.get("Retry-After"):
            self.retry_after_missing += 1


def numbers_of(keys: list[str]) -> set[str]:
    """Return the keys of the writer's containers."""
    return {container(int(number)).key for number in keys}
