"""A small reader of bbolt databases, the files that containerd and BuildKit keep their records in.

Pages 0 and 1 are meta pages; of those whose checksum is right the one with the higher transaction number counts. From
its root bucket branch pages lead to leaf pages; an element of a leaf is a key and a value, or a key and a bucket: one
with a root page of its own, or a small one that lies whole (*inline*) in the value. No other page has a checksum, so
nothing here is believed before it was checked: page numbers, sizes, positions and the order of keys.
Source: go.etcd.io/bbolt ``internal/common/{meta,page,inode,bucket}.go``.

Pages are read when they are asked for. ``agent.backends.boltfile`` reads files in use.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from operator import itemgetter
from struct import Struct
from typing import Final, NoReturn, Protocol

MAGIC: Final = 0xED0CDAED
VERSION: Final = 2
META: Final = Struct("<IIIIQQQQQQ")
"""Magic, version, page size, flags, root page, root's sequence, free list, number of pages, transaction, checksum."""
PAGE: Final = Struct("<QHHI")
"""Page number, flags, number of elements, number of further pages that belong to it."""
LEAF_ELEMENT: Final = Struct("<IIII")
"""Flags, position of the key (from this header), size of the key, size of the value that follows it."""
BRANCH_ELEMENT: Final = Struct("<IIQ")
"""Position of the key (from this header), its size, page number."""
BUCKET: Final = Struct("<QQ")
"""Root page (0: inline, its page follows), sequence."""
BRANCH: Final = 0x01
LEAF: Final = 0x02
IS_BUCKET: Final = 0x01
_FLAGS: Final = frozenset((BRANCH, LEAF))

COPY_LIMIT: Final = 1 << 30
"""Most bytes of pages that one reading may need."""
_ELEMENT: Final = LEAF_ELEMENT.size
"""Size of a header, the same for leaf and branch."""


class BoltError(Exception):
    """A database that cannot be used; the message says which page and what is wrong, without the file's path."""


class Source(Protocol):
    """Where the bytes come from."""

    @property
    def size(self) -> int:
        """Number of bytes."""

    def read(self, offset: int, length: int) -> bytes:
        """Return these bytes, or fewer when there are no more."""

    def settle(self) -> None:
        """Raise BoltError when what was read so far does not belong together."""


class Memory:
    """Bytes at hand."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read(self, offset: int, length: int) -> bytes:
        """Return these bytes, or fewer when there are no more."""
        return self._data[offset : offset + length]

    def settle(self) -> None:
        """Bytes at hand do not change."""


class Bolt:
    """A database as of its last transaction; ``txid`` is that one's number."""

    def __init__(self, source: Source | bytes) -> None:
        """Find the meta page that counts.

        Raises:
            BoltError: there is none, its format is not known here, or the file is truncated.
        """
        self._source: Source = Memory(source) if isinstance(source, bytes) else source
        meta = _newest_meta(self._source)
        _, _, self._page_size, _, self._root, self._sequence, _, self._pages, self.txid, _ = meta
        needed = self._pages * self._page_size
        if needed > self._source.size:
            raise BoltError(f"is truncated: it has {self._source.size} of {needed} bytes")
        self._read = self._source.read
        self._owners: dict[int, tuple[int, int]] = {}
        self._copied = 0

    @property
    def root(self) -> "Bucket":
        """The bucket of all buckets."""
        return Bucket(self, self.page(self._root, (0, 0)), (0, 0), self._sequence)

    def bucket(self, *path: bytes) -> "Bucket | None":
        """Return the bucket with these names from the root on, or None when one of them is not there.

        Raises:
            BoltError: a page on the way is damaged.
        """
        found: Bucket | None = self.root
        for name in path:
            if found is None:
                return None
            found = found.bucket(name)
        return found

    def settle(self) -> None:
        """Make sure that all that was read so far belongs together."""
        self._source.settle()

    def page(self, number: int, owner: tuple[int, int]) -> "_Page":
        """Return a page of the bucket ``owner``: the page and position of the element that holds it.

        Raises:
            BoltError: there is no such page, it is damaged, or it belongs to another bucket too.
        """
        if self._owners.setdefault(number, owner) != owner:
            raise BoltError(f"page {number} belongs to two buckets")
        if not 2 <= number < self._pages:
            raise BoltError(f"page {number} does not exist: there are {self._pages}")
        size = self._page_size
        data = self._read(number * size, size)
        self._copied += size
        if len(data) < size or self._copied > COPY_LIMIT:
            self._short(number)
        named, flags, count, overflow = PAGE.unpack_from(data)
        if named != number:
            raise BoltError(f"page {number} says that it is page {named}")
        if flags not in _FLAGS:
            raise BoltError(f"page {number} is neither branch nor leaf (flags {flags:#x})")
        if overflow:
            data = self._whole(number, overflow)
        return _Page(data, 0, len(data), count, number, flags == LEAF)

    def _whole(self, number: int, overflow: int) -> bytes:
        """Return a page with the further ones that belong to it."""
        if number + overflow >= self._pages:
            raise BoltError(f"page {number} claims {overflow} further pages: there are {self._pages} in all")
        size = (1 + overflow) * self._page_size
        self._copied += size
        if self._copied > COPY_LIMIT:
            self._short(number)
        data = self._read(number * self._page_size, size)
        if len(data) < size:
            self._short(number)
        return data

    def _short(self, number: int) -> NoReturn:
        if self._copied > COPY_LIMIT:
            raise BoltError(f"page {number}: more than {COPY_LIMIT >> 20} MiB would have to be read")
        raise BoltError(f"page {number} is truncated")


