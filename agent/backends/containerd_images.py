"""Images of the containerd image store: names from ``meta.db``, manifests and configurations from the content store.

An image's ID is the digest that its name stands for: a manifest's, or that of an index of several. Content lies at
``io.containerd.content.v1.content/blobs/sha256/<digest>``. Sources: the OCI image specification; moby
``daemon/containerd/image.go``; containerd ``plugins/content/local``.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from agent.backends.base import DataRoot, Problems
from agent.backends.containerd_db import Target
from agent.backends.files import UnreadableError, is_sha256, read
from agent.backends.imagedb import ImageConfig, chain_ids
from protocol.entries import Image, Role
from protocol.text import clean

BLOBS: Final = "io.containerd.content.v1.content/blobs/sha256"
_LIMIT: Final = 8 * 1024 * 1024
"""Most bytes of a manifest or configuration; registries take manifests of 4 MiB."""
_MAX_MANIFESTS: Final = 1000
_HUB: Final = ("docker.io/library/", "docker.io/")
"""What the engine leaves out of a name (distribution ``reference.FamiliarName``)."""
_ATTESTATION: Final = "vnd.docker.reference.type"
"""What marks a manifest that is no image's but says something about one (BuildKit's attestation storage)."""
_DANGLING: Final = "moby-dangling@"
"""How the engine names an image that has lost its tag."""


class _Descriptor(msgspec.Struct, frozen=True, rename="camel"):
    digest: str = ""
    media_type: str = ""
    annotations: dict[str, str] | None = None


class _Manifest(msgspec.Struct, frozen=True, rename="camel"):
    """A manifest, which has a ``config``, or an index, which has ``manifests``."""

    config: _Descriptor = _Descriptor()
    manifests: list[_Descriptor] = []


_MANIFEST: Final = msgspec.json.Decoder(_Manifest)
_CONFIG: Final = msgspec.json.Decoder(ImageConfig)


def images(
    root: DataRoot,
    store: DataRoot,
    backend: str,
    targets: Sequence[Target],
    unpacked: frozenset[str],
    problems: Problems,
) -> Iterator[Image]:
    """Yield the images; ``unpacked`` are the keys of all snapshots: of an index the manifest counts that has one."""
    named: dict[str, list[Target]] = defaultdict(list)
    for target in targets:
        named[target.digest].append(target)
    for digest, its in named.items():
        config: ImageConfig | None = None
        blobs: tuple[str, ...] = ()
        reason = ""
        try:
            config, blobs = _configuration(store, digest, unpacked)
        except UnreadableError as exc:
            reason = f"its content cannot be used: {exc}"
            problems.add(f"{store.local}/{BLOBS}/{clean(digest.removeprefix('sha256:'))}", str(exc))
        tags = [familiar(target.name) for target in its if not target.name.startswith(_DANGLING)]
        yield Image(
            root=root.host,
            key=clean(digest),
            paths=tuple(place for blob in blobs for place in store.places(f"{BLOBS}/{blob}", Role.METADATA)),
            tags=tuple(sorted(tag for tag in tags if "@" not in tag)),
            digests=tuple(sorted({f"{repository(tag)}@{clean(digest)}" for tag in tags})),
            layers=chain_ids(config.rootfs.diff_ids) if config is not None else (),
            platform=clean(config.platform) if config is not None else "",
            created_at=clean((config.created if config is not None else None) or ""),
            backend=backend,
            reason=reason,
        )


def familiar(name: str) -> str:
    """Return an image's name as the engine shows it.

    >>> familiar("docker.io/library/nginx:1")
    'nginx:1'
    """
    for prefix in _HUB:
        if name.startswith(prefix):
            return name.removeprefix(prefix)
    return name


def repository(name: str) -> str:
    """Return a name without its tag or digest."""
    name = name.partition("@")[0]
    path, colon, tag = name.rpartition(":")
    return path if colon and "/" not in tag else name


def _configuration(store: DataRoot, digest: str, unpacked: frozenset[str]) -> tuple[ImageConfig, tuple[str, ...]]:
    """Return the configuration that an image's digest leads to, and the blobs on the way.

    Raises:
        UnreadableError: content is missing, is not what its digest says, or is no image's.
    """
    top = _manifest(store, digest)
    if top.config.digest:
        return _config(store, top), (_hex(digest), _hex(top.config.digest))
    usable: tuple[ImageConfig, tuple[str, ...]] | None = None
    why = "its index names no manifest"
    for descriptor in top.manifests[:_MAX_MANIFESTS]:
        if _ATTESTATION in (descriptor.annotations or {}):
            continue
        try:
            manifest = _manifest(store, descriptor.digest)
            config = _config(store, manifest)
        except UnreadableError as exc:  # of another platform, which was not pulled
            why = str(exc)
            continue
        found = config, (_hex(digest), _hex(descriptor.digest), _hex(manifest.config.digest))
        chain = chain_ids(config.rootfs.diff_ids)
        if chain and chain[-1] in unpacked:
            return found
        usable = usable or found
    if usable is None:
        raise UnreadableError(f"no platform of it can be used: {why}")
    return usable


def _manifest(store: DataRoot, digest: str) -> _Manifest:
    try:
        return _MANIFEST.decode(_blob(store, digest))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise UnreadableError(f"{digest[:80]} is no manifest: {exc}") from exc


def _config(store: DataRoot, manifest: _Manifest) -> ImageConfig:
    digest = manifest.config.digest
    try:
        return _CONFIG.decode(_blob(store, digest))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise UnreadableError(f"{digest[:80]} is no image's configuration: {exc}") from exc


def _blob(store: DataRoot, digest: str) -> bytes:
    """Return what is stored under the digest.

    Raises:
        UnreadableError: nothing is, or something else.
    """
    data = read(f"{store.local}/{BLOBS}/{_hex(digest)}", _LIMIT)
    if data is None:
        raise UnreadableError(f"{digest} is not in the content store")
    if hashlib.sha256(data).hexdigest() != _hex(digest):
        raise UnreadableError(f"{digest} holds something else: it is damaged")
    return data


def _hex(digest: str) -> str:
    name = digest.removeprefix("sha256:")
    if not is_sha256(name):
        raise UnreadableError(f"{digest[:80]!r} is no digest")
    return name
