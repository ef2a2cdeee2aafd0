"""Lists of entries: a page at a time, or everything through a cursor of the database."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from collector.store import asking
from collector.store.asking import Asking
from collector.store.read import rows
from collector.store.read.rows import Row
from collector.store.read.versions import Position, Versions
from protocol.entries import ENTRY_TYPES, Kind

_BATCH: Final = 500
"""Rows that are held in memory of a list that is streamed."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a list is limited to.

    ``tokens`` are groups of hashes of reference tokens: an entry bears one of each group. ``fields`` maps fields of the
    entry to their allowed values, as text; ``drivers`` are volume drivers, one of which a mount must have; the
    name must be like one of the patterns ``names``.
    """

    tokens: tuple[tuple[int, ...], ...] = ()
    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)
    drivers: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    def where(self, kind: Kind) -> tuple[str, dict[str, Any]]:
        """Return the condition on entries of this kind, and its parameters."""
        parts = ["kind = :kind"]
        given: dict[str, Any] = {"kind": kind.value}
        for number, group in enumerate(self.tokens):
            parts.append(f"ref_keys && CAST(:tokens{number} AS bigint[])")
            given[f"tokens{number}"] = list(group)
        for number, (name, values) in enumerate(self.fields.items()):
            parts.append(f"coalesce(doc ->> :field{number}, :default{number}) = ANY(:values{number})")
            given |= {f"field{number}": name, f"values{number}": list(values)}
            given[f"default{number}"] = _default(kind, name)
        if self.drivers:
            parts.append("doc @> ANY(CAST(CAST(:drivers AS text[]) AS jsonb[]))")
            given["drivers"] = [
                msgspec.json.encode({"mounts": [{"driver": driver}]}).decode() for driver in self.drivers
            ]
        if self.names:
            parts.append("name LIKE ANY(CAST(:names AS text[]))")
            given["names"] = list(self.names)
        return " AND ".join(parts), given


def _default(kind: Kind, name: str) -> str | None:
    """Return what a document means that leaves the field out, as PostgreSQL writes it."""
    default = next(one.default for one in msgspec.structs.fields(ENTRY_TYPES[kind]) if one.name == name)
    if default is None or default is msgspec.NODEFAULT:
        return None
    return default if isinstance(default, str) else msgspec.json.encode(default).decode()


async def page(
    conn: Asking,
    versions: Versions,
    kind: Kind,
    conditions: Conditions,
    *,
    position: Position | None,
    limit: int,
) -> list[Row]:
    """Return up to ``limit`` rows behind ``position``."""
    condition, given = conditions.where(kind)
    continued = position.parameters if position is not None else {}
    found = await asking.rows(
        conn,
        rows.page(kind, versions, condition, position),
        {**given, **continued, **versions.parameters, "limit": limit},
    )
    return [Row(Position(node_id, entry_id, ended), row.encode()) for node_id, entry_id, ended, row in found]


async def everything(conn: Asking, versions: Versions, kind: Kind, conditions: Conditions) -> AsyncIterator[bytes]:
    """Yield every row as JSON, in no order."""
    condition, given = conditions.where(kind)
    statement = rows.select(kind, versions.where(condition))
    async for *_, row in asking.stream(conn, statement, {**given, **versions.parameters}, _BATCH):
        yield row.encode()
