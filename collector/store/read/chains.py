"""Image layers, to follow a chain from layer to layer: down from a container, or up from a layer."""

from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from collector.store import asking
from collector.store.asking import Asking
from collector.store.read.versions import Versions
from protocol.entries import Container, Layer


class Store(NamedTuple):
    """One backend below one data root of a node."""

    cluster: str
    node: str
    root: str
    backend: str


_LAYER: Final = msgspec.json.Decoder(Layer)
_CONTAINER: Final = msgspec.json.Decoder(Container)


async def layers(conn: Asking, versions: Versions, store: Store) -> list[Layer]:
    """Return every layer that the backend keeps, or kept at the moment asked about."""
    return [_LAYER.decode(document) for document in await _documents(conn, versions, store, "kind = 'layer'", {})]


async def containers(conn: Asking, versions: Versions, store: Store, tokens: Sequence[int]) -> list[Container]:
    """Return the backend's containers that bear one of these tokens (hashes)."""
    condition = "kind = 'container' AND ref_keys && CAST(:tokens AS bigint[])"
    found = await _documents(conn, versions, store, condition, {"tokens": list(tokens)})
    return [_CONTAINER.decode(document) for document in found]


async def _documents(
    conn: Asking, versions: Versions, store: Store, condition: str, given: dict[str, Any]
) -> list[str]:
    of = (
        "node_id = (SELECT id FROM nodes WHERE cluster = :cluster AND node = :node) AND root = :root "
        f"AND doc ->> 'backend' = :backend AND {condition}"
    )
    # What is uncertain comes first, so that by name what surely was there wins.
    found = await asking.rows(
        conn,
        "SELECT (v.doc || jsonb_build_object('root', v.root, 'key', v.key))::text "
        f"FROM ({versions.where(of)}) AS v ORDER BY v.certain, v.key",
        {**store._asdict(), **versions.parameters, **given},
    )
    return [document for (document,) in found]


async def standing_on(conn: Asking, versions: Versions, parents: Sequence[int], chains: Collection[str]) -> set[str]:
    """Return the chain IDs of the layers right above these, on any node; ``parents`` are the hashes of their tokens."""
    source = versions.where("kind = 'layer' AND ref_keys && CAST(:parents AS bigint[])")
    found = await asking.rows(
        conn,
        f"SELECT DISTINCT v.key FROM ({source}) AS v WHERE v.doc ->> 'parent' = ANY(:chains)",
        {**versions.parameters, "parents": list(parents), "chains": list(chains)},
    )
    # Where two backends hold the same content, the key of one names its backend, too.
    return {key.rpartition("/")[2] for (key,) in found}
