"""Image layers, to follow a chain from layer to layer: down from a container, or up from a layer."""

from collections.abc import Collection, Sequence
from typing import Final

import msgspec
from sqlalchemy import text

from collector.store.engine import Connection
from collector.store.read.versions import Versions
from protocol.entries import Layer

_LAYERS: Final = text(
    "SELECT (e.doc || jsonb_build_object('root', e.root, 'key', e.key))::text FROM entries AS e "
    "JOIN nodes AS n ON n.id = e.node_id WHERE n.cluster = :cluster AND n.node = :node AND e.kind = 'layer' "
    "AND e.root = :root AND e.doc ->> 'backend' = :backend AND coalesce(e.doc ->> 'use', 'image') = 'image'"
)
_DECODER: Final = msgspec.json.Decoder(Layer)


async def image_layers(conn: Connection, cluster: str, node: str, root: str, backend: str) -> list[Layer]:
    """Return every image layer that this backend keeps below this data root of the node."""
    found = await conn.execute(_LAYERS, {"cluster": cluster, "node": node, "root": root, "backend": backend})
    return [_DECODER.decode(document) for (document,) in found]


async def standing_on(
    conn: Connection, versions: Versions, parents: Sequence[int], chains: Collection[str]
) -> set[str]:
    """Return the chain IDs of the layers right above these, on any node; ``parents`` are the hashes of their tokens."""
    source = versions.where("kind = 'layer' AND ref_keys && CAST(:parents AS bigint[])")
    found = await conn.execute(
        text(f"SELECT DISTINCT v.key FROM ({source}) AS v WHERE v.doc ->> 'parent' = ANY(:chains)"),
        {**versions.parameters, "parents": list(parents), "chains": list(chains)},
    )
    # Where two backends hold the same content, the key of one names its backend, too.
    return {key.rpartition("/")[2] for (key,) in found}
