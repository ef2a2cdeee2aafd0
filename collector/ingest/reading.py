"""Entries of a message: decoded one by one, so that a bad one is refused by name and the rest is applied."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from collector.store.write import Name, name_of
from protocol.entries import Bind, Container, Entry, EntryKey, Kind, Layer, PathKind, Volume
from protocol.messages import Refused
from protocol.statehash import entry_hash, total

MAX_ENTRY: Final = 1024 * 1024
"""Most bytes of one entry as JSON."""
MAX_PATH: Final = 16_384
"""Most bytes of a path: Linux allows 4,096, and one that is not UTF-8 is written as ``\\xNN``."""
MAX_CONTAINER_KEY: Final = 256
MAX_NAME: Final = 1024
"""Most bytes of what a container is looked up by: PostgreSQL's B-tree takes at most 2,704 in one row."""
MAX_PLACES: Final = 1000

_DECODER: Final = msgspec.json.Decoder(Entry)


class _Key(msgspec.Struct):
    """As much of an entry as names it."""

    kind: Kind
    root: str = ""
    key: str = ""


class _Kind(msgspec.Struct):
    kind: Kind


_KEY: Final = msgspec.json.Decoder(_Key)
_KIND: Final = msgspec.json.Decoder(_Kind)


@dataclass(frozen=True, slots=True)
class Item:
    """An entry that can be kept, and its hash."""

    entry: Entry
    hash: bytes


@dataclass(slots=True)
class Reading:
    """What a message's entries came to.

    ``refused_names`` are those of refused entries; ``unnamed`` the kinds of refused entries whose name could not be
    read (all, where not even the kind could be): which entry was meant is not known, so none of these is removed.
    """

    items: dict[Name, Item] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)
    refused_names: set[Name] = field(default_factory=set)
    unnamed: set[Kind] = field(default_factory=set)

    @property
    def sum(self) -> int:
        """State hash of the entries that can be kept."""
        return total(item.hash for item in self.items.values())


def read(raws: Sequence[msgspec.Raw], hash_version: int) -> Reading:
    """Decode and check every entry of a message."""
    reading = Reading()
    places: dict[Name, int] = {}
    for index, raw in enumerate(raws):
        try:
            entry = _decode(raw)
        except _RefusalError as exc:
            _refuse(reading, index, _key_of(raw), str(exc), raw)
            continue
        name = name_of(entry.entry_key)
        if name in places:
            _refuse(reading, index, entry.entry_key, f"the entry at {places[name]} has the same kind, root and key")
            continue
        places[name] = index
        reading.items[name] = Item(entry, entry_hash(entry, hash_version))
    return reading


class _RefusalError(Exception):
    """Why an entry cannot be kept."""


def _decode(raw: msgspec.Raw) -> Entry:
    encoded = bytes(raw)
    if len(encoded) > MAX_ENTRY:
        raise _RefusalError(f"it has {len(encoded)} bytes; an entry has at most {MAX_ENTRY}")
    try:
        entry: Entry = _DECODER.decode(encoded)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as exc:
        raise _RefusalError(f"it cannot be read: {exc}") from exc
    if holds_nul(encoded, entry):
        raise _RefusalError("a text in it holds NUL")
    reason = _fault(entry)
    if reason:
        raise _RefusalError(reason)
    return entry


def holds_nul(encoded: bytes, message: msgspec.Struct) -> bool:
    """Whether a text in ``message`` holds NUL, which PostgreSQL cannot keep; ``encoded`` is its JSON."""
    # In JSON a NUL is always an escape; a text that spells one out has a second backslash.
    return b"\\u0000" in encoded and _nul_in(msgspec.to_builtins(message))


def _nul_in(value: object) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any(_nul_in(part) for pair in value.items() for part in pair)
    return isinstance(value, list | tuple) and any(_nul_in(part) for part in value)


def _fault(entry: Entry) -> str:
    """Return what keeps the entry from being kept, ``""`` if nothing."""
    if not entry.key:
        return "its key is empty"
    if not entry.root.startswith("/"):
        return f"its root {entry.root[:80]!r} is not an absolute path"
    if len(entry.paths) > MAX_PLACES:
        return f"it has {len(entry.paths)} places; an entry has at most {MAX_PLACES}"
    texts = {"root": (entry.root, MAX_PATH), "key": (entry.key, MAX_PATH)}
    if isinstance(entry, Container):
        texts["key"] = (entry.key, MAX_CONTAINER_KEY)
        texts["name"] = (entry.name, MAX_NAME)
        texts["mount_id"] = (entry.mount_id or "", MAX_NAME)
    for field_name, (value, most) in texts.items():
        if len(value.encode()) > most:
            return f"its {field_name} has {len(value.encode())} bytes; it may have {most}"
    return _wrong_path(entry)


def _wrong_path(entry: Entry) -> str:
    # The name of a ZFS dataset has no leading slash.
    dataset = isinstance(entry, Container | Layer) and entry.path_kind is PathKind.DATASET
    paths = [place.path for place in entry.paths]
    if isinstance(entry, Container | Layer):
        paths.append(entry.diff_path if entry.diff_path is not None else "/")
    if isinstance(entry, Bind):
        paths.append(entry.key)
    if isinstance(entry, Volume) and entry.mountpoint:
        paths.append(entry.mountpoint)
    for path in paths:
        if not path.startswith("/") and not (dataset and path):
            return f"its path {path[:80]!r} is not absolute"
        if len(path.encode()) > MAX_PATH:
            return f"its path {path[:80]!r}… has {len(path.encode())} bytes; it may have {MAX_PATH}"
    return ""


def _key_of(raw: msgspec.Raw) -> EntryKey | None:
    try:
        key = _KEY.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return EntryKey(key.kind, key.root, key.key)


def _refuse(reading: Reading, index: int, key: EntryKey | None, reason: str, raw: msgspec.Raw | None = None) -> None:
    if key is not None:
        reading.refused_names.add(name_of(key))
    elif raw is not None:
        reading.unnamed |= _kinds_of(raw)
    reading.refused.append(Refused(index=index, key=key, reason=reason))


def _kinds_of(raw: msgspec.Raw) -> set[Kind]:
    try:
        return {_KIND.decode(raw).kind}
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return set(Kind)
