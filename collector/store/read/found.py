"""Versions as entries: for questions whose answer has to be worked out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from collector.store import asking
from collector.store.asking import Asking
from collector.store.read.versions import bounds
from protocol.answers import Bounds, NodeRef
from protocol.entries import ENTRY_TYPES, Entry, Kind

Identity = tuple[int, str, str, str]
"""What tells one version of an entry from all others: node, kind, entry, and its end."""

_DECODERS: Final = {kind: msgspec.json.Decoder(shape) for kind, shape in ENTRY_TYPES.items()}


@dataclass(frozen=True, slots=True)
class Found:
    """One version of an entry, with the node that reported it.

    ``ended`` is ``None`` for what is current; ``certain`` is false when the asked moment lies between the bounds of the
    beginning or the end.
    """

    identity: Identity
    node: NodeRef
    entry: Entry
    began: Bounds
    ended: Bounds | None
    certain: bool = True

    @property
    def node_id(self) -> int:
        """The database's number of the node."""
        return self.identity[0]


async def fetch(conn: Asking, versions: str, given: Mapping[str, Any], limit: int) -> list[Found]:
    """Return up to ``limit`` of the versions that the text of ``Versions.where`` selects, decoded."""
    return _decoded(await asking.rows(conn, *_selected(versions, given, limit)))


async def fetch_each(conn: Asking, *wanted: tuple[str, Mapping[str, Any]], limit: int) -> list[list[Found]]:
    """Return what ``fetch`` does for each of several texts, with their parameters, in one message."""
    each = await asking.several(conn, *(_selected(versions, given, limit) for versions, given in wanted))
    return [_decoded(rows) for rows in each]


async def fetch_known(conn: Asking, versions: str, given: Mapping[str, Any], limit: int) -> list[Found]:
    """Return what ``fetch`` does, where one plan is right for all values."""
    (rows,) = await asking.known(conn, _selected(versions, given, limit))
    return _decoded(rows)


def _selected(versions: str, given: Mapping[str, Any], limit: int) -> tuple[str, dict[str, Any]]:
    statement = (
        "SELECT v.node_id, v.kind, v.entry_id::text, n.cluster, n.node, n.hostname, v.began_after, v.began_before, "
        "v.ended_after, CASE WHEN v.ended_after IS NOT NULL THEN v.ended_before END, v.certain, "
        "(v.doc || jsonb_build_object('root', v.root, 'key', v.key))::text "
        # OFFSET 0: node by node. They are few, and to read all nodes for a join costs more than all else.
        f"FROM ({versions}) AS v "
        "CROSS JOIN LATERAL (SELECT * FROM nodes WHERE id = v.node_id OFFSET 0) AS n LIMIT :limit"
    )
    return statement, {**given, "limit": limit}


def _decoded(rows: asking.Rows) -> list[Found]:
    answers = []
    for node_id, kind, entry_id, cluster, node, hostname, after, before, end_after, end_before, certain, doc in rows:
        ended = bounds(end_after, end_before) if end_before is not None else None
        answers.append(
            Found(
                (node_id, kind, entry_id, ended.before if ended is not None else ""),
                NodeRef(cluster=cluster, node=node, hostname=hostname),
                _DECODERS[Kind(kind)].decode(doc),
                bounds(after, before),
                ended,
                certain,
            )
        )
    return answers
