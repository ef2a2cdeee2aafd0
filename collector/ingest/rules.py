"""Who may speak for a node, in which order, and what is known from when: the protocol's rules, without I/O."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from collector.errors import ProblemError
from collector.ingest.plans import Known, Unlisted
from collector.store.heartbeats import countable
from collector.store.nodes import Gap, Moment, Node
from collector.store.write import Held
from protocol.entries import Kind
from protocol.messages import Acknowledged, Delta, Hello, Snapshot
from protocol.problems import ProblemType
from protocol.version import HASH_VERSIONS, PROTOCOL

CONFLICT_WAIT: Final = 60.0
"""Seconds that an agent has to wait whose node another one speaks for."""
CONFLICT_LASTS: Final = timedelta(seconds=3 * CONFLICT_WAIT)
"""A conflict ends when the other agent has not been heard for so long."""
_FORMER: Final = 16
"""So many replaced agents of a node are remembered."""
LONGEST: Final = timedelta(days=365)
"""No list is older, whatever a message says: PostgreSQL's times end somewhere."""
_FARTHEST: Final = 10**17
"""A generation's number has at most 18 digits; no register comes this far by counting."""


@dataclass(frozen=True, slots=True)
class Again:
    """The hello was answered before: the same answer again."""


@dataclass(frozen=True, slots=True)
class NewLife:
    """A new generation begins; ``former`` are the agents replaced so far, with their last attempts."""

    generation: str
    former: dict[str, int]
    gaps: list[Gap]


@dataclass(frozen=True, slots=True)
class Rival:
    """The agent was replaced, says hello again, and the one that replaced it is alive: a conflict."""

    former: dict[str, int]


def choose_hash_version(hello: Hello) -> int:
    """Return the best hash version that both sides compute.

    Raises:
        ProblemError: ``unsupported``: there is none, or the protocol is another.
    """
    if hello.protocol != PROTOCOL:
        raise ProblemError(
            ProblemType.UNSUPPORTED,
            f"the agent speaks protocol {hello.protocol}, this collector {PROTOCOL}; bring both to one release",
            field="$.protocol",
        )
    common = [version for version in HASH_VERSIONS if version in hello.hash_versions]
    if not common:
        raise ProblemError(
            ProblemType.UNSUPPORTED,
            f"the agent computes hash versions {hello.hash_versions}, this collector {list(HASH_VERSIONS)}; "
            "bring both to neighbouring releases",
            field="$.hash_versions",
        )
    return common[-1]


def greet(node: Node, moment: Moment, hello: Hello, silent_after: float) -> Again | NewLife | Rival:
    """Decide what a hello begins.

    Raises:
        ProblemError: ``hello``: it is an older one that arrives late.
    """
    if hello.instance == node.instance:
        known = node.attempt
        if hello.attempt == known:
            return Again()
    else:
        known = node.former.get(hello.instance, -1)
    if hello.attempt < known or (hello.attempt == known and hello.instance != node.instance):
        raise ProblemError(ProblemType.HELLO, "this hello arrives after a later one of the same agent; say hello again")
    former = dict(node.former)
    if known >= 0 and hello.instance != node.instance and _alive(moment, silent_after):
        former[hello.instance] = hello.attempt
        return Rival(former)
    former.pop(hello.instance, None)
    if node.instance and hello.instance != node.instance:
        former[node.instance] = node.attempt
    former = dict(list(former.items())[-_FORMER:])
    return NewLife(_next_generation(node, hello.acknowledged), former, _gaps_before(node, moment, hello, silent_after))


def _alive(moment: Moment, silent_after: float) -> bool:
    return moment.heard_at is not None and moment.now - moment.heard_at <= timedelta(seconds=silent_after)


def _number(generation: str) -> int:
    return int(generation.partition("-")[0] or 0)


def _next_generation(node: Node, acknowledged: Acknowledged | None) -> str:
    number = _number(node.generation)
    if acknowledged is not None and _number(acknowledged.generation) < _FARTHEST:
        number = max(number, _number(acknowledged.generation))
    return f"{number + 1}-{secrets.token_hex(8)}"


def _gaps_before(node: Node, moment: Moment, hello: Hello, silent_after: float) -> list[Gap]:
    gaps = []
    told = hello.acknowledged
    if told is not None and _was_restored(node, told):
        after = node.changed_at if node.generation else None
        detail = f"the agent was acknowledged up to {told.generation}, {told.seq}; the database knows less"
        gaps.append(Gap(reason="restored", after=after, before=moment.now, detail=detail))
    if moment.heard_at is not None:
        reason = _why_away(node, hello)
        if reason != "silent" or not _alive(moment, silent_after):
            gaps.append(Gap(reason=reason, after=moment.heard_at, before=moment.now))
    return gaps


def _was_restored(node: Node, told: Acknowledged) -> bool:
    """Whether the agent was told of something that the database does not know: it was put back to an older state."""
    if told.generation == node.generation:
        return told.seq > node.last_seq
    return _number(told.generation) >= _number(node.generation)


def _why_away(node: Node, hello: Hello) -> str:
    if hello.boot_id != node.boot_id:
        return "node-restart"
    return "agent-restart" if hello.instance != node.instance else "silent"


