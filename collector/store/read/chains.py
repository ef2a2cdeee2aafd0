"""Image layers, to follow a chain from layer to layer: down from a container, or up from a layer."""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

import msgspec
from sqlalchemy import text

from collector.store.engine import Connection
from collector.store.read.versions import Versions
from protocol.entries import Container, Layer


class Store(NamedTuple):
    """One backend below one data root of a node."""

    cluster: str
    node: str
    root: str
    backend: str


_OF: Final = (
    "SELECT (e.doc || jsonb_build_object('root', e.root, 'key', e.key))::text FROM entries AS e "
    "JOIN nodes AS n ON n.id = e.node_id WHERE n.cluster = :cluster AND n.node = :node "
    "AND e.root = :root AND e.doc ->> 'backend' = :backend AND e.kind = "
)
_LAYERS: Final = text(f"{_OF} 'layer'")
_CONTAINERS: Final = text(f"{_OF} 'container' AND e.ref_keys && CAST(:tokens AS bigint[])")
_LAYER: Final = msgspec.json.Decoder(Layer)
_CONTAINER: Final = msgspec.json.Decoder(Container)


async def layers(conn: Connection, store: Store) -> list[Layer]:
    """Return every layer that the backend keeps."""
    found = await conn.execute(_LAYERS, store._asdict())
    return [_LAYER.decode(document) for (document,) in found]


async def containers(conn: Connection, store: Store, tokens: Sequence[int]) -> list[Container]:
    """Return the backend's containers that bear one of these tokens (hashes)."""
    found = await conn.execute(_CONTAINERS, {**store._asdict(), "tokens": list(tokens)})
    return [_CONTAINER.decode(document) for (document,) in found]


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
