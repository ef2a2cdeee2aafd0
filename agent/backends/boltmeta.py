"""How a bbolt file begins: two meta pages, of which the valid one with the higher transaction number counts.

Source: go.etcd.io/bbolt ``internal/common/meta.go``, ``db.go`` (``getPageSize``).
"""

from struct import Struct
from typing import Final, Protocol

MAGIC: Final = 0xED0CDAED
VERSION: Final = 2
META: Final = Struct("<IIIIQQQQQQ")
"""Magic, version, page size, flags, root page, root's sequence, free list, number of pages, transaction, checksum."""
PAGE: Final = Struct("<QHHI")
"""Page number, flags, number of elements, number of further pages that belong to it."""


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


def newest_meta(source: Source) -> tuple[int, ...]:
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
