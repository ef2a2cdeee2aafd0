"""The state hash: one number that is equal exactly when two sets of entries are equal.

Entry hash: SHA-256 over the MessagePack array ``[kind, field, …]`` with the fields of
``FIELDS[hash_version][kind]`` in that order. MessagePack prefixes every string with its length, so no two
entries run into one another; maps are sorted by key; a place is its array, a mount the map of its
fields in the order of ``protocol.entries.Mount``. State hash: the sum of the entry hashes modulo 2^256.
A sum costs what changed, not what is there, and the order of entries does not matter; the same entry
twice would count twice, so a set of entries never holds a key twice.
Format: https://github.com/msgpack/msgpack/blob/master/spec.md (smallest encoding of each value).
"""

import hashlib
from collections.abc import Iterable
from operator import attrgetter
from typing import Any, Final

import msgspec

from protocol.entries import Entry, Kind

MODULUS: Final = 1 << 256

FIELDS: Final[dict[int, dict[Kind, tuple[str, ...]]]] = {
    1: {
        Kind.CONTAINER: (
            *("root", "key", "paths", "name", "backend", "mount_id", "init_id", "diff_path", "path_kind"),
            *("parent_chain_id", "resolved_by", "reason", "image", "image_id", "state", "exit_code"),
            *("oom_killed", "created_at", "started_at", "finished_at", "labels", "mounts", "ghost", "outer"),
        ),
        Kind.LAYER: (
            *("root", "key", "paths", "backend", "use", "cache_id", "diff_id", "parent", "diff_path"),
            *("path_kind", "evidence", "reason"),
        ),
        Kind.IMAGE: (
            *("root", "key", "paths", "tags", "digests", "layers", "platform", "created_at"),
            *("backend", "reason"),
        ),
        Kind.VOLUME: (*("root", "key", "paths", "driver", "mountpoint", "created_at", "labels", "reason"),),
        Kind.BIND: ("root", "key", "paths", "reason"),
    },
}
"""Per hash version and kind, the hashed fields in order. A published version is never edited."""

_ENCODER: Final = msgspec.msgpack.Encoder(order="deterministic")
_READERS: Final = {
    version: {kind: (kind.value, attrgetter(*fields)) for kind, fields in kinds.items()}
    for version, kinds in FIELDS.items()
}


def entry_hash(entry: Entry, version: int = 1) -> bytes:
    """Return the entry's SHA-256, 32 bytes.

    Raises:
        KeyError: this release does not know the hash version.
    """
    kind, fields = _READERS[version][entry.KIND]
    values: tuple[Any, ...] = fields(entry)
    return hashlib.sha256(_ENCODER.encode((kind, *values))).digest()


def total(hashes: Iterable[bytes]) -> int:
    """Return the state hash of the entries with these hashes, as a number below ``MODULUS``."""
    return sum(int.from_bytes(digest, "big") for digest in hashes) % MODULUS


def shift(state: int, *, added: Iterable[bytes] = (), removed: Iterable[bytes] = ()) -> int:
    """Return the state hash after entries with these hashes came and went."""
    return (state + total(added) - total(removed)) % MODULUS


def to_text(state: int) -> str:
    """Return a state hash as it stands in messages: 64 lower-case hex digits."""
    return f"{state:064x}"


def from_text(text: str) -> int:
    """Read a state hash from a message.

    Raises:
        ValueError: it is not 64 lower-case hex digits.
    """
    if len(text) != 64 or not set(text) <= set("0123456789abcdef"):
        raise ValueError(f"a state hash is 64 lower-case hex digits, not {text[:80]!r}")
    return int(text, 16)
