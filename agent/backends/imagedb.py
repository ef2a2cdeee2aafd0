"""Images of the graph drivers: ``image/<driver>/imagedb/content/sha256`` and ``image/<driver>/repositories.json``.

Sources: moby ``image/fs.go`` and ``reference/store.go``; the OCI image configuration for ``rootfs``.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from agent.backends.base import DataRoot, Problems
from agent.backends.files import UnreadableError, is_sha256, names, read
from protocol.entries import Image, Kind, Role
from protocol.text import clean

_CONFIG_LIMIT: Final = 8 * 1024 * 1024
"""Most bytes of an image's configuration; the registries' limit for a manifest is 4 MiB."""
_REPOSITORIES_LIMIT: Final = 64 * 1024 * 1024


class RootFS(msgspec.Struct, frozen=True):
    """The content of each layer, base first."""

    diff_ids: list[str] = []


class ImageConfig(msgspec.Struct, frozen=True):
    """What is read of an image's configuration; its environment never is."""

    rootfs: RootFS = RootFS()
    created: str | None = None
    os: str = ""
    architecture: str = ""
    variant: str = ""

    @property
    def platform(self) -> str:
        """Operating system, architecture and variant, as ``docker buildx`` writes them."""
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


class _Repositories(msgspec.Struct, frozen=True, rename="pascal"):
    repositories: dict[str, dict[str, str]] = {}


_CONFIG: Final = msgspec.json.Decoder(ImageConfig)
_REPOSITORIES: Final = msgspec.json.Decoder(_Repositories)


def chain_ids(diff_ids: Sequence[str]) -> tuple[str, ...]:
    """Return the chain ID of every layer, base first (OCI image specification, "Layer ChainID")."""
    chain: list[str] = []
    for diff_id in diff_ids:
        if not chain:
            chain.append(diff_id)
        else:
            chain.append("sha256:" + hashlib.sha256(f"{chain[-1]} {diff_id}".encode()).hexdigest())
    return tuple(chain)


def images(root: DataRoot, store: str, backend: str, problems: Problems) -> Iterator[Image]:
    """Yield the images of one graph driver; ``store`` is ``<data root>/image/<driver>`` as the agent reads it."""
    tags = _names(f"{store}/repositories.json", problems)
    content = f"{store}/imagedb/content/sha256"
    for name in names(content, problems, Kind.IMAGE):
        if not is_sha256(name):
            problems.add(f"{content}/{clean(name)}", "is no image's: its name is not 64 hex digits")
            continue
        image_id = f"sha256:{name}"
        reason = ""
        config = ImageConfig()
        try:
            config = _CONFIG.decode(read(f"{content}/{name}", _CONFIG_LIMIT) or b"")
        except (UnreadableError, msgspec.DecodeError, UnicodeDecodeError) as exc:
            reason = f"its configuration cannot be used: {exc}"
            problems.add(f"{content}/{name}", str(exc))
        references = tags.get(image_id, [])
        yield Image(
            root=root.host,
            key=image_id,
            paths=root.places(f"image/{backend}/imagedb/content/sha256/{name}", Role.METADATA),
            tags=tuple(sorted(reference for reference in references if "@" not in reference)),
            digests=tuple(sorted(reference for reference in references if "@" in reference)),
            layers=chain_ids(config.rootfs.diff_ids),
            platform=clean(config.platform),
            created_at=clean(config.created or ""),
            backend=backend,
            reason=reason,
        )


def _names(path: str, problems: Problems) -> dict[str, list[str]]:
    """Return the tags and digests of every image ID."""
    found: dict[str, list[str]] = defaultdict(list)
    try:
        data = read(path, _REPOSITORIES_LIMIT)
        repositories = _REPOSITORIES.decode(data).repositories if data else {}
    except (UnreadableError, msgspec.DecodeError, UnicodeDecodeError) as exc:
        problems.interrupted(path, f"the images' names cannot be used: {exc}", Kind.IMAGE)
        return found
    for references in repositories.values():
        for reference, image_id in references.items():
            found[image_id].append(clean(reference))
    return found
