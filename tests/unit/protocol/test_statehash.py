"""The state hash: equal exactly when two sets of entries are equal (P8), and frozen once published."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.entries import (
    ENTRY_TYPES,
    Bind,
    Container,
    Entry,
    EntryKey,
    Image,
    Kind,
    Layer,
    LayerUse,
    Mount,
    PathKind,
    Place,
    ResolvedBy,
    Role,
    Volume,
)
from protocol.statehash import FIELDS, MODULUS, entry_hash, from_text, shift, to_text, total
from protocol.version import HASH_VERSIONS
from tests.unit.protocol.strategies import BY_KIND, ENTRIES

_CONTAINER = Container(
    root="/var/lib/docker",
    key="c" * 64,
    paths=(
        Place("/var/lib/docker/overlay2/" + "a" * 64, Role.WRITABLE, ("diff", "merged")),
        Place("/var/lib/docker/containers/" + "c" * 64, Role.CONTAINER_DIR),
    ),
    name="web",
    backend="overlay2",
    mount_id="a" * 64,
    init_id="a" * 64 + "-init",
    diff_path="/var/lib/docker/overlay2/" + "a" * 64 + "/diff",
    path_kind=PathKind.DIFF,
    parent_chain_id="sha256:" + "b" * 64,
    resolved_by=ResolvedBy.LAYERDB,
    image="nginx:1",
    image_id="sha256:" + "d" * 64,
    state="exited",
    exit_code=-1,
    oom_killed=True,
    created_at="2026-01-31T12:00:00Z",
    started_at="2026-01-31T12:00:01.123456789Z",
    finished_at="2026-01-31T13:00:00Z",
    labels={"b": "2", "a": "1", "naïve": "ja"},
    mounts=(Mount("volume", "/data", name="data", source="/var/lib/docker/volumes/data/_data", driver="local"),),
)

GOLDEN: list[tuple[Entry, str]] = [
    (_CONTAINER, "753487d9859b504ddc7876a3ce4ad720b124f760d0c3a07a22e881dbc4de5017"),
    (Container(root="", key=""), "a4e44a787e65d93fcaf4311d13fb0bedef3231e364c96403fc6a4cdf4896741e"),
    (
        Layer(
            root="/var/lib/docker",
            key="sha256:" + "b" * 64,
            paths=(Place("/var/lib/docker/overlay2/" + "e" * 64, Role.LAYER, ("diff",)),),
            backend="overlay2",
            use=LayerUse.IMAGE,
            cache_id="e" * 64,
            diff_id="sha256:" + "f" * 64,
            diff_path="/var/lib/docker/overlay2/" + "e" * 64 + "/diff",
            path_kind=PathKind.DIFF,
            evidence="layerdb",
        ),
        "4d1876bfa9bcee9f7cdc05af156a6413a867cd11babad594ef98820864d20635",
    ),
    (
        Image(
            root="/var/lib/docker",
            key="sha256:" + "d" * 64,
            tags=("nginx:1",),
            digests=("nginx@sha256:" + "0" * 64,),
            layers=("sha256:" + "b" * 64,),
            platform="linux/amd64",
            created_at="2026-01-01T00:00:00Z",
            backend="overlay2",
        ),
        "fcb30173e9869e1ddb8ca082b26050cd581c4bef2edafa9174bf4eb52fbf2118",
    ),
    (
        Volume(
            root="/var/lib/docker",
            key="data",
            paths=(Place("/var/lib/docker/volumes/data/_data", Role.VOLUME, (".",)),),
            driver="local",
            mountpoint="/var/lib/docker/volumes/data/_data",
            created_at="2026-01-01T00:00:00Z",
            labels={"keep": ""},
        ),
        "fdb6eed2996772f38ed182eeab3a8d38d0eed67682093e7b8b6d9fa280906469",
    ),
    (
        Bind(root="/var/lib/docker", key="/srv", paths=(Place("/srv", Role.SOURCE, (".",)),), reason="not there"),
        "8f3179b9f63cd3c44b5a04b66821db3479cf4aeb33bf7f9fd76e15ca8a36390d",
    ),
]
"""Entries with their hash in version 1. These numbers are a promise to every agent that was ever released."""


def state(entries: dict[EntryKey, Entry]) -> int:
    return total(entry_hash(entry) for entry in entries.values())


def by_key(entries: list[Entry]) -> dict[EntryKey, Entry]:
    return {entry.entry_key: entry for entry in entries}


@pytest.mark.parametrize(("entry", "expected"), GOLDEN, ids=lambda value: getattr(value, "KIND", ""))
def test_version_1_is_frozen(entry: Entry, expected: str) -> None:
    assert entry_hash(entry, 1).hex() == expected


@pytest.mark.parametrize("version", HASH_VERSIONS)
@pytest.mark.parametrize("kind", Kind)
def test_every_field_of_every_entry_is_hashed(version: int, kind: Kind) -> None:
    hashed = FIELDS[version][kind]
    assert len(set(hashed)) == len(hashed)
    assert set(hashed) == set(ENTRY_TYPES[kind].__struct_fields__)


@pytest.mark.parametrize("kind", Kind)
@given(data=st.data())
def test_a_change_of_any_field_changes_the_hash(kind: Kind, data: st.DataObject) -> None:
    one, other = data.draw(BY_KIND[kind]), data.draw(BY_KIND[kind])
    for field in ENTRY_TYPES[kind].__struct_fields__:
        changed = msgspec.structs.replace(one, **{field: getattr(other, field)})
        assert (entry_hash(changed) == entry_hash(one)) == (changed == one), field


@given(entries=st.lists(ENTRIES, min_size=1, max_size=5), data=st.data())
def test_p8_hashes_are_equal_exactly_when_the_sets_are(entries: list[Entry], data: st.DataObject) -> None:
    # Two sets that share most: random ones would never be equal, and hardly ever nearly so.
    drawn = st.lists(st.sampled_from(entries), max_size=5)
    one, other = by_key(data.draw(drawn)), by_key(data.draw(drawn | st.permutations(entries)))
    assert (state(one) == state(other)) == (one == other)


@given(entries=st.lists(ENTRIES, max_size=5), data=st.data())
def test_order_does_not_matter(entries: list[Entry], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(entries))
    assert total(map(entry_hash, shuffled)) == total(map(entry_hash, entries))


@given(before=st.lists(ENTRIES, max_size=5), after=st.lists(ENTRIES, max_size=5))
def test_a_shift_by_what_changed_is_the_sum_of_what_is_there(before: list[Entry], after: list[Entry]) -> None:
    old, new = by_key(before), by_key(after)
    removed = [entry_hash(entry) for key, entry in old.items() if new.get(key) != entry]
    added = [entry_hash(entry) for key, entry in new.items() if old.get(key) != entry]
    assert shift(state(old), added=added, removed=removed) == state(new)


@given(entry=ENTRIES)
def test_the_hash_survives_the_wire(entry: Entry) -> None:
    decoded = msgspec.json.decode(msgspec.json.encode(entry), type=Entry)
    assert decoded == entry
    assert entry_hash(decoded) == entry_hash(entry)


def test_the_order_of_labels_does_not_matter_and_where_a_text_ends_does() -> None:
    one = Volume(root="/r", key="v", labels={"a": "1", "b": "2"})
    assert entry_hash(msgspec.structs.replace(one, labels={"b": "2", "a": "1"})) == entry_hash(one)
    assert entry_hash(Volume(root="/rv", key="")) != entry_hash(Volume(root="/r", key="v"))


def test_no_entries_have_the_hash_zero() -> None:
    assert to_text(total([])) == "0" * 64


@given(number=st.integers(0, MODULUS - 1))
def test_the_text_form_reads_back(number: int) -> None:
    assert from_text(to_text(number)) == number


@pytest.mark.parametrize("text", ["", "0" * 63, "0" * 65, "A" * 64, "g" * 64, "+" + "0" * 63, "٠" * 64, " " * 64])
def test_what_is_no_state_hash_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="64 lower-case hex digits"):
        from_text(text)


def test_a_hash_version_of_another_release_is_refused() -> None:
    with pytest.raises(KeyError):
        entry_hash(Bind(root="/r", key="/srv"), 999)
