"""Messages: their limits, and that none names its node."""

import inspect
from typing import Any

import msgspec
import pytest

from protocol import messages
from protocol.entries import EntryKey, Kind
from protocol.messages import (
    MAX_HEARTBEAT,
    Acknowledged,
    Delta,
    Engine,
    Heartbeat,
    HeartbeatReply,
    Hello,
    Kept,
    Snapshot,
)

GENERATION = "12-0123456789abcdef"
HASH = "0" * 64
HELLO = {
    "protocol": 1,
    "instance": "0" * 32,
    "attempt": 1,
    "boot_id": "b",
    "agent": "0.1.0",
    "hash_versions": [1],
    "clock": 1.5,
    "engine": {},
}
SNAPSHOT = {"generation": GENERATION, "seq": 1, "kinds": {}, "entries": [], "state_hash": HASH, "clock": 0.0}
HEARTBEAT = {"generation": GENERATION, "seq": 1, "state_hash": HASH, "clock": 0.0, "listed_ago": 0.0}


def read(kind: type[Any], message: dict[str, Any]) -> Any:
    return msgspec.json.decode(msgspec.json.encode(message), type=kind)


def test_the_longest_heartbeat_fits_its_limit() -> None:
    longest = Heartbeat(
        generation="9" * 18 + "-" + "f" * 16,
        seq=2**62,
        state_hash="f" * 64,
        clock=1767225600.1234567,
        listed_ago=86400.12345678901,
        lost_events=2**63,
        beat=2**63,
    )
    assert len(msgspec.json.encode(longest)) <= MAX_HEARTBEAT


def test_no_message_has_a_field_for_its_node() -> None:
    for name, kind in inspect.getmembers(messages, inspect.isclass):
        if issubclass(kind, msgspec.Struct) and kind.__module__ == messages.__name__ and kind is not Engine:
            assert not {"node", "node_id", "cluster", "hostname"} & set(kind.__struct_fields__), name


def test_hello_is_read_with_what_it_leaves_out() -> None:
    hello = read(Hello, HELLO)
    assert (hello.engine, hello.backends, hello.acknowledged) == (Engine(), [], None)


def test_hello_carries_what_was_last_acknowledged() -> None:
    acknowledged = {"generation": GENERATION, "seq": 7, "time": 3.0}
    assert read(Hello, {**HELLO, "acknowledged": acknowledged}).acknowledged == Acknowledged(GENERATION, 7, 3.0)


@pytest.mark.parametrize(
    "change",
    [
        {"instance": "short"},
        {"attempt": -1},
        {"boot_id": "b" * 257},
        {"hash_versions": []},
        {"hash_versions": list(range(17))},
        {"backends": [{"root": "/r", "name": "b", "type": "graph-driver"}] * 257},
        {"backends": [{"root": "/r", "name": "b", "type": "drum"}]},
        {"clock": "noon"},
        {"engine": None},
    ],
)
def test_a_hello_outside_its_limits_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        read(Hello, {**HELLO, **change})


@pytest.mark.parametrize(
    "generation", ["", "1", "1-", "-0123456789abcdef", "1-0123456789ABCDEF", "1-0123456789abcdef\n"]
)
def test_a_generation_is_a_number_and_sixteen_hex_digits(generation: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        read(Heartbeat, {**HEARTBEAT, "generation": generation})


@pytest.mark.parametrize(
    "change",
    [{"seq": -1}, {"seq": 2**62 + 1}, {"state_hash": "0" * 63}, {"state_hash": "F" * 64}, {"problems": ["p"] * 101}],
)
def test_a_snapshot_outside_its_limits_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        read(Snapshot, {**SNAPSHOT, **change})


def test_a_snapshot_keeps_its_entries_undecoded_so_that_a_bad_one_is_refused_by_itself() -> None:
    snapshot = read(Snapshot, {**SNAPSHOT, "entries": [{"kind": "saucer"}, 7], "kinds": {"container": True}})
    assert [msgspec.json.decode(raw) for raw in snapshot.entries] == [{"kind": "saucer"}, 7]
    assert snapshot.kinds == {Kind.CONTAINER: True}


def test_a_delta_names_what_is_gone() -> None:
    message = {**SNAPSHOT, "base_hash": HASH, "upserts": [], "removes": [["volume", "/r", "data"]]}
    assert read(Delta, message).removes == [EntryKey(Kind.VOLUME, "/r", "data")]


def test_what_was_kept_is_an_array_of_its_key_and_hash() -> None:
    kept = Kept(EntryKey(Kind.BIND, "/r", "/srv"), HASH)
    assert msgspec.json.decode(msgspec.json.encode(kept)) == [["bind", "/r", "/srv"], HASH]


def test_a_heartbeat_is_answered_with_one_of_two_words() -> None:
    assert read(HeartbeatReply, {"action": "ok", "server_time": 1.0}).action == "ok"
    with pytest.raises(msgspec.ValidationError):
        read(HeartbeatReply, {"action": "relax", "server_time": 1.0})