def gaps_since(moment: Moment, silent_after: float) -> list[Gap]:
    """Return the gap that ends with a snapshot or delta, if the node was silent before it."""
    if moment.heard_at is None or _alive(moment, silent_after):
        return []
    return [Gap(reason="silent", after=moment.heard_at, before=moment.now)]


def conflict_is_over(node: Node, now: datetime) -> bool:
    """Whether there was a conflict, and the other agent has not been heard for a while."""
    return node.conflict_seen is not None and now - node.conflict_seen > CONFLICT_LASTS


def lost_since(moment: Moment, message: Hello | Snapshot | Delta, *, anew: bool = False) -> tuple[int, list[Gap]]:
    """Return the agent's count of lost events, and the gap that its rise leaves.

    Within a life the count never falls, so a message that comes late lowers nothing. A life that begins (``anew``)
    with less than the last one ended with lost its volume: it has counted from nothing.
    """
    told = countable(message.lost_events)
    known = moment.lost_events
    if anew and told < known:
        known = 0
    if told <= known:
        return known, []
    gap = Gap(reason="lost-events", after=moment.heard_at, before=moment.now, detail=str(told - known))
    return told, [gap]


def at_war(node: Node, moment: Moment) -> bool:
    """Whether another agent still speaks for the node: nothing is removed meanwhile."""
    return node.conflict_seen is not None and not conflict_is_over(node, moment.now)


def check_generation(node: Node | None, generation: str) -> Node:
    """Return the node if ``generation`` is its current one.

    Raises:
        ProblemError: ``hello``.
    """
    if node is None or node.generation != generation:
        raise ProblemError(ProblemType.HELLO, "the generation is not the node's current one; say hello again")
    return node


def check_order(node: Node, message: Snapshot | Delta) -> None:
    """Check that the message is the next one, and builds on what the register holds.

    Raises:
        ProblemError: ``resync`` for a delta. ``hello`` for a snapshot: it is the answer to a resync, and one that does
            not fit either would come again and again.
    """
    if message.seq == node.last_seq + 1:
        if isinstance(message, Snapshot) or bytes.fromhex(message.base_hash) == node.state_hash:
            return
        detail = "the delta builds on another state than the register's"
    else:
        detail = f"message {message.seq} is not the next one; the register stands at {node.last_seq}"
    if isinstance(message, Snapshot):
        raise ProblemError(ProblemType.HELLO, f"{detail}; say hello again")
    raise ProblemError(ProblemType.RESYNC, f"{detail}; send a snapshot")


def listed_at(node: Node, moment: Moment, message: Snapshot | Delta) -> datetime:
    """Return when, by the register's clock, the newest list was complete that the register has heard of."""
    when = _made_at(moment, message)
    return when if node.listed_at is None else min(moment.now, max(node.listed_at, when))


def unlisted(node: Node, moment: Moment, message: Snapshot) -> Unlisted:
    """Return which versions the message's list could not have.

    An agent that takes over may have made its list before the other one told of the newest entries: those began after
    the list, and before the present generation. What this generation itself told was seen by the one who lists.
    """
    made, greeted = _made_at(moment, message), node.greeted_at

    def is_unlisted(version: Held) -> bool:
        return greeted is not None and made < version.began_before <= greeted

    return is_unlisted


def _made_at(moment: Moment, message: Snapshot | Delta) -> datetime:
    """Return when, by the register's clock, the list was complete that the message was made from.

    A message that could not be delivered is sent again as it was: how long it was under way is seen from the agent's
    clock and its skew at the last heartbeat. That can only make the answer earlier; an order it never makes.
    """
    now = moment.now
    under_way = 0.0 if moment.skew is None else moment.skew - (message.clock - now.timestamp())
    ago = max(0.0, message.listed_ago) + max(0.0, under_way)
    return now - timedelta(seconds=min(ago, LONGEST.total_seconds()))


def knowledge(node: Node, moment: Moment) -> Known:
    """Return until when the register knows which entries there were, before this message."""
    listed = max((when for when in (node.listed_at, moment.listed_at) if when is not None), default=None)
    past = {kind: datetime.fromisoformat(when) for kind, when in node.enumerated.items()}
    return Known(listed, {kind.value: listed if kind in node.complete else past.get(kind) for kind in Kind})


def enumerations(
    node: Node, message: Snapshot | Delta, listed: datetime, moment: Moment
) -> tuple[dict[str, str], list[str], list[Gap]]:
    """Return when each kind was last enumerated, which are complete now, and the gaps that end with that.

    A snapshot says it of every kind (one that it does not name is not complete), a delta of those that change.
    """
    known = knowledge(node, moment)
    before = set() if isinstance(message, Snapshot) else set(node.complete)
    named = {kind.value: whole for kind, whole in message.kinds.items()}
    complete = sorted((before - named.keys()) | {kind for kind, whole in named.items() if whole})
    times = {kind.value: listed if kind.value in complete else known(kind.value) for kind in Kind}
    gaps = [
        Gap(reason="incomplete", after=known(kind), before=moment.now, detail=kind)
        for kind in complete
        if node.listed_at is not None and kind not in node.complete
    ]
    return {kind: when.isoformat() for kind, when in times.items() if when is not None}, complete, gaps
