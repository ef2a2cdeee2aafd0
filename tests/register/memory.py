"""A register in memory: the collector's own rules, plans and reading, with dictionaries in place of tables."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import msgspec

from agent.outcome import Outcome, Rejected
from agent.wire import Body
from collector.errors import ProblemError
from collector.ingest import plans, reading, rules
from collector.ingest.plans import Plan
from collector.ingest.reading import Reading
from collector.store.nodes import Moment, Node
from collector.store.write import Held, Name, name_of
from protocol.entries import EntryKey, Kind
from protocol.messages import (
    Applied,
    Delta,
    Heartbeat,
    HeartbeatReply,
    Hello,
    HelloReply,
    Intervals,
    Kept,
    Refused,
    Snapshot,
)
from protocol.problems import STATUS, ProblemType
from protocol.statehash import to_text, total
from tests.register.world import Version
from tests.unit.agent.model_collector import inflate

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
SILENT_AFTER = 45.0


@dataclass
class Row:
    """A current version."""

    key: EntryKey
    hash: bytes
    began_after: datetime | None
    began_before: datetime


@dataclass
class NodeRecord:
    """What the register keeps of one node."""

    node: Node
    moment: Moment
    rows: dict[Name, Row] = field(default_factory=dict)
    closed: list[Version] = field(default_factory=list)
    last: tuple[bytes, Applied] | None = None
    beat: int = 0


class MemoryRegister:
    """See ``tests.register.world.Register``. Its clock goes with that of the agents."""

    def __init__(self, elapsed: Callable[[], float]) -> None:
        self.elapsed, self.ahead = elapsed, 0.0
        self.nodes: dict[str, NodeRecord] = {}

    @property
    def clock(self) -> datetime:
        return BEGIN + timedelta(seconds=self.elapsed() + self.ahead)

    def now(self) -> float:
        return self.clock.timestamp()

    def pass_time(self, seconds: float) -> None:
        """The agents' clock has passed it already."""

    def set_back(self, seconds: float) -> None:
        self.ahead -= seconds

    def close(self) -> None:
        self.nodes.clear()

    def stands_at(self, node: str) -> tuple[float, bytes]:
        kept = self.nodes.get(node)
        return (0.0, bytes(32)) if kept is None else (kept.node.changed_at.timestamp(), kept.node.state_hash)

    def current(self, node: str) -> dict[EntryKey, bytes]:
        kept = self.nodes.get(node)
        return {} if kept is None else {row.key: row.hash for row in kept.rows.values()}

    def versions(self, node: str) -> list[Version]:
        kept = self.nodes.get(node)
        if kept is None:
            return []
        rows = (
            Version(row.key, row.hash, _seconds(row.began_after), row.began_before.timestamp())
            for row in kept.rows.values()
        )
        return [*kept.closed, *rows]

    def post(self, node: str, name: str, body: Body) -> Outcome:
        plain = inflate(body)
        try:
            match name:
                case "hello":
                    return self._hello(node, msgspec.json.decode(plain, type=Hello))
                case "heartbeat":
                    return self._heartbeat(node, msgspec.json.decode(plain, type=Heartbeat))
                case "snapshot":
                    return self._apply(node, msgspec.json.decode(plain, type=Snapshot), plain)
                case _:
                    return self._apply(node, msgspec.json.decode(plain, type=Delta), plain)
        except ProblemError as exc:
            return Rejected(exc.kind, STATUS[exc.kind], exc.detail, exc.retry_after or 0.0)

    def _moment(self, kept: NodeRecord) -> Moment:
        """The register's time under the lock, later than everything before."""
        times = [self.clock, kept.node.changed_at + timedelta(microseconds=1), kept.moment.heard_at or self.clock]
        return replace(kept.moment, now=max(times))

    def _hello(self, name: str, message: Hello) -> Outcome:
        rules.choose_hash_version(message)
        if name not in self.nodes:
            never = Moment(now=self.clock, heard_at=None, listed_at=None, skew=None, lost_events=0)
            self.nodes[name] = NodeRecord(_new_node(self.clock), never)
        kept = self.nodes[name]
        node, moment = kept.node, self._moment(kept)
        decision = rules.greet(node, moment, message, SILENT_AFTER)
        if isinstance(decision, rules.Rival):
            since = node.conflict_since or moment.now
            kept.node = replace(node, former=decision.former, conflict_since=since, conflict_seen=moment.now)
            raise ProblemError(ProblemType.CONFLICT, "another agent speaks for it", retry_after=rules.CONFLICT_WAIT)
        lost = moment.lost_events
        if isinstance(decision, rules.NewLife):
            lost, _ = rules.lost_since(moment, message, anew=True)
            kept.last = None
            kept.node = node = replace(
                self._at_peace(node, moment),
                instance=message.instance,
                attempt=message.attempt,
                boot_id=message.boot_id,
                former=decision.former,
                generation=decision.generation,
                last_seq=0,
                changed_at=moment.now,
                greeted_at=moment.now,
            )
            kept.beat = 0
            moment = replace(moment, skew=message.clock - moment.now.timestamp())
        kept.moment = replace(moment, heard_at=moment.now, lost_events=lost)
        return HelloReply(
            generation=node.generation,
            hash_version=1,
            last_seq=node.last_seq,
            last_hash=to_text(total(row.hash for row in kept.rows.values())),
            intervals=Intervals(),
            server_time=moment.now.timestamp(),
            incomplete=[kind for kind in Kind if kind not in node.complete],
        )

    def _heartbeat(self, name: str, message: Heartbeat) -> Outcome:
        kept = self.nodes.get(name)
        node = rules.check_generation(kept.node if kept else None, message.generation)
        assert kept is not None
        heard = (message.seq, bytes.fromhex(message.state_hash)) == (node.last_seq, node.state_hash)
        if heard and message.beat > kept.beat:
            kept.beat = message.beat
            now = max(self.clock, kept.moment.heard_at or self.clock)
            listed = self.clock - timedelta(seconds=max(0.0, message.listed_ago))
            kept.moment = replace(
                kept.moment,
                heard_at=now,
                listed_at=max(listed, kept.moment.listed_at or listed),
                skew=message.clock - self.clock.timestamp(),
                lost_events=max(kept.moment.lost_events, message.lost_events),
            )
        return HeartbeatReply(action="ok" if heard else "resync", server_time=self.clock.timestamp())

    def _apply(self, name: str, message: Snapshot | Delta, plain: bytes) -> Outcome:
        kept = self.nodes.get(name)
        node = rules.check_generation(kept.node if kept else None, message.generation)
        assert kept is not None
        if kept.last is not None and message.seq == node.last_seq and plain == kept.last[0]:
            return kept.last[1]
        rules.check_order(node, message)
        moment = self._moment(kept)
        held = {entry: Held(row.hash, row.began_before) for entry, row in kept.rows.items()}
        known, at_war = rules.knowledge(node, moment), rules.at_war(node, moment)
        if isinstance(message, Snapshot):
            fresh = reading.read(message.entries, 1)
            if not fresh.refused and to_text(fresh.sum) != message.state_hash:
                raise ProblemError(ProblemType.BAD_REQUEST, "the message is damaged")
            removable = [kind for kind, whole in message.kinds.items() if whole and not at_war]
            plan = plans.plan_snapshot(fresh, held, removable, known, rules.unlisted(node, moment, message))
        else:
            fresh = reading.read(message.upserts, 1)
            removes = [name_of(key) for key in message.removes]
            base = int.from_bytes(node.state_hash, "big")
            plan = plans.plan_delta(fresh, removes, held, base, known, at_war=at_war)
            if not fresh.refused and not plan.kept and to_text(plan.state_hash) != message.state_hash:
                raise ProblemError(ProblemType.RESYNC, "the delta leads to another state")
        reply = _answer(message, fresh, plan, kept, moment)
        _close_and_open(kept, plan, moment.now)
        lost, _ = rules.lost_since(moment, message)
        listed = rules.listed_at(node, moment, message)
        enumerated, complete, _ = rules.enumerations(node, message, listed, moment)
        kept.node = replace(
            self._at_peace(node, moment),
            last_seq=message.seq,
            state_hash=plan.state_hash.to_bytes(32, "big"),
            changed_at=moment.now,
            listed_at=listed,
            enumerated=enumerated,
            complete=complete,
        )
        kept.moment = replace(moment, heard_at=moment.now, lost_events=lost)
        kept.last = (plain, reply)
        return reply

    def _at_peace(self, node: Node, moment: Moment) -> Node:
        if not rules.conflict_is_over(node, moment.now):
            return node
        return replace(node, conflict_since=None, conflict_seen=None)


