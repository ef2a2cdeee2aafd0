"""A small reader of bbolt databases, the files that containerd and BuildKit keep their records in.

Pages 0 and 1 are meta pages; of those whose checksum is right the one with the higher transaction number counts. From
its root bucket branch pages lead to leaf pages; an element of a leaf is a key and a value, or a key and a bucket: one
with a root page of its own, or a small one that lies whole (*inline*) in the value. No other page has a checksum, so
nothing here is believed before it was checked: page numbers, sizes, positions and the order of keys.
Source: go.etcd.io/bbolt ``internal/common/{meta,page,inode,bucket}.go``.

Pages are read when they are asked for, and each of them once. ``agent.backends.boltfile`` reads files in use.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
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

COPY_LIMIT: Final = 1 << 30
"""Most bytes of pages that one reading may need."""
_HEADERS: Final = Struct("<QQQHHI")
"""A bucket's header, and the header of the page that follows when it is inline."""
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
        self._cache: dict[int, _Page] = {}
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
        page = self._cache.get(number)
        if page is None:
            page = self._cache[number] = self._read(number)
        return page

    def _read(self, number: int) -> "_Page":
        if not 2 <= number < self._pages:
            raise BoltError(f"page {number} does not exist: there are {self._pages}")
        data = self._bytes(number, 0)
        named, flags, count, overflow = PAGE.unpack_from(data)
        if named != number:
            raise BoltError(f"page {number} says that it is page {named}")
        if flags not in {BRANCH, LEAF}:
            raise BoltError(f"page {number} is neither branch nor leaf (flags {flags:#x})")
        if overflow:
            if number + overflow >= self._pages:
                raise BoltError(f"page {number} claims {overflow} further pages: there are {self._pages} in all")
            data = self._bytes(number, overflow)
        return _Page(data, 0, len(data), count, f"page {number}", number, leaf=flags == LEAF)

    def _bytes(self, number: int, overflow: int) -> bytes:
        size = (1 + overflow) * self._page_size
        self._copied += size
        if self._copied > COPY_LIMIT:
            raise BoltError(f"page {number}: more than {COPY_LIMIT >> 20} MiB would have to be read")
        data = self._source.read(number * self._page_size, size)
        if len(data) < size:
            raise BoltError(f"page {number} is truncated")
        return data


