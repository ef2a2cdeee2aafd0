"""The reader of bbolt: everything that was written is found; what is damaged is named, never a crash or a hang."""

import random
from collections.abc import Iterator, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.backends import bbolt
from agent.backends.bbolt import COPY_LIMIT, META, PAGE, Bolt, BoltError, Bucket, fnv64a
from tests.unit.agent.backends.bolt_writer import Style, Tree, meta_page, tree, write

Plain = dict[bytes, object]

KEYS = st.binary(min_size=1, max_size=40)
VALUES = st.one_of(st.binary(max_size=60), st.integers(900, 6000).map(bytes))
TREES = st.recursive(
    st.dictionaries(KEYS, VALUES, max_size=30).map(Tree),
    lambda inner: st.builds(Tree, st.dictionaries(KEYS, st.one_of(VALUES, inner), max_size=12), st.integers(0, 9)),
    max_leaves=12,
)
STYLES = st.builds(
    Style, page_size=st.sampled_from((1024, 4096)), fill=st.sampled_from((0.2, 0.9)), inline=st.booleans()
)


def plain(bucket: Tree) -> Plain:
    return {key: plain(value) if isinstance(value, Tree) else value for key, value in bucket.items.items()}


def everything(bucket: Bucket, depth: int = 0) -> Plain:
    assert depth < 20, "a bucket leads to itself"
    found: Plain = dict(bucket.items())
    for key, inner in bucket.buckets():
        assert key not in found
        found[key] = everything(inner, depth + 1)
    return found


def walk(bucket: Tree) -> Iterator[tuple[tuple[bytes, ...], bytes | Tree]]:
    for key, value in bucket.items.items():
        yield (key,), value
        if isinstance(value, Tree):
            for path, inner in walk(value):
                yield (key, *path), inner


@settings(max_examples=60, deadline=None)
@given(TREES, STYLES)
def test_everything_that_was_written_is_found_in_order(root: Tree, style: Style) -> None:
    bolt = Bolt(write(root, style))
    assert everything(bolt.root) == plain(root)
    assert list(bolt.root.keys()) == sorted(root.items)
    for path, value in walk(root):
        above = bolt.bucket(*path[:-1])
        assert above is not None
        if isinstance(value, Tree):
            inner = above.bucket(path[-1])
            assert inner is not None
            assert inner.sequence == value.sequence
            assert above.get(path[-1]) is None
            values = {key: one for key, one in value.items.items() if isinstance(one, bytes)}
            wanted = (*list(value.items)[:3], b"none")
            assert above.records(*wanted)[path[-1]] == tuple(values.get(key, b"") for key in wanted)
        else:
            assert above.get(path[-1]) == value
            assert above.bucket(path[-1]) is None


SEEDS = st.integers(0, 1 << 32).map(random.Random)


@settings(max_examples=120, deadline=None)
@given(TREES, STYLES, SEEDS)
def test_damage_is_named_or_does_no_harm(root: Tree, style: Style, dice: random.Random) -> None:
    """Whatever is flipped, the reader ends, with what the pages say or with a sentence; it never crashes."""
    file = bytearray(write(root, style))
    for _ in range(dice.randint(1, 6)):
        # Headers are where it hurts: of pages, of elements, of inline buckets.
        page = dice.randrange(len(file) // style.page_size) * style.page_size
        file[page + dice.randrange(min(style.page_size, 300))] = dice.choice((0, 1, 2, 255, dice.randrange(256)))
    try:
        found = Bolt(bytes(file))
        for path, _ in walk(root):
            above = found.bucket(*path[:-1])
            if above is not None:
                above.get(path[-1])
                above.records(path[-1], b"name")
        everything(found.root)
    except BoltError:
        return


@settings(max_examples=60, deadline=None)
@given(TREES, SEEDS)
def test_a_page_that_leads_to_any_other_never_makes_a_circle(root: Tree, dice: random.Random) -> None:
    file = bytearray(write(root, Style(page_size=1024, fill=0.2, inline=False)))
    for at in range(3 * 1024 + PAGE.size, len(file), 8):
        if at % 1024 < 200 and dice.random() < 0.1:
            file[at : at + 8] = dice.randrange(len(file) // 1024).to_bytes(8, "little")
    try:
        everything(Bolt(bytes(file)).root)
    except BoltError:
        return


def test_many_keys_make_a_tree_of_branches() -> None:
    items = {b"%06d" % number: b"value %d" % number for number in range(20_000)}
    bolt = Bolt(write(Tree({b"many": Tree(items)}), Style(page_size=1024)))
    many = bolt.bucket(b"many")
    assert many is not None
    assert dict(many.items()) == items
    assert many.get(b"012345") == b"value 12345"
    assert many.get(b"012345x") is None
    assert many.get(b"") is None
    assert many.get(b"zzz") is None


def test_a_value_of_many_pages_is_whole() -> None:
    large = bytes(range(256)) * 400
    bolt = Bolt(write(tree({"spec": large, "after": b"x"})))
    assert bolt.root.get(b"spec") == large
    assert bolt.root.get(b"after") == b"x"


def test_only_pages_that_are_asked_for_are_read() -> None:
    secret = b"PASSWORD=hunter2" * 1000
    file = write(tree({"v1": {"containers": {"c": {"spec": secret}}, "snapshots": {"c": {"name": b"37"}}}}))
    source = Recording(file)
    snapshots = Bolt(source).bucket(b"v1", b"snapshots")
    containers = Bolt(source).bucket(b"v1", b"containers")
    assert snapshots is not None
    assert containers is not None
    assert snapshots.records(b"name") == {b"c": (b"37",)}
    assert list(containers.keys()) == [b"c"]
    assert b"hunter2" not in source.given


class Recording(bbolt.Memory):
    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.given = b""

    def read(self, offset: int, length: int) -> bytes:
        found = super().read(offset, length)
        self.given += found
        return found


def test_the_newer_of_two_valid_meta_pages_counts() -> None:
    for txid in (6, 7):
        bolt = Bolt(write(tree({"key": b"value"}), txid=txid))
        assert bolt.txid == txid
        assert bolt.root.get(b"key") == b"value"


@pytest.mark.parametrize("page_size", [1024, 4096, 16384])
def test_one_damaged_meta_page_is_no_harm_when_the_other_is_the_newer(page_size: int) -> None:
    for number, txid in ((0, 7), (1, 6)):  # the other one counts
        file = bytearray(write(tree({"key": b"value"}), Style(page_size=page_size), txid=txid))
        file[number * page_size + PAGE.size + 40] ^= 0xFF
        assert Bolt(bytes(file)).root.get(b"key") == b"value"


def test_no_valid_meta_page_is_a_problem() -> None:
    file = bytearray(write(tree({"key": b"value"})))
    for number in (0, 1):
        file[number * 4096 + PAGE.size + 40] ^= 0xFF
    with pytest.raises(BoltError, match="checksum"):
        Bolt(bytes(file))


def test_a_newer_format_is_named() -> None:
    pages = [meta_page(number, 4096, 3, 4, number, version=3) for number in (0, 1)]
    with pytest.raises(BoltError, match="format version 3; known here is 2"):
        Bolt(b"".join(page.ljust(4096, b"\0") for page in pages) + bytes(8192))


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "is empty"),
        (b"\0" * 10, "truncated"),
        (b"\0" * 8192, "no bbolt database"),
        (b"SQLite format 3\0" * 600, "no bbolt database"),
    ],
)
def test_what_is_no_database_is_named(data: bytes, what: str) -> None:
    with pytest.raises(BoltError, match=what):
        Bolt(data)