def _new_node(now: datetime) -> Node:
    return Node(
        id=1,
        instance="",
        attempt=0,
        boot_id="",
        former={},
        generation="",
        hash_version=1,
        last_seq=0,
        state_hash=bytes(32),
        last_digest=None,
        last_reply=None,
        changed_at=now,
        listed_at=None,
        observed_since=None,
        enumerated={},
        complete=[],
        conflict_since=None,
        conflict_seen=None,
    )


def _answer(message: Snapshot | Delta, fresh: Reading, plan: Plan, kept: NodeRecord, moment: Moment) -> Applied:
    refused: list[Refused] = fresh.refused
    return Applied(
        seq=message.seq,
        state_hash=to_text(plan.state_hash),
        server_time=moment.now.timestamp(),
        refused=refused,
        kept=[Kept(kept.rows[name].key, kept.rows[name].hash.hex()) for name in plan.kept],
    )


def _close_and_open(kept: NodeRecord, plan: Plan, now: datetime) -> None:
    for ending in plan.endings:
        row = kept.rows.pop(ending.name)
        began = _seconds(row.began_after), row.began_before.timestamp()
        kept.closed.append(Version(row.key, row.hash, *began, ending.after.timestamp(), now.timestamp()))
    for name, entry, digest, after in plan.openings:
        assert name not in kept.rows, "a version is opened over another"
        kept.rows[name] = Row(entry.entry_key, digest, after, now)


def _seconds(when: datetime | None) -> float | None:
    return None if when is None else when.timestamp()
