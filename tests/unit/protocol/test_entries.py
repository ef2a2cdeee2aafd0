"""Entries on the wire."""

from typing import Any

import msgspec
import pytest
from hypothesis import given

from protocol.entries import ENTRY_TYPES, Bind, Container, Entry, EntryKey, Kind, Place, Role
from tests.unit.protocol.strategies import ENTRIES


@given(entry=ENTRIES)
def test_an_entry_comes_back_from_the_wire_as_it_went(entry: Entry) -> None:
    assert msgspec.json.decode(msgspec.json.encode(entry), type=Entry) == entry


@pytest.mark.parametrize("kind", Kind)
def test_the_kind_on_the_wire_is_the_kind_in_the_key(kind: Kind) -> None:
    entry = ENTRY_TYPES[kind](root="/r", key="k")
    assert msgspec.json.decode(msgspec.json.encode(entry))["kind"] == kind
    assert entry.entry_key == EntryKey(kind, "/r", "k")


def test_what_is_not_known_is_not_sent() -> None:
    assert msgspec.json.decode(msgspec.json.encode(Container(root="/r", key="k"))) == {
        "kind": "container",
        "root": "/r",
        "key": "k",
    }


def test_a_place_and_a_key_are_arrays() -> None:
    assert msgspec.json.encode(Place("/srv", Role.SOURCE, (".",))) == b'["/srv","source",["."]]'
    assert msgspec.json.encode(EntryKey(Kind.BIND, "/r", "/srv")) == b'["bind","/r","/srv"]'


def test_a_field_of_a_newer_release_is_passed_over() -> None:
    newer = b'{"kind":"bind","root":"/r","key":"/srv","colour":"green"}'
    assert msgspec.json.decode(newer, type=Entry) == Bind(root="/r", key="/srv")


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "bind", "key": "/srv"},
        {"kind": "saucer", "root": "/r", "key": "k"},
        {"kind": "bind", "root": "/r", "key": 7},
        {"kind": "container", "root": "/r", "key": "k", "state": None},
        {"kind": "container", "root": "/r", "key": "k", "resolved_by": "guess"},
        {"kind": "bind", "root": "/r", "key": "k", "paths": [["/srv", "sauce"]]},
        ["bind", "/r", "k"],
    ],
)
def test_what_is_no_entry_is_refused_with_its_place(wrong: Any) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(wrong), type=Entry)


def test_keys_sort_by_kind_root_and_key() -> None:
    keys = [EntryKey(Kind.LAYER, "/r", "a"), EntryKey(Kind.CONTAINER, "/s", "a"), EntryKey(Kind.CONTAINER, "/r", "b")]
    assert sorted(keys) == [keys[2], keys[1], keys[0]]
