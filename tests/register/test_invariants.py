"""The protocol's invariants: whatever is sent, twice, late or damaged, the register holds what a simple model holds.

A model keeps, for every acknowledged message, the register's time and the whole state after it. At the end of
each step the current rows must be the model's state (P1, P8); at the end of a run, the state at each of those
times must be the model's (P5), no two versions of a key may overlap (P4), and each ending must have its reason (P7).
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import uuid4

import msgspec
import psycopg
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from psycopg.rows import dict_row

from collector import ingest
from collector.config import Config
from collector.errors import ProblemError
from collector.store.engine import Database
from collector.store.nodes import NodeIdentity
from protocol.entries import Entry, EntryKey, Kind
from protocol.messages import Applied, Delta, Hello, Snapshot
from protocol.statehash import entry_hash
from tests.integration.collector.node import ALL_KINDS, POLICY, Node, container, layer, sum_of

BAD = msgspec.Raw(b'{"kind":"container","root":"/r","key":""}')

State = dict[EntryKey, Entry]

NUMBERS = st.integers(0, 2)
ENTRIES: st.SearchStrategy[Entry] = st.one_of(
    st.builds(lambda number, state: container(number, state=state), NUMBERS, st.sampled_from(["running", "exited"])),
    st.builds(lambda number, evidence: layer(number, evidence=evidence), NUMBERS, st.sampled_from(["", "checked"])),
)
WORLDS = st.lists(ENTRIES, max_size=5).map(lambda entries: {entry.entry_key: entry for entry in entries})
COMPLETENESS = st.sampled_from([ALL_KINDS, {**ALL_KINDS, Kind.LAYER: False}, {Kind.LAYER: True}, {}])


@dataclass(frozen=True)
class Recorded:
    """One acknowledged message: when, the state after it, and how many versions it ended, by why."""

    now: datetime
    state: State
    ended: dict[str, int]


class Conversation(RuleBasedStateMachine):
    """One node and its agent, and a neighbour that must never be touched."""

    url: ClassVar[str]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.database = Database(Config(database_url=self.url))
        self.reader = psycopg.connect(self.url, autocommit=True, row_factory=dict_row)
        cluster = uuid4().hex
        self.agent = Node(self.database, NodeIdentity(cluster, "n1"))
        self.neighbour = Node(self.database, NodeIdentity(cluster, "n2"))
        self.sent: list[Hello | Snapshot | Delta] = []
        self.last: tuple[Snapshot | Delta, Applied] | None = None
        self.records: list[Recorded] = []
        self.runner.run(self.begin())

    async def begin(self) -> None:
        await self.neighbour.hello()
        await self.neighbour.snapshot(container(0), layer(0))
        await self.agent.hello()

    def teardown(self) -> None:
        try:
            self.check_history()
        finally:
            self.reader.close()
            self.runner.run(self.database.close())
            self.runner.close()

    @rule(world=WORLDS, whole=COMPLETENESS, bad=st.booleans())
    def the_agent_sends_everything(self, world: State, whole: dict[Kind, bool], bad: bool) -> None:
        message = self.agent.snapshot_message(world.values(), whole)
        if bad:
            message = msgspec.structs.replace(message, entries=[*message.entries, BAD])
        complete = {kind for kind, flag in whole.items() if flag}
        kept = {key: entry for key, entry in self.agent.state.items() if key.kind not in complete}
        self.apply(message, {**kept, **world}, "absent")

    @rule(world=WORLDS, bad=st.booleans())
    def the_agent_sends_what_changed(self, world: State, bad: bool) -> None:
        before = self.agent.state
        upserts = [entry for key, entry in world.items() if before.get(key) != entry]
        message = self.agent.delta_message(upserts, [entry for key, entry in before.items() if key not in world])
        if bad:
            message = msgspec.structs.replace(message, upserts=[BAD, *message.upserts])
        self.apply(message, world, "removed")

    @precondition(lambda self: self.last)
    @rule()
    def the_last_message_comes_again(self) -> None:
        assert self.last is not None
        message, reply = self.last
        assert self.runner.run(self.agent.send(message)) == reply

    @precondition(lambda self: len(self.sent) > 1)
    @rule(data=st.data())
    def an_older_message_comes_late(self, data: st.DataObject) -> None:
        message = data.draw(st.sampled_from(self.sent[:-1]))
        seq = self.agent.seq
        try:
            if isinstance(message, Hello):
                self.runner.run(ingest.hello(self.database, POLICY, self.agent.identity, message))
            else:
                self.runner.run(self.agent.send(message))
        except ProblemError:
            pass
        self.agent.seq = seq

    @rule(field=st.sampled_from(["base_hash", "state_hash"]))
    def a_delta_on_another_base_is_not_taken(self, field: str) -> None:
        message = msgspec.structs.replace(self.agent.delta_message([container(9)]), **{field: "1" * 64})
        self.refused(message)

    @rule()
    def the_neighbours_generation_is_not_taken(self) -> None:
        message = self.agent.snapshot_message([])
        self.refused(msgspec.structs.replace(message, generation=self.neighbour.generation))

    @rule(restart=st.booleans())
    def the_agent_says_hello(self, restart: bool) -> None:
        if restart:
            self.agent.instance, self.agent.attempt = uuid4().hex, 0
            self.sent = [message for message in self.sent if not isinstance(message, Hello)]
        else:
            self.agent.attempt += 1
        self.sent.append(self.agent.hello_message())
        reply = self.runner.run(self.agent.hello())
        assert reply.last_hash == sum_of(self.agent.state.values())
        self.last = None

    @invariant()
    def the_register_holds_the_models_state(self) -> None:
        current = {EntryKey(Kind(row["kind"]), row["root"], row["key"]): row["hash"] for row in self.entries()}
        assert current == {key: entry_hash(entry) for key, entry in self.agent.state.items()}

    def refused(self, message: Snapshot | Delta) -> None:
        try:
            self.runner.run(self.agent.send(message))
        except ProblemError:
            return
        raise AssertionError("a message was applied that is not the node's next one")

    def apply(self, message: Snapshot | Delta, after: State, gone: str) -> None:
        before = self.agent.state
        reply = self.runner.run(self.agent.send(message))
        assert reply.state_hash == sum_of(after.values())
        self.agent.state = after
        ended = {
            "changed": sum(key in after and after[key] != entry for key, entry in before.items()),
            gone: sum(key not in after for key in before),
        }
        (row,) = self.ask("SELECT changed_at FROM nodes AS n")
        self.records.append(Recorded(row["changed_at"], dict(after), ended))
        self.sent.append(message)
        self.last = (message, reply)

    def entries(self, table: str = "entries", node: str = "n1") -> list[dict[str, Any]]:
        return self.ask(f"SELECT e.* FROM nodes AS n JOIN {table} AS e ON e.node_id = n.id", node)

    def ask(self, query: str, node: str = "n1") -> list[dict[str, Any]]:
        values = (self.agent.identity.cluster, node)
        return self.reader.execute(f"{query} WHERE n.cluster = %s AND n.node = %s".encode(), values).fetchall()

    def check_history(self) -> None:
        versions = self.entries("history")
        for row in versions:
            # Surely there it may never have been: the list that it was told from is older than its message.
            assert (row["began_after"] or row["ended_after"]) <= row["ended_after"] <= row["ended_before"]
            assert row["began_before"] <= row["ended_before"], "bounds are in order"
        counted: dict[str, int] = {}
        for record in self.records:
            for why, number in record.ended.items():
                counted[why] = counted.get(why, 0) + number
        for why, number in counted.items():
            assert sum(row["ended_why"] == why for row in versions) == number, why
        versions += [{**row, "ended_before": None} for row in self.entries()]
        for record in self.records:
            valid = [
                (EntryKey(Kind(row["kind"]), row["root"], row["key"]), row["hash"])
                for row in versions
                if row["began_before"] <= record.now
                and (row["ended_before"] is None or record.now < row["ended_before"])
            ]
            assert len(dict(valid)) == len(valid), "two versions of one key overlap"
            assert dict(valid) == {key: entry_hash(entry) for key, entry in record.state.items()}
        neighbours = self.entries(node="n2") + self.entries("history", node="n2")
        assert len(neighbours) == 2, "another node's rows were touched"


def test_the_register_follows_the_model(database_url: str) -> None:
    class Here(Conversation):
        url = database_url

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=50,
            stateful_step_count=15,
            deadline=None,
            derandomize=True,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
