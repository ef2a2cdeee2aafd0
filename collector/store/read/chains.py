"""The image layers of one backend on one node, to follow a chain from layer to layer."""

from typing import Final

import msgspec
from sqlalchemy import text

from collector.store.engine import Connection
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