class Bucket:
    """One bucket. Methods raise ``BoltError`` for what is damaged.

    ``sequence`` is the last number that it gave out, ``top`` its uppermost page.
    """

    __slots__ = ("_bolt", "_owner", "sequence", "top")

    def __init__(self, bolt: Bolt, top: "_Page", owner: tuple[int, int], sequence: int) -> None:
        self._bolt, self.top, self._owner, self.sequence = bolt, top, owner, sequence

    def get(self, key: bytes) -> bytes | None:
        """Return the value of the key, or None when it is not there or a bucket."""
        found = self._seek(key)
        if found is None:
            return None
        page, flags, begin, end = found
        return None if flags & IS_BUCKET else page.data[begin:end]

    def bucket(self, key: bytes) -> "Bucket | None":
        """Return the bucket of that name, or None when there is none."""
        found = self._seek(key)
        if found is None:
            return None
        page, flags, begin, end = found
        return self._open(page, begin, end) if flags & IS_BUCKET else None

    def keys(self) -> Iterator[bytes]:
        """Yield every key, in order."""
        for _, key, *_ in self.elements():
            yield key

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield every key with its value, in order; buckets are left out."""
        for page, key, flags, begin, end in self.elements():
            if not flags & IS_BUCKET:
                yield key, page.data[begin:end]

    def buckets(self) -> Iterator[tuple[bytes, "Bucket"]]:
        """Yield every bucket directly in this one with its name, in order."""
        for page, key, flags, begin, end in self.elements():
            if flags & IS_BUCKET:
                yield key, self._open(page, begin, end)

    def records(self, *wanted: bytes) -> dict[bytes, tuple[bytes, ...]]:
        """Return the name of every bucket directly in this one, with its values for these keys (``b""``: none).

        The quick way through thousands of small buckets that look alike: the headers of a page say nothing but
        sizes, so pages with the same headers are taken apart by the same ``Struct``.
        """
        found: dict[bytes, tuple[bytes, ...]] = {}
        layouts: dict[bytes, _Layout] = {}
        for page, key, flags, begin, end in self.elements():
            if not flags & IS_BUCKET:
                continue
            body = page.data
            if body[begin : begin + 8] == _INLINE and end - begin >= _SMALLEST:
                start, last = begin + BUCKET.size, end
            else:
                top = self._top_of(page, begin, end)
                body, start, last = top.data, top.start, top.end
            # All of the page's header but its number, which is its own, and the headers of its elements.
            count = body[start + 10] | body[start + 11] << 8
            headers = body[start + 8 : start + PAGE.size + count * _ELEMENT]
            layout = layouts.get(headers)
            if layout is None:
                bucket = self._open(page, begin, end)
                if not bucket.top.leaf:
                    found[key] = tuple(bucket.get(one) or b"" for one in wanted)
                    continue
                layout = layouts[headers] = _Layout(bucket, wanted)
            if start + layout.size > last:
                page.damaged(f"has the bucket {key!r}, which goes on beyond its end")
            parts = layout.unpack(body, start)
            if layout.keys(parts) != layout.expected:
                layout = _Layout(self._open(page, begin, end), wanted)
                parts = layout.unpack(body, start)
            found[key] = layout.values(parts + _NOTHING)
        return found

    def elements(self) -> Iterator[tuple["_Page", bytes, int, int, int]]:
        """Yield every element in order: its leaf, key, flags, and where in the leaf its value begins and ends."""
        before = b""
        for page in self._leaves():
            data, last = page.data, page.end
            at = page.start + PAGE.size
            free = at + page.count * _ELEMENT
            for flags, position, size, length in LEAF_ELEMENT.iter_unpack(data[at:free]):
                key_at = at + position
                begin = key_at + size
                end = begin + length
                if key_at < free or end > last:
                    page.damaged("has an element that overlaps another or goes beyond its end")
                key = data[key_at:begin]
                if key <= before:
                    page.damaged("has keys out of order")
                yield page, key, flags, begin, end
                before, free = key, end
                at += _ELEMENT

    def _leaves(self) -> list["_Page"]:
        """Return the leaves in order. All are read before the first is used: the copy is made in a short time."""
        if self.top.leaf:
            return [self.top]
        leaves: list[_Page] = []
        seen: set[int] = set()
        todo = [self.top]
        while todo:
            page = todo.pop()
            if page.leaf:
                leaves.append(page)
                continue
            children = page.children()
            if not seen.isdisjoint(children) or len(set(children)) < len(children):
                page.damaged("leads to a page that was reached before")
            seen.update(children)
            todo.extend(self._bolt.page(number, self._owner) for number in reversed(children))
        self._bolt.settle()
        return leaves

    def _seek(self, key: bytes) -> tuple["_Page", int, int, int] | None:
        """Return the leaf with the key, and its flags, begin and end."""
        page = self.top
        seen = set()
        while not page.leaf:
            children = page.children()
            number = children[max(bisect_right(range(page.count), key, key=page.key) - 1, 0)]
            if number in seen:
                page.damaged("leads to a page that was reached before")
            seen.add(number)
            page = self._bolt.page(number, self._owner)
        index = bisect_left(range(page.count), key, key=page.key)
        if index == page.count or page.key(index) != key:
            return None
        return (page, *page.value(index))

    def _open(self, page: "_Page", begin: int, end: int) -> "Bucket":
        top = self._top_of(page, begin, end)
        number, sequence = BUCKET.unpack_from(page.data, begin)
        return Bucket(self._bolt, top, (page.number, begin) if number else self._owner, sequence)

    def _top_of(self, page: "_Page", begin: int, end: int) -> "_Page":
        """Return the uppermost page of the bucket whose header begins there."""
        if end - begin < BUCKET.size:
            page.damaged("has a bucket without a header")
        if page.data[begin : begin + 8] == _INLINE:
            return self._inline(page, begin, end)
        return self._bolt.page(BUCKET.unpack_from(page.data, begin)[0], (page.number, begin))

    def _inline(self, page: "_Page", begin: int, end: int) -> "_Page":
        top = begin + BUCKET.size
        if end - top < PAGE.size:
            page.damaged("has an inline bucket without a page")
        _, flags, count, _ = PAGE.unpack_from(page.data, top)
        if flags != LEAF:
            page.damaged(f"has an inline bucket that is no leaf (flags {flags:#x})")
        return _Page(page.data, top, end, count, page.number, True)


_INLINE: Final = bytes(8)
"""The root page number of an inline bucket."""
_SMALLEST: Final = BUCKET.size + PAGE.size
"""Bytes of an inline bucket with nothing in it."""
_NOTHING: Final = (b"",)
"""What stands for a value that is not there."""


class _Page:
    """A page, or that of an inline bucket in page ``number``, in ``data`` from ``start`` to ``end``."""

    __slots__ = ("count", "data", "end", "leaf", "number", "start")

    def __init__(self, data: bytes, start: int, end: int, count: int, number: int, leaf: bool) -> None:
        self.data, self.start, self.end, self.count, self.number, self.leaf = data, start, end, count, number, leaf
        if start + PAGE.size + count * _ELEMENT > end:
            self.damaged(f"has no room for {count} elements")

    def damaged(self, what: str) -> NoReturn:
        """Raise what is wrong with this page."""
        raise BoltError(f"page {self.number}{', an inline bucket,' if self.start else ''} {what}")

    def key(self, index: int) -> bytes:
        """Return the key of an element."""
        at = self.start + PAGE.size + index * _ELEMENT
        header = LEAF_ELEMENT.unpack_from(self.data, at)
        position, size = header[1:3] if self.leaf else header[:2]
        begin = at + position
        if begin + size > self.end:
            self.damaged("has an element beyond its end")
        return self.data[begin : begin + size]

    def value(self, index: int) -> tuple[int, int, int]:
        """Return the flags of an element of a leaf, and where its value begins and ends."""
        at = self.start + PAGE.size + index * _ELEMENT
        flags, position, size, length = LEAF_ELEMENT.unpack_from(self.data, at)
        begin = at + position + size
        if begin + length > self.end:
            self.damaged("has an element beyond its end")
        return flags, begin, begin + length

    def children(self) -> list[int]:
        """Return the page numbers that a branch leads to."""
        if not self.count:
            self.damaged("is a branch that leads nowhere")
        headers = self.data[PAGE.size : PAGE.size + self.count * _ELEMENT]
        return [number for _, _, number in BRANCH_ELEMENT.iter_unpack(headers)]


class _Layout:
    """Takes apart every leaf with the same headers: the values that are wanted, and the keys that have their sizes."""

    __slots__ = ("expected", "keys", "size", "unpack", "values")

    def __init__(self, bucket: Bucket, wanted: tuple[bytes, ...]) -> None:
        page = bucket.top
        sizes = set(map(len, wanted))
        free = page.start + PAGE.size + page.count * _ELEMENT
        fields = [f"<{free - page.start}x"]
        keys: list[bytes] = []
        at_key: list[int] = []
        at_value: dict[bytes, int] = {}
        position = 0
        for _, key, flags, begin, end in bucket.elements():
            fields.append(f"{begin - len(key) - free}x")
            free = end
            if len(key) not in sizes:
                fields.append(f"{len(key) + end - begin}x")
                continue
            keys.append(key)
            at_key.append(position)
            if key in wanted and not flags & IS_BUCKET:
                at_value[key] = position + 1
                fields.append(f"{len(key)}s{end - begin}s")
                position += 2
            else:
                fields.append(f"{len(key)}s{end - begin}x")
                position += 1
        layout = Struct("".join(fields))
        self.size, self.unpack = layout.size, layout.unpack_from
        self.keys, self.expected = _picked(at_key), tuple(keys)
        self.values = _picked([at_value.get(key, -1) for key in wanted])


def _picked(positions: list[int]) -> Callable[[tuple[bytes, ...]], tuple[bytes, ...]]:
    """Return what takes the items at these positions out of a tuple, as a tuple."""
    if len(positions) > 1:
        return itemgetter(*positions)
    return lambda parts: tuple(parts[position] for position in positions)


def _newest_meta(source: Source) -> tuple[int, ...]:
    """Return the valid meta page with the higher transaction number.

    Raises:
        BoltError: neither is valid; the message says what is wrong with the first.
    """
    if not source.size:
        raise BoltError("is empty")
    found = []
    problem: BoltError | None = None
    try:
        first = _meta(source, 0)
        found.append(first)
        sizes = [first[2]]
    except BoltError as exc:
        problem = exc
        # The second one lies where the size of the pages puts it, and only the first could tell; bbolt tries these too.
        sizes = [1024 << power for power in range(15)]
    for size in sizes:
        try:
            second = _meta(source, size)
        except BoltError:
            continue
        if second[2] == size:
            found.append(second)
    if not found and problem is not None:
        raise problem
    return max(found, key=lambda meta: meta[8])


def _meta(source: Source, offset: int) -> tuple[int, ...]:
    data = source.read(offset + PAGE.size, META.size)
    if len(data) < META.size:
        raise BoltError("is truncated: its meta page is not whole")
    meta: tuple[int, ...] = META.unpack(data)
    magic, version, size = meta[:3]
    if magic != MAGIC:
        raise BoltError(f"is no bbolt database: its meta page begins with {magic:#010x}")
    if version != VERSION:
        raise BoltError(f"has format version {version}; known here is {VERSION}")
    if fnv64a(data[: META.size - 8]) != meta[9]:
        raise BoltError("has a meta page whose checksum is wrong")
    if not 1024 <= size <= 1 << 24 or size & (size - 1):
        raise BoltError(f"has pages of {size} bytes")
    return meta


def fnv64a(data: bytes) -> int:
    """Return the 64-bit FNV-1a hash."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value
