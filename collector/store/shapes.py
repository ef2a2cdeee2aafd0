"""Shapes: how long the names are, and how deep the places, that entries were ever found by.

A look-up asks an index for many things that can be nowhere: for a word as the name of a task, though no task's name is
that short; for a directory that lies higher than any place. Each costs the index's pages, on a large register from the
disk. So the register keeps, in one row of bits, which shapes were ever written. A name or path can only be found where
the bit of its shape is set; a bit too many costs a look, one too few would be a wrong answer.

Whoever writes entries sets the bits in the same transaction, and whoever asks reads them in the statement that looks
the entries up: an entry is seen only together with its bits. Where ``present`` is NULL they are not known, and nothing
is left out: after a migration, and when somebody wrote who does not know of shapes. Every connection that keeps them
says so with the setting ``mountbook.shapes``; for all others a trigger forgets them (0010). They are then counted anew
(``shape_count``). Bits that are not needed any more go with the next count.
"""

import re
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Final

from collector.store.writer import Call, Statement
from protocol.entries import Bind, Container, Entry

VERSION: Final = "1"
"""What the bits mean, as ``mountbook.shapes`` says it: a release in which they mean something else needs a new one."""

_EACH: Final = 64
"""Bits of each group."""
_MOST: Final = _EACH - 1
"""So long or deep everything counts that is longer or deeper."""
_PLACES: Final = 0
_BINDS: Final = 1
_BEGINNINGS: Final = {"id": 2, "mount-id": 3, "name": 4}
_TOKENS: Final = {"task": 5, "service": 8, "stack": 11, "init-id": 14, "image": 17, "image-id": 20}
"""The first of the three groups of each kind: of numbers in hexadecimal, of references with a colon or slash, and of
all other names."""
BITS: Final = 23 * _EACH
"""Bits in all."""
_SHAPED: Final = tuple(f"{kind}:" for kind in _TOKENS)
_HEX: Final = re.compile("[0-9a-f]*")

_NEW: Final = f"CAST(:new AS bit({BITS}))"
_MARK: Final = Statement(
    f"UPDATE shapes SET present = present | {_NEW}, counting = counting | {_NEW} "
    f"WHERE present | {_NEW} <> present OR counting | {_NEW} <> counting"
)

PRESENT: Final = "known AS MATERIALIZED (SELECT present FROM shapes)"
"""A part of WITH, which the conditions below refer to."""


def of_place(path: str, *, bind: bool = False) -> int:
    """Return the shape of a place's path, of a bind's source or of any other entry's: how deep it lies."""
    depth = 0 if path == "/" else path.count("/")
    return (_BINDS if bind else _PLACES) * _EACH + min(depth, _MOST)


@lru_cache(maxsize=8192)
def of_token(text: str) -> int:
    """Return the shape of a container's token (``keys.token``).

    Its kind is ``task``, ``service``, ``stack``, ``init-id``, ``image`` or ``image-id``: what a bare reference may be,
    without those that it may be the beginning of.
    """
    kind, _, value = text.partition(":")
    group = _TOKENS[kind]
    if ":" in value or "/" in value:
        group += 1
    elif not _HEX.fullmatch(value):
        group += 2
    return group * _EACH + min(len(value), _MOST)


def of_beginnings(kind: str, beginning: str) -> list[int]:
    """Return the shapes that names of this kind have which begin so; ``kind`` is ``id``, ``mount-id`` or ``name``.

    A name's shape is how many of its first characters are hexadecimal digits: IDs are nothing else, and other names
    soon have another character.
    """
    run = _run(beginning)
    first = _BEGINNINGS[kind] * _EACH
    return [first + run] if run < min(len(beginning), _MOST) else list(range(first + run, first + _EACH))


def of_entry(entry: Entry, tokens: Iterable[str]) -> set[int]:
    """Return the shapes of all that the entry is found by; ``tokens`` are its own."""
    bind = isinstance(entry, Bind)
    found = {of_place(place.path, bind=bind) for place in entry.paths}
    if isinstance(entry, Container):
        found.update(of_token(text) for text in tokens if text.startswith(_SHAPED))
        for kind, name in (("id", entry.key), ("mount-id", entry.mount_id or ""), ("name", entry.name)):
            found.add(_BEGINNINGS[kind] * _EACH + _run(name))
    return found


def marking(found: Collection[int]) -> list[Call]:
    """Set the bits of these shapes where they are not set; nothing is locked where they are.

    The lock on the row is to be the last that a transaction takes: then nobody holds it who waits for somebody else.
    """
    return [_MARK(new=written(found))] if found else []


def written(found: Iterable[int]) -> str:
    """Return the bits of these shapes as PostgreSQL reads them."""
    bits = 0
    for shape in found:
        bits |= 1 << (BITS - 1 - shape)  # PostgreSQL counts from the left
    return f"x{bits:0{BITS // 4}x}"


def possible(numbers: str, shapes: str) -> str:
    """Return SQL for the array of those of ``numbers`` that may be found; ``shapes`` has the shape of each.

    Both are SQL for arrays; there may be shapes of further numbers at the end.
    """
    return (
        f"ARRAY(SELECT t.number FROM unnest(CAST({numbers} AS bigint[]), CAST({shapes} AS int[])) AS t (number, shape) "
        "WHERE t.number IS NOT NULL AND coalesce(get_bit((SELECT present FROM known), t.shape), 1) = 1)"
    )


def any_may_be(shapes: str) -> str:
    """Return SQL for whether something with one of these shapes may be found; it is worked out once."""
    return (
        f"coalesce((SELECT bool_or(get_bit((SELECT present FROM known), t.shape) = 1) "
        f"FROM unnest(CAST({shapes} AS int[])) AS t (shape)), TRUE)"
    )


def _run(name: str) -> int:
    found = _HEX.match(name)
    return min(found.end(), _MOST) if found is not None else 0
