"""The messages of protocol version 1 between an agent and a collector.

No message names the node it is about: that comes only from the sender's credential. One request
of an agent is in flight at a time. Unknown fields are ignored, so that releases can differ.
``docs/wire-format.md`` explains when each is sent and what answers it.
"""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from protocol.entries import EntryKey, Kind

API: Final = "/api/v1"
"""Where the messages are posted: ``API + "/hello"`` and so on."""

MAX_BODY: Final = 32 * 1024 * 1024
"""Most bytes of one body after inflating."""
MAX_HEARTBEAT: Final = 300
"""Most bytes of a heartbeat's body."""
HEARTBEAT_EVERY: Final = 15.0
"""Seconds between heartbeats, unless ``Intervals`` says otherwise."""
MISSED_HEARTBEATS: Final = 3
"""So many missed heartbeats make a node silent."""

# Python's $ also matches before a last line feed; what follows it here forbids that, in ECMA's dialect too.
Hash = Annotated[str, Meta(pattern="^[0-9a-f]{64}$(?!\\n)", description="A state hash: 64 hex digits.")]
Generation = Annotated[
    str,
    Meta(pattern="^[0-9]{1,18}-[0-9a-f]{16}$(?!\\n)", description="A rising number and a random part."),
]
Seq = Annotated[int, Meta(ge=0, le=2**62, description="0 after hello; each snapshot or delta adds one.")]
Seconds = Annotated[float, Meta(description="A length of time in seconds.")]
Clock = Annotated[float, Meta(description="The sender's wall clock: seconds since 1970 in UTC.")]
Short = Annotated[str, Meta(max_length=256)]
Attempt = Annotated[int, Meta(ge=0, le=2**62)]


class Backend(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One storage backend that the agent found below one data root.

    ``current``: the engine uses it now. ``problem`` says what keeps the agent from reading it, ``""`` if nothing.
    ``directories`` are the backend's own, around its layers, as the host names them.
    """

    root: str
    name: Short
    type: Literal["graph-driver", "snapshotter"]
    current: bool = True
    problem: str = ""
    directories: Annotated[tuple[str, ...], Meta(max_length=64)] = ()


class Engine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What ``/info`` and ``/version`` say about the node's engine; empty text is unknown.

    ``data_root`` is the engine's ``DockerRootDir``; ``socket`` and ``readable`` say whether the agent may use the
    engine's socket and read the data root.
    """

    engine_id: Short = ""
    version: Short = ""
    api_version: Short = ""
    os: Short = ""
    arch: Short = ""
    kernel: Short = ""
    driver: Short = ""
    data_root: str = ""
    hostname: Short = ""
    swarm_node: Short = ""
    swarm_cluster: Short = ""
    manager: bool = False
    socket: bool = False
    readable: bool = False


class Acknowledged(msgspec.Struct, frozen=True):
    """The last thing a collector acknowledged to this agent, and the register's time of it."""

    generation: Generation
    seq: Seq
    time: Clock


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """First message of an agent's life and after every 409 ``hello``.

    ``instance`` is made anew at every start of the agent, ``attempt`` counts its hellos: the pair makes it idempotent.
    ``boot_id`` is the kernel's; ``acknowledged`` comes from the agent's volume and shows a restored database, and so
    does ``lost_events``: how many versions of entries nobody will hear of.
    """

    protocol: int
    instance: Annotated[str, Meta(pattern="^[0-9a-f]{32}$(?!\\n)")]
    attempt: Attempt
    boot_id: Short
    agent: Short
    hash_versions: Annotated[list[int], Meta(min_length=1, max_length=16)]
    clock: Clock
    engine: Engine
    backends: Annotated[list[Backend], Meta(max_length=256)] = []
    acknowledged: Acknowledged | None = None
    lost_events: int = 0


class Intervals(msgspec.Struct, frozen=True, kw_only=True):
    """What the collector asks of the agent, in seconds."""

    heartbeat: Seconds = HEARTBEAT_EVERY
    relist: Seconds = 30.0


class HelloReply(msgspec.Struct, frozen=True, kw_only=True):
    """The agent's new generation, and where the register stands for this node.

    ``last_seq`` and ``last_hash`` describe the entries that the register holds: an agent whose own state has
    the same hash (in ``hash_version``) need not send a snapshot. ``incomplete`` are the kinds of which the register
    does not know whether it holds all: a delta can tell that one is complete.
    """

    generation: Generation
    hash_version: int
    last_seq: Seq
    last_hash: Hash
    intervals: Intervals
    server_time: Clock
    incomplete: list[Kind] = []


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The node's whole state; replaces what the register holds, in one transaction.

    ``kinds`` maps every enumerated kind to whether its enumeration was complete: a kind that is not
    complete, or not named, removes nothing. ``entries`` are left undecoded, so that a bad one is
    refused by itself. ``state_hash`` is the sum over ``entries``.
    ``listed_ago`` is the age, in seconds, of the list that the snapshot was made from.
    """

    generation: Generation
    seq: Seq
    kinds: dict[Kind, bool]
    entries: list[msgspec.Raw]
    state_hash: Hash
    clock: Clock
    listed_ago: Seconds = 0.0
    lost_events: int = 0
    problems: Annotated[list[str], Meta(max_length=100)] = []


class Delta(msgspec.Struct, frozen=True, kw_only=True):
    """What changed since ``seq - 1``: applied only when the register stands exactly there.

    ``base_hash`` is the state hash before, ``state_hash`` after. ``removes`` are explicit: each is known to be gone.
    ``kinds`` names kinds whose completeness changes. One becomes complete with the delta after which the register
    holds exactly what a complete enumeration found: the last part of a state that no single snapshot could carry.
    """

    generation: Generation
    seq: Seq
    base_hash: Hash
    upserts: list[msgspec.Raw]
    removes: list[EntryKey]
    state_hash: Hash
    clock: Clock
    listed_ago: Seconds = 0.0
    lost_events: int = 0
    problems: Annotated[list[str], Meta(max_length=100)] = []
    kinds: dict[Kind, bool] = {}


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that the collector would not take. ``index`` is its place in ``entries`` or ``upserts``.

    It leaves both sums: the agent takes its hash out of its own.
    """

    index: int
    key: EntryKey | None
    reason: str


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """An entry of an incomplete kind that the register kept, with its hash: the agent adopts it."""

    key: EntryKey
    hash: Hash


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to a snapshot or delta, sent after the commit. ``state_hash`` is the register's own sum."""

    seq: Seq
    state_hash: Hash
    server_time: Clock
    refused: list[Refused] = []
    kept: list[Kept] = []


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """Every 15 s while nothing changes: the state is still the one with this hash.

    ``listed_ago``: seconds since the agent's last completed list or event; ``lost_events``: how many versions
    of entries it has seen and nobody will hear of. ``beat`` counts the agent's heartbeats: what comes behind a later
    one says nothing any more. 0: the agent does not count them.
    """

    generation: Generation
    seq: Seq
    state_hash: Hash
    clock: Clock
    listed_ago: Seconds
    lost_events: int = 0
    beat: int = 0


class HeartbeatReply(msgspec.Struct, frozen=True, kw_only=True):
    """``resync``: send a snapshot, the register stands elsewhere."""

    action: Literal["ok", "resync"]
    server_time: Clock