def test_a_truncated_file_is_named() -> None:
    file = write(Tree({b"%04d" % number: b"x" * 50 for number in range(2000)}))
    with pytest.raises(BoltError, match="truncated: it has 40960 of"):
        Bolt(file[:40960])


@pytest.mark.parametrize("size", [0, 512, 1000, 3072, 1 << 25])
def test_pages_of_an_odd_size_are_named(size: int) -> None:
    page = meta_page(0, size, 3, 4, 1)
    with pytest.raises(BoltError, match=f"pages of {size} bytes"):
        Bolt(page.ljust(1 << 14, b"\0"))


def damaged(at: int, value: bytes, *, items: Mapping[bytes, bytes | Tree] | None = None) -> bytes:
    """Return a file of one leaf, page 3, with bytes written over it."""
    file = bytearray(write(Tree(items or {b"a": b"one", b"b": b"two"}), Style(page_size=1024)))
    file[3 * 1024 + at : 3 * 1024 + at + len(value)] = value
    return bytes(file)


@pytest.mark.parametrize(
    ("at", "value", "what"),
    [
        (0, b"\x09", "page 3 says that it is page 9"),
        (8, b"\x10\x00", "neither branch nor leaf"),
        (8, b"\x03\x00", "neither branch nor leaf"),
        (10, b"\xff\xff", "no room for 65535 elements"),
        (12, b"\x05", "claims 5 further pages"),
        (PAGE.size + 4, b"\xff\xff", "beyond its end"),
        (PAGE.size + 4, b"\x00\x00", "overlaps"),
        (PAGE.size + 12, b"\xff\xff\xff\x7f", "beyond its end"),
        (PAGE.size + 32, b"b", "out of order"),
        (PAGE.size, b"\x01", "bucket without a header"),
    ],
)
def test_a_damaged_leaf_is_named_with_its_page(at: int, value: bytes, what: str) -> None:
    with pytest.raises(BoltError, match=what) as caught:
        everything(Bolt(damaged(at, value)).root)
    assert "page 3" in str(caught.value)


def test_two_buckets_that_share_a_page_are_damaged() -> None:
    file = bytearray(write(tree({"a": {"x": b"1" * 400}, "b": {"y": b"2" * 400}}), Style(page_size=1024)))
    one, two = (file.index(number.to_bytes(8, "little") + bytes(8), 5 * 1024) for number in (3, 4))
    file[two : two + 8] = file[one : one + 8]
    with pytest.raises(BoltError, match="page 3 belongs to two buckets"):
        everything(Bolt(bytes(file)).root)


def test_a_bucket_that_is_its_own_parent_is_damaged() -> None:
    file = bytearray(write(tree({"a": {"x": b"1" * 400}}), Style(page_size=1024)))
    at = file.index((3).to_bytes(8, "little") + bytes(8), 4 * 1024)
    file[at : at + 8] = (4).to_bytes(8, "little")
    with pytest.raises(BoltError, match="belongs to two buckets"):
        everything(Bolt(bytes(file)).root)


def test_a_reading_that_needs_too_much_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    assert COPY_LIMIT == 1 << 30
    monkeypatch.setattr(bbolt, "COPY_LIMIT", 1 << 20)
    file = write(Tree({b"%04d" % number: b"x" * 900 for number in range(2000)}))
    with pytest.raises(BoltError, match="more than 1 MiB"):
        everything(Bolt(file).root)


def test_the_checksum_is_fnv_1a_of_64_bits() -> None:
    assert fnv64a(b"") == 0xCBF29CE484222325
    assert fnv64a(b"foobar") == 0x85944171F73967E8
    assert META.size == 64
