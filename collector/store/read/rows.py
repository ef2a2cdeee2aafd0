"""Versions as the rows of lists: JSON that PostgreSQL writes, and that passes through the collector undecoded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from collector.store.read.versions import Position, Versions
from protocol import entries
from protocol.entries import Kind


@dataclass(frozen=True, slots=True)
class Row:
    """One version as a row of an answer, in JSON."""

    position: Position
    json: bytes


_KEY: Final = {Kind.CONTAINER: "container_id", Kind.LAYER: "key", Kind.IMAGE: "image_id"}
"""What a row calls the entry's key."""

_TASK: Final = (entries.LABEL_TASK,)


def _text(expression: str) -> str:
    return f"to_json({expression})::text"


def _time(expression: str) -> str:
    # to_char of nothing is NULL, and so is what is joined to it.
    written = f"""to_char({expression} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
    return f"""coalesce('"' || {written} || '"', 'null')"""


def _label(names: Sequence[str]) -> str:
    found = ", ".join(f"nullif(l.labels ->> '{name}', '')" for name in names)
    return _text(f"coalesce({found}, '')")


def _bounds(after: str, before: str) -> str:
    return _object({"after": _time(after), "before": _time(before)}) + " || '}'"


def _object(fields: Mapping[str, str]) -> str:
    """Return SQL for the text of a JSON object with these fields, each SQL for a value's text; it is left open."""
    written = " || ', ".join(f'"{name}": \' || {value}' for name, value in fields.items())
    return "'{" + written


def _fields(kind: Kind) -> dict[str, str]:
    fields = {
        "cluster": _text("n.cluster"),
        "node": _text("n.node"),
        "hostname": _text("n.hostname"),
        "root": _text("v.root"),
        _KEY[kind]: _text("v.key"),
        "began": _bounds("v.began_after", "v.began_before"),
        "ended": f"CASE WHEN v.ended_after IS NULL THEN 'null' ELSE {_bounds('v.ended_after', 'v.ended_before')} END",
    }
    if kind is Kind.CONTAINER:
        seen = _time("greatest(n.listed_at, h.listed_at)")
        fields |= {
            "service": _label(entries.SERVICE_LABELS),
            "stack": _label(entries.STACK_LABELS),
            "task": _label(_TASK),
            "certain": "CASE WHEN v.certain THEN 'true' ELSE 'false' END",
            "seen": f"CASE WHEN v.ended_after IS NULL THEN {seen} ELSE 'null' END",
        }
    return fields


@cache
def _row(kind: Kind) -> str:
    return f"{_object(_fields(kind))} || coalesce(', ' || nullif(substr(v.doc::text, 2), '}}'), '}}')"


_NODES: Final = "JOIN nodes AS n ON n.id = v.node_id LEFT JOIN node_heartbeats AS h ON h.node_id = v.node_id"
# OFFSET 0: node by node. For a few rows, to read all nodes costs more than all else.
_NODE: Final = (
    "CROSS JOIN LATERAL (SELECT * FROM nodes WHERE id = v.node_id OFFSET 0) AS n "
    "LEFT JOIN LATERAL (SELECT * FROM node_heartbeats WHERE node_id = v.node_id OFFSET 0) AS h ON TRUE"
)


def select(kind: Kind, versions: str, *, few: bool = False) -> str:
    """Return the SELECT of rows of this kind: ``node_id, entry_id, ended, row``; ``versions`` is of ``Versions.where``.

    ``few``: there will not be more than fit on a page.

    The row is put together as text: a document is written out once, and never taken apart but for its labels. Fields
    that a document leaves out are left out, too: they have the defaults of ``protocol.answers``.
    """
    labels = "CROSS JOIN LATERAL (SELECT v.doc -> 'labels' AS labels OFFSET 0) AS l " if kind is Kind.CONTAINER else ""
    return (
        "SELECT v.node_id, v.entry_id::text, CASE WHEN v.ended_after IS NOT NULL THEN v.ended_before END AS ended, "
        f"{_row(kind)} AS row FROM ({versions}) AS v {labels}{_NODE if few else _NODES}"
    )


def page(kind: Kind, versions: Versions, condition: str, position: Position | None, *, rare: bool = False) -> str:
    """Return the SELECT of a page of rows behind ``position``, up to ``:limit``; ``rare``: see ``Versions.page``."""
    order = "ORDER BY v.node_id, v.entry_id, v.ended_before LIMIT :limit"
    return f"{select(kind, versions.page(condition, position, rare=rare), few=True)} {order}"
