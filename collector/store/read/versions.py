"""Which versions of entries a question means; shared by every question about entries.

A question about now reads ``entries`` only. One about a moment T reads ``entries`` and ``history``: every version that
may have been valid at T, because it may have begun before T and had not surely ended. ``certain`` is false when T lies
between the bounds of its beginning or of its end.
"""

import sys
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Self

from protocol import times
from protocol.answers import Bounds

_FIELDS: Final = "node_id, kind, entry_id, root, key, name, mount_id, doc, began_after, began_before"
_OPEN: Final = "NULL::timestamptz AS ended_after, 'infinity'::timestamptz AS ended_before"
_BEGAN: Final = "(began_after IS NULL OR began_after < :at)"


@dataclass(frozen=True, slots=True)
class Versions:
    """``at`` is the moment (``None``: now), ``node_ids`` the only nodes that are of interest (``None``: all)."""

    at: datetime | None = None
    node_ids: frozenset[int] | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters of the text that ``where`` returns."""
        given: dict[str, Any] = {}
        if self.at is not None:
            given["at"] = self.at
        if self.node_ids is not None:
            given["node_ids"] = sorted(self.node_ids)
        return given

    def within(self, node_ids: AbstractSet[int]) -> Self:
        """Return the same versions, of these nodes only."""
        both = node_ids if self.node_ids is None else self.node_ids & node_ids
        return replace(self, node_ids=frozenset(both))

    def where(self, condition: str, columns: str = _FIELDS) -> str:
        """Return the SELECT of the versions that meet ``condition``; both texts are of this package.

        Its columns are ``columns`` of ``entries``, ``ended_after``, ``ended_before`` (``infinity``: not ended) and
        ``certain``.
        """
        if self.node_ids is not None:
            condition = f"{condition} AND node_id = ANY(:node_ids)"
        if self.at is None:
            return f"SELECT {columns}, {_OPEN}, TRUE AS certain FROM entries WHERE {condition}"
        return (
            f"SELECT {columns}, {_OPEN}, began_before <= :at AS certain FROM entries WHERE {condition} AND {_BEGAN} "
            f"UNION ALL SELECT {columns}, ended_after, ended_before, began_before <= :at AND :at <= ended_after "
            f"FROM history WHERE {condition} AND {_BEGAN} AND ended_before > :at"
        )


def prefix_bounds(prefix: str) -> tuple[str, str | None]:
    """Return ``low, high``: in collation "C" the texts with this prefix are those from the one to below the other.

    ``high`` is None when nothing sorts after them. A bound LIKE would not use the index.
    """
    for length in range(len(prefix), 0, -1):
        code = ord(prefix[length - 1]) + 1
        if code <= sys.maxunicode:
            # U+D800 to U+DFFF are no characters.
            return prefix, prefix[: length - 1] + chr(0xE000 if code == 0xD800 else code)
    return prefix, None


def prefix(text: str) -> dict[str, str]:
    """Return the parameters ``low`` and, unless nothing sorts after them, ``high`` of a look-up by prefix."""
    low, high = prefix_bounds(text)
    return {"low": low} if high is None else {"low": low, "high": high}


def bounds(after: datetime | None, before: datetime) -> Bounds:
    """Return two bounds as answers write them."""
    return Bounds(after=times.to_text(after) if after is not None else None, before=times.to_text(before))
