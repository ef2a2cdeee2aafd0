"""What an entry may hold at the most: more would be refused, or would not even fit into a message."""

from typing import Final

import msgspec

from protocol.entries import Container, Entry, Volume

MAX_LABELS: Final = 256 * 1024
"""Most bytes of the labels of one entry. An image can bring any amount of them; what is beyond is left out."""
_LONGEST_CHARACTER: Final = 4


def bounded(entry: Entry) -> Entry:
    """Return the entry, without its labels if they are too large; its ``reason`` then says so."""
    if not isinstance(entry, Container | Volume) or not entry.labels:
        return entry
    characters = sum(map(len, entry.labels)) + sum(map(len, entry.labels.values()))
    if characters * _LONGEST_CHARACTER <= MAX_LABELS:
        return entry
    size = sum(len(name.encode()) + len(value.encode()) for name, value in entry.labels.items())
    if size <= MAX_LABELS:
        return entry
    told = f"its {len(entry.labels)} labels have {size} bytes and are left out; at most {MAX_LABELS} are kept"
    reason = f"{entry.reason}; {told}" if entry.reason else told
    return msgspec.structs.replace(entry, labels={}, reason=reason)