class Bucket:
    """One bucket; ``sequence`` is the last number that it gave out. Methods raise ``BoltError`` for what is damaged."""

    __slots__ = ("_bolt", "_owner", "_top", "sequence")

    def __init__(self, bolt: Bolt, top: "_Page", owner: tuple[int, int], sequence: int) -> None:
        self._bolt, self._top, self._owner, self.sequence = bolt, top, owner, sequence

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
        for page in self._leaves():
            for key, *_ in page.elements():
                yield key

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield every key with its value, in order; buckets are left out."""
        for page in self._leaves():
            for key, flags, begin, end in page.elements():
                if not flags & IS_BUCKET:
                    yield key, page.data[begin:end]

    def buckets(self) -> Iterator[tuple[bytes, "Bucket"]]:
        """Yield every bucket directly in this one with its name, in order."""
        for page in self._leaves():
            for key, flags, begin, end in page.elements():
                if flags & IS_BUCKET:
                    yield key, self._open(page, begin, end)

    def records(self) -> Iterator[tuple[bytes, dict[bytes, bytes]]]:
        """Yield the name of every bucket directly in this one with the values in it, in order.

        The quick way through thousands of small buckets that look alike: the headers of an inline bucket say
        nothing but sizes, so buckets with the same headers are taken apart by the same ``Struct``.
        """
        layouts: dict[bytes, Struct] = {}
        for page in self._leaves():
            data = page.data
            for key, flags, begin, end in page.elements():
                if not flags & IS_BUCKET:
                    continue
                if end - begin < _HEADERS.size or data[begin : begin + 8] != _INLINE:
                    yield key, dict(self._open(page, begin, end).items())
                    continue
                top = begin + BUCKET.size
                _, _, _, kind, count, _ = _HEADERS.unpack_from(data, begin)
                headers = data[top : top + PAGE.size + count * _ELEMENT]
                layout = layouts.get(headers)
                if layout is None:
                    if kind != LEAF:
                        page.damaged(f"has the inline bucket {key!r}, which is no leaf")
                    layout = layouts[headers] = _layout(self._inline(page, begin, end))
                if top + layout.size > end:
                    page.damaged(f"has the inline bucket {key!r}, which is larger than its value")
                parts = layout.unpack_from(data, top)
                yield key, dict(zip(parts[::2], parts[1::2], strict=True))

    def _leaves(self) -> list["_Page"]:
        """Return the leaves in order. All are read before the first is used: the copy is made in a short time."""
        if self._top.leaf:
            return [self._top]
        leaves: list[_Page] = []
        seen: set[int] = set()
        todo = [self._top]
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
        before = b""
        for page in leaves:  # within a page the order is looked at when it is used
            if page.count and page.key(0) <= before:
                page.damaged("has keys that belong before it")
            before = page.key(page.count - 1) if page.count else before
        return leaves

    def _seek(self, key: bytes) -> tuple["_Page", int, int, int] | None:
        """Return the leaf with the key, and its flags, begin and end."""
        page = self._top
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
        if end - begin < BUCKET.size:
            page.damaged("has a bucket without a header")
        number, sequence = BUCKET.unpack_from(page.data, begin)
        if number:
            owner = (page.number, begin)
            return Bucket(self._bolt, self._bolt.page(number, owner), owner, sequence)
        return Bucket(self._bolt, self._inline(page, begin, end), self._owner, sequence)

    def _inline(self, page: "_Page", begin: int, end: int) -> "_Page":
        top = begin + BUCKET.size
        if end - top < PAGE.size:
            page.damaged("has an inline bucket without a page")
        _, flags, count, _ = PAGE.unpack_from(page.data, top)
        if flags != LEAF:
            page.damaged(f"has an inline bucket that is no leaf (flags {flags:#x})")
        return _Page(page.data, top, end, count, f"{page.name}, an inline bucket,", page.number)


_INLINE: Final = bytes(8)
"""The root page number of an inline bucket."""


class _Page:
    """A page, or an inline bucket's, in ``data`` from ``start`` to ``end``; ``name`` is for messages."""

    __slots__ = ("count", "data", "end", "leaf", "name", "number", "start")

    def __init__(
        self, data: bytes, start: int, end: int, count: int, name: str, number: int, *, leaf: bool = True
    ) -> None:
        self.data, self.start, self.end, self.count = data, start, end, count
        self.name, self.number, self.leaf = name, number, leaf
        if start + PAGE.size + count * _ELEMENT > end:
            self.damaged(f"has no room for {count} elements")

    def damaged(self, what: str) -> NoReturn:
        """Raise what is wrong with this page."""
        raise BoltError(f"{self.name} {what}")

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

    def elements(self) -> Iterator[tuple[bytes, int, int, int]]:
        """Yield key, flags, begin and end of the value of each element of a leaf, in order."""
        data, last = self.data, self.end
        at = self.start + PAGE.size
        free = at + self.count * _ELEMENT
        before = b""
        for flags, position, size, length in LEAF_ELEMENT.iter_unpack(data[at:free]):
            key_at = at + position
            begin = key_at + size
            end = begin + length
            if key_at < free or end > last:
                self.damaged("has an element that overlaps another or goes beyond its end")
            key = data[key_at:begin]
            if key <= before:
                self.damaged("has keys out of order")
            yield key, flags, begin, end
            before, free = key, end
            at += _ELEMENT


def _layout(page: _Page) -> Struct:
    """Return what takes apart every inline bucket with these headers: key, value, key, value, …, without buckets."""
    parts = [f"<{PAGE.size + page.count * _ELEMENT}x"]
    free = page.start + PAGE.size + page.count * _ELEMENT
    for key, flags, begin, end in page.elements():
        gap = begin - len(key) - free
        parts.append(f"{gap}x{end - begin + len(key)}x" if flags & IS_BUCKET else f"{gap}x{len(key)}s{end - begin}s")
        free = end
    return Struct("".join(parts))


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
