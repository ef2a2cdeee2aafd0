"""Versions as the rows of lists: JSON that PostgreSQL writes, and that passes through the collector undecoded."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from protocol import entries
from protocol.answers import ContainerRow, ImageRow, LayerRow
from protocol.entries import Kind, LayerUse


@dataclass(frozen=True, slots=True)
class Position:
    """What orders every list: node, entry, and version, by when it ended (``None``: it has not)."""

    node_id: int
    entry_id: str
    ended: datetime | None


@dataclass(frozen=True, slots=True)
class Row:
    """One version as a row of an answer, in JSON."""

    position: Position
    json: bytes


_KEY: Final = {Kind.CONTAINER: "container_id", Kind.LAYER: "key", Kind.IMAGE: "image_id"}
"""What a row calls the entry's key."""

_DEFAULTS: Final = {
    Kind.CONTAINER: msgspec.json.encode(ContainerRow(container_id="", root="")).decode(),
    Kind.LAYER: msgspec.json.encode(LayerRow(key="", root="", use=LayerUse.IMAGE)).decode(),
    Kind.IMAGE: msgspec.json.encode(ImageRow(image_id="", root="")).decode(),
}
"""Every field of a row; a document leaves out those that have their default."""


def _time(column: str) -> str:
    return f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""


def label(table: str, *names: str) -> str:
    """Return the SQL of the first of these labels that ``table``'s document has, ``''`` without any."""
    found = ", ".join(f"nullif({table}.doc #>> '{{labels,{name}}}', '')" for name in names)
    return f"coalesce({found}, '')"


_ENDED: Final = (
    "CASE WHEN v.ended_after IS NOT NULL THEN "
    f"jsonb_build_object('after', {_time('v.ended_after')}, 'before', {_time('v.ended_before')}) END"
)
_ALWAYS: Final = (
    "'cluster', n.cluster, 'node', n.node, 'hostname', n.hostname, 'root', v.root, "
    f"'began', jsonb_build_object('after', {_time('v.began_after')}, 'before', {_time('v.began_before')}), "
    f"'ended', {_ENDED}"
)
_CONTAINER: Final = (
    f", 'service', {label('v', entries.LABEL_SERVICE, entries.LABEL_COMPOSE_SERVICE)}"
    f", 'stack', {label('v', entries.LABEL_STACK, entries.LABEL_COMPOSE_PROJECT)}"
    f", 'task', {label('v', entries.LABEL_TASK)}, 'certain', v.certain"
    f", 'seen', CASE WHEN v.ended_after IS NULL THEN {_time('greatest(n.listed_at, h.listed_at)')} END"
)


def select(kind: Kind, versions: str) -> str:
    """Return the SELECT of rows of this kind: ``node_id, entry_id, ended, row``.

    ``versions`` is the text of ``Versions.where``; ``parameters`` gives what else the statement needs.
    """
    more = _CONTAINER if kind is Kind.CONTAINER else ""
    row = f"CAST(:defaults AS jsonb) || v.doc || jsonb_build_object('{_KEY[kind]}', v.key, {_ALWAYS}{more})"
    return (
        f"SELECT v.node_id, v.entry_id::text, CASE WHEN v.ended_after IS NOT NULL THEN v.ended_before END AS ended, "
        f"({row})::text AS row FROM ({versions}) AS v "
        "JOIN nodes AS n ON n.id = v.node_id LEFT JOIN node_heartbeats AS h ON h.node_id = v.node_id"
    )


ORDER: Final = "ORDER BY v.node_id, v.entry_id, v.ended_before"
"""The order of every page; ``after`` continues in it."""


def after(position: Position | None) -> tuple[str, str, dict[str, Any]]:
    """Return what continues behind ``position``: a condition on versions, one on rows, and their parameters.

    The first lets the index of the primary key begin at the right entry, the second skips what was already shown.
    """
    if position is None:
        return "TRUE", "TRUE", {}
    return (
        "(node_id, entry_id) >= (:after_node, CAST(:after_entry AS uuid))",
        (
            "(v.node_id, v.entry_id, v.ended_before) > "
            "(:after_node, CAST(:after_entry AS uuid), coalesce(CAST(:after_ended AS timestamptz), 'infinity'))"
        ),
        {"after_node": position.node_id, "after_entry": position.entry_id, "after_ended": position.ended},
    )


def parameters(kind: Kind) -> dict[str, Any]:
    """Return the parameters that ``select`` adds."""
    return {"defaults": _DEFAULTS[kind]}
