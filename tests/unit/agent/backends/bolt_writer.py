"""Writes bbolt files: for tests, and for benches. The reader is checked against real ones too.

As bbolt does: keys in order, a bucket is inline when it is small and holds no other, a value that is larger than a page
goes on in the following ones. Source: go.etcd.io/bbolt ``bucket.go`` (``inlineable``), ``node.go`` (``spill``).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar, Union

from agent.backends.bbolt import BRANCH, BRANCH_ELEMENT, BUCKET, IS_BUCKET, LEAF, LEAF_ELEMENT
from agent.backends.boltmeta import MAGIC, META, PAGE, VERSION, fnv64a

T = TypeVar("T")

FREELIST = 0x10
META_FLAG = 0x04


@dataclass
class Tree:
    """A bucket: key → value, or another bucket. ``sequence`` is the last number that it gave out."""

    items: Mapping[bytes, Union[bytes, "Tree"]] = field(default_factory=dict)
    sequence: int = 0


@dataclass(frozen=True)
class Style:
    """How a file is laid out: bytes of a page, how full pages are made, and whether small buckets are inline."""

    page_size: int = 4096
    fill: float = 0.5
    inline: bool = True


PLAIN = Style()


def tree(items: Mapping[str, object], sequence: int = 0) -> Tree:
    """Return a bucket from text and nested dictionaries."""
    return Tree(
        {
            key.encode(): value if isinstance(value, bytes | Tree) else tree(value)  # type: ignore[arg-type]
            for key, value in items.items()
        },
        sequence,
    )


def write(root: Tree, style: Style = PLAIN, *, txid: int = 7) -> bytes:
    """Return the file whose root bucket is ``root``."""
    return _Writer(style).file(root, txid)


def meta_page(number: int, page_size: int, root: int, pages: int, txid: int, version: int = VERSION) -> bytes:
    """Return a meta page."""
    body = META.pack(MAGIC, version, page_size, 0, root, 0, 2, pages, txid, 0)[:-8]
    return PAGE.pack(number, META_FLAG, 0, 0) + body + fnv64a(body).to_bytes(8, "little")


class _Writer:
    def __init__(self, style: Style) -> None:
        self._style = style
        self._pages: list[bytes] = []

    def file(self, root: Tree, txid: int) -> bytes:
        top = self._pages_of(self._elements(root))
        size = self._style.page_size
        count = 3 + len(self._pages)
        # The older meta page leads nowhere that is written: whoever believes it finds out.
        metas = [meta_page(n, size, top if n == txid % 2 else 2, count, txid - (n != txid % 2)) for n in (0, 1)]
        freelist = PAGE.pack(2, FREELIST, 0, 0)
        return b"".join(page.ljust(size, b"\0") for page in (*metas, freelist)) + b"".join(self._pages)

    def _elements(self, bucket: Tree) -> list[tuple[int, bytes, bytes]]:
        return [
            (IS_BUCKET, key, self._bucket(value)) if isinstance(value, Tree) else (0, key, value)
            for key, value in sorted(bucket.items.items())
        ]

    def _bucket(self, bucket: Tree) -> bytes:
        elements = self._elements(bucket)
        size = PAGE.size + sum(LEAF_ELEMENT.size + len(key) + len(value) for _, key, value in elements)
        holds_none = not any(flags for flags, _, _ in elements)
        if self._style.inline and holds_none and size <= self._style.page_size // 4:
            return BUCKET.pack(0, bucket.sequence) + _leaf(0, elements, 0)
        return BUCKET.pack(self._pages_of(elements), bucket.sequence)

    def _pages_of(self, elements: list[tuple[int, bytes, bytes]]) -> int:
        """Write leaves, and branches above them, and return the number of the uppermost page."""
        leaves = self._parts(elements, lambda element: len(element[1]) + len(element[2]))
        level = [(part[0][1] if part else b"", self._add(part)) for part in leaves]
        while len(level) > 1:
            level = [(part[0][0], self._branch(part)) for part in self._parts(level, lambda one: len(one[0]))]
        return level[0][1]

    def _parts(self, elements: Sequence[T], size: Callable[[T], int]) -> list[list[T]]:
        """Split elements into what goes on one page each; at least two on a branch, or there would be no end."""
        parts: list[list[T]] = [[]]
        used = PAGE.size
        for element in elements:
            length = LEAF_ELEMENT.size + size(element)
            if len(parts[-1]) >= 2 and used + length > self._style.page_size * self._style.fill:
                parts.append([])
                used = PAGE.size
            parts[-1].append(element)
            used += length
        return parts

    def _add(self, elements: list[tuple[int, bytes, bytes]]) -> int:
        number = 3 + len(self._pages)
        data = _leaf(number, elements, 0)
        further = -(-len(data) // self._style.page_size) - 1
        return self._store(_leaf(number, elements, further))

    def _branch(self, children: list[tuple[bytes, int]]) -> int:
        number = 3 + len(self._pages)
        at = len(children) * BRANCH_ELEMENT.size
        headers, keys = b"", b""
        for index, (key, child) in enumerate(children):
            headers += BRANCH_ELEMENT.pack(at + len(keys) - index * BRANCH_ELEMENT.size, len(key), child)
            keys += key
        body = headers + keys
        further = -(-(PAGE.size + len(body)) // self._style.page_size) - 1
        return self._store(PAGE.pack(number, BRANCH, len(children), further) + body)

    def _store(self, data: bytes) -> int:
        number = 3 + len(self._pages)
        size = self._style.page_size
        data = data.ljust(-(-len(data) // size) * size, b"\0")
        self._pages += [data[at : at + size] for at in range(0, len(data), size)]
        return number


def _leaf(number: int, elements: list[tuple[int, bytes, bytes]], further: int) -> bytes:
    headers = bytearray()
    data = bytearray()
    at = len(elements) * LEAF_ELEMENT.size
    for index, (flags, key, value) in enumerate(elements):
        headers += LEAF_ELEMENT.pack(flags, at + len(data) - index * LEAF_ELEMENT.size, len(key), len(value))
        data += key
        data += value
    return PAGE.pack(number, LEAF, len(elements), further) + headers + data
