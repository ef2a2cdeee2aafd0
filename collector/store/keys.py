"""What an entry is found by: its places and its names as 64-bit numbers.

A number is the first eight bytes of BLAKE2b as a signed integer, which PostgreSQL's ``bigint[]`` and GIN hold in less
room than text of any length. Numbers can collide: who looks something up compares the text as well.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from hashlib import blake2b
from typing import Final
from uuid import UUID

from protocol.answers import ContainerRow
from protocol.entries import (
    LABEL_COMPOSE_PROJECT,
    LABEL_COMPOSE_SERVICE,
    LABEL_SERVICE,
    LABEL_SERVICE_ID,
    LABEL_STACK,
    LABEL_TASK,
    LABEL_TASK_ID,
    Bind,
    Container,
    Entry,
    Image,
    Layer,
    LayerUse,
    Place,
    Role,
    Volume,
)

_NAMED_DIRECTORIES: Final = frozenset(
    {Role.WRITABLE, Role.INIT, Role.LAYER, Role.LINK, Role.MOUNT, Role.CONTAINER_DIR, Role.METADATA}
)
"""Roles of places whose last part alone names the entry, as in the output of ``du``."""
_NAMELESS: Final = frozenset({"", "merged", "diff", "fs", "rootfs", "work"})
"""Last parts that every layer has."""


def hash_path(path: str) -> int:
    """Return the number that a place's path has in ``path_keys``."""
    return _number(path)


def hash_token(text: str) -> int:
    """Return the number that a token has in ``ref_keys``."""
    return _number(text)


def token(kind: str, value: str) -> str:
    """Return the text by which entries are found that ``value`` names as ``kind``.

    Kinds of containers are ``id``, ``name``, ``task``, ``service``, ``stack``, ``mount-id``, ``init-id``, ``image``,
    ``image-id``, ``label`` (``key`` or ``key=value``), ``volume``, ``bind`` (its source), ``chain`` (the layer it
    stands on) and ``dir`` (the last part of a directory's path); layers have ``id``, ``chain``, ``parent``,
    ``cache-id``, ``diff-id`` and ``dir``; images ``id``, ``image``, ``image-id`` and ``chain`` (each layer); volumes
    and binds ``id``, ``volume`` or ``bind``, ``label``.

    >>> token("image", "docker.io/library/nginx:1.27")
    'image:nginx:1.27'
    """
    if kind == "image":
        value = _familiar(value)
    return f"{_SAME.get(kind, kind)}:{value}"


_SAME: Final = {"snapshot-id": "mount-id", "task-id": "task", "service-id": "service"}
"""Kinds of names that nobody could confuse with those that stand beside them."""


def entry_id(root: str, key: str) -> UUID:
    """Return what stands for root and key in the primary key: 128 bits of their hash."""
    return UUID(bytes=blake2b(f"{len(root)}:{root}{key}".encode(), digest_size=16).digest())


def path_keys(entry: Entry) -> list[int]:
    """Return the numbers of the entry's places, sorted, each once."""
    return sorted({_number(place.path) for place in entry.paths})


def ref_keys(entry: Entry) -> list[int]:
    """Return the numbers of the entry's tokens, sorted, each once."""
    return numbers(tokens(entry))


def numbers(texts: Iterable[str]) -> list[int]:
    """Return the numbers of these tokens, sorted, each once."""
    return sorted({_number(text) for text in texts})


def tokens(entry: Entry) -> list[str]:
    """Return every token that the entry is found by; some come twice."""
    match entry:
        case Container():
            return container_tokens(entry)
        case Layer():
            return _joined(_layer(entry))
        case Image():
            return _joined(_image(entry))
        case Volume():
            return _joined(_volume(entry))
        case Bind():
            return _joined(_bind(entry))


def container_tokens(container: Container | ContainerRow) -> list[str]:
    """Return every token that a container is found by; some come twice.

    Readers compare them with what was asked, because numbers can collide.
    """
    return _joined(_container(container))


