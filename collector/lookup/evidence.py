"""What the register knows of a container at a moment, file by file, for an archive that can be shown later."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from collector.errors import ProblemError
from collector.lookup import coverage
from collector.lookup.history import history
from collector.lookup.moments import Window
from collector.lookup.mounting import by_name
from collector.lookup.mounts import mount_commands
from collector.lookup.refs import Ref
from collector.lookup.scope import Scope
from collector.lookup.where import where
from collector.store.keys import hash_token, token
from collector.store.read import chains, places
from protocol.answers import ContainerRow
from protocol.entries import Image, Layer
from protocol.memory import Version
from protocol.problems import ProblemType

MOST_CONTAINERS: Final = 1000
"""Most containers of one archive."""
MOST_VERSIONS: Final = 100_000
"""Most versions of one archive's history."""
_PAGE: Final = 1000

_ABOUT: Final = """\
Evidence from the register of Mountbook.

manifest.json      what was asked and answered, and the SHA-256 of every file
manifest.sig       the Ed25519 signature of "mountbook evidence", a zero byte and manifest.json
placement.json     where the containers kept their files at the moment asked about, and which nodes were observed then
layers.json        every image layer below each container, top down, with its digests, and the image
mount-command.json the command that mounts each container's files read-only
history.json       every version of what the reference names or named
coverage.json      which nodes were not observed in the window around it, when and why

`mountbook verify --public-key KEY FILE` checks it. Take the key from the collector's operator, not from this archive.
"""


class _Below(msgspec.Struct, frozen=True, kw_only=True):
    """One container with the layers below its own, the uppermost first; ``missing``: below the last one is a gap."""

    cluster: str
    node: str
    hostname: str
    container_id: str
    image: str
    image_id: str
    mount_id: str | None
    diff_path: str | None
    layers: list[Layer]
    missing: str | None
    images: list[Image]


async def gather(scope: Scope, silent_after: float, ref: Ref, window: Window) -> dict[str, bytes]:
    """Return the files by name. What there was at the scope's moment comes first; the history is that of ever.

    Raises:
        ProblemError: as ``where``; ``bad-request``, the reference names too much for one archive.
    """
    found = await where(scope, ref, MOST_CONTAINERS, "")
    if found.next is not None:
        raise _too_much(f"more than {MOST_CONTAINERS} containers")
    below = await _below(scope, found.containers)
    return {
        "README.txt": _ABOUT.encode(),
        "placement.json": _json(found),
        "layers.json": _json(below),
        "mount-command.json": _json(await mount_commands(scope, ref, MOST_CONTAINERS, "")),
        "history.json": _json(await _history(scope, ref)),
        "coverage.json": _json(await coverage.over_window(scope.conn, silent_after, window)),
    }


async def _history(scope: Scope, ref: Ref) -> list[Version]:
    versions: list[Version] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await history(scope, ref, _PAGE, cursor)
        versions += page.versions
        cursor = page.next
        if len(versions) > MOST_VERSIONS:
            raise _too_much(f"more than {MOST_VERSIONS} versions")
    return versions


async def _below(scope: Scope, containers: list[ContainerRow]) -> list[_Below]:
    stores: dict[chains.Store, Mapping[str, Layer]] = {}
    answers = []
    images = await _images(scope, containers)
    for row in containers:
        store = chains.Store(row.cluster, row.node, row.root, row.backend)
        if store not in stores:
            stores[store] = by_name(await chains.layers(scope.conn, scope.versions, store), ())
        layers, missing = _chain(row.parent_chain_id, stores[store])
        answers.append(
            _Below(
                cluster=row.cluster,
                node=row.node,
                hostname=row.hostname,
                container_id=row.container_id,
                image=row.image,
                image_id=row.image_id,
                mount_id=row.mount_id,
                diff_path=row.diff_path,
                layers=layers,
                missing=missing,
                images=images.get((row.cluster, row.node, row.image_id), []),
            )
        )
    return answers


def _chain(chain: str | None, layers: Mapping[str, Layer]) -> tuple[list[Layer], str | None]:
    """Return the layers from this one down, and the first that the register lacks (or meets again)."""
    found: list[Layer] = []
    while chain:
        layer = layers.get(chain)
        if layer is None or layer in found:
            return found, chain
        found.append(layer)
        chain = layer.parent
    return found, None


async def _images(scope: Scope, containers: list[ContainerRow]) -> dict[tuple[str, str, str], list[Image]]:
    hashes = sorted({hash_token(token("image-id", row.image_id)) for row in containers if row.image_id})
    images: dict[tuple[str, str, str], list[Image]] = {}
    for one in await places.bearing(scope.conn, scope.versions, "image", hashes) if hashes else ():
        if isinstance(one.entry, Image):
            images.setdefault((one.node.cluster, one.node.node, one.entry.key), []).append(one.entry)
    return images


def _too_much(what: str) -> ProblemError:
    return ProblemError(
        ProblemType.BAD_REQUEST, f"the reference names {what}; name one container, or one node", field="ref"
    )


def _json(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