@lru_cache(maxsize=4096)
def image_names(reference: str) -> tuple[str, ...]:
    """Return every way to write an image reference that people use for it, without docker's default registry.

    >>> image_names("docker.io/library/nginx:latest")
    ('nginx:latest', 'nginx')
    >>> image_names("shop/web:1@sha256:ab")
    ('shop/web:1@sha256:ab', 'shop/web:1', 'shop/web', 'shop/web@sha256:ab')
    """
    short = _familiar(reference)
    named, at, digest = short.partition("@")
    # A colon before the last slash belongs to the registry's port.
    folder, slash, last = named.rpartition("/")
    last, colon, tag = last.partition(":")
    repository = f"{folder}{slash}{last}"
    names = [short, named, repository]
    if at:
        names.append(f"{repository}@{digest}")
    elif not colon or tag == "latest":
        names.append(f"{repository}:latest")
    return tuple(dict.fromkeys(names)) if repository else ()


def _familiar(reference: str) -> str:
    return reference.removeprefix("docker.io/").removeprefix("library/")


_Names = Iterator[tuple[str, str]]


def _joined(names: _Names) -> list[str]:
    return [f"{kind}:{value}" for kind, value in names if value]


def _container(container: Container | ContainerRow) -> _Names:
    yield "id", container.key if isinstance(container, Container) else container.container_id
    yield "name", container.name
    yield from _services(container.labels)
    for name in image_names(container.image):
        yield "image", name
    yield from _with_hex("image-id", container.image_id)
    yield "mount-id", container.mount_id or ""
    yield "init-id", container.init_id or ""
    yield "chain", container.parent_chain_id or ""
    for mount in container.mounts:
        yield "volume", mount.name
        if mount.type == "bind":
            yield "bind", mount.source
    yield from _labels(container.labels)
    yield from _directories(container.paths)


def _services(labels: dict[str, str]) -> _Names:
    yield "service", labels.get(LABEL_SERVICE, "")
    yield "service", labels.get(LABEL_SERVICE_ID, "")
    yield "service", labels.get(LABEL_COMPOSE_SERVICE, "")
    yield "stack", labels.get(LABEL_STACK, "")
    yield "stack", labels.get(LABEL_COMPOSE_PROJECT, "")
    task, task_id = labels.get(LABEL_TASK, ""), labels.get(LABEL_TASK_ID, "")
    yield "task", task
    yield "task", task_id
    slot = task.removesuffix(f".{task_id}")
    yield "task", slot  # "shop_web.1" of "shop_web.1.<task ID>"
    stack = labels.get(LABEL_STACK, "")
    if stack:
        # "web" of "shop_web": what its stack's file calls it.
        for kind, name in (("service", labels.get(LABEL_SERVICE, "")), ("task", slot)):
            yield kind, name.removeprefix(f"{stack}_")


def _layer(layer: Layer) -> _Names:
    yield from _with_hex("id", layer.key)
    chain = layer.key.rpartition("/")[2]  # without the backend, where two hold the same content
    yield "cache-id", layer.cache_id
    yield "diff-id", layer.diff_id
    yield "parent", layer.parent
    if layer.use is LayerUse.IMAGE:
        yield "chain", chain
        yield from _with_hex("id", chain)
    yield from _directories(layer.paths)


def _image(image: Image) -> _Names:
    yield from _with_hex("id", image.key)
    yield from _with_hex("image-id", image.key)
    for reference in (*image.tags, *image.digests):
        for name in image_names(reference):
            yield "image", name
    for layer in image.layers:
        yield "chain", layer
    yield from _directories(image.paths)


def _volume(volume: Volume) -> _Names:
    yield "id", volume.key
    yield "volume", volume.key
    yield from _labels(volume.labels)


def _bind(bind: Bind) -> _Names:
    yield "id", bind.key
    yield "bind", bind.key


def _labels(labels: dict[str, str]) -> _Names:
    for name, value in labels.items():
        yield "label", name
        yield "label", f"{name}={value}"


def _directories(places: Iterable[Place]) -> _Names:
    for place in places:
        if place.role in _NAMED_DIRECTORIES:
            name = place.path.rpartition("/")[2]
            if name not in _NAMELESS:
                yield "dir", name


def _with_hex(kind: str, name: str) -> _Names:
    yield kind, name
    if name.startswith("sha256:"):
        yield kind, name.removeprefix("sha256:")


@lru_cache(maxsize=65_536)
def _number(text: str) -> int:
    # Labels, images and services repeat over a cluster.
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)
