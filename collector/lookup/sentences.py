"""An owner in plain English: what it is, whose, on which node, and the path inside."""

from collections.abc import Callable
from typing import Final

from protocol.answers import Owner
from protocol.entries import Kind, LayerUse, Role

_CONTAINER_ROLES: Final = {
    Role.WRITABLE: "writable layer of",
    Role.INIT: "init layer of",
    Role.LINK: "writable layer (by its short link) of",
    Role.MOUNT: "mounted view of",
    Role.CONTAINER_DIR: "the engine's own files (log, configuration) of",
    Role.METADATA: "the storage backend's records of",
}
_LAYER_USES: Final = {
    LayerUse.IMAGE: "image layer {key}",
    LayerUse.BUILD_CACHE: "build cache layer {key}",
    LayerUse.REMOVING: "layer {key}, which the engine was deleting when it was interrupted",
    LayerUse.UNCLAIMED: "layer directory {key}, which nothing claims (yet: it is younger than the grace period)",
    LayerUse.ORPHAN: "orphan: layer directory {key}, which nothing claims",
}


def sentence(owner: Owner) -> str:
    """Return one line about the owner; ``owner.sentence`` is not looked at."""
    subject = _SUBJECTS[owner.kind](owner)
    text = f"{subject} on node {owner.hostname or owner.node}"
    return f"{text}: {owner.inside} inside" if owner.inside is not None else text


def container_name(name: str, key: str) -> str:
    """Return what people call a container: its name, or the first twelve digits of its ID."""
    return name or key[:12]


def short_key(key: str) -> str:
    """Return a layer or image ID in docker's short form; other keys as they are."""
    algorithm, colon, digits = key.partition(":")
    return f"{algorithm}:{digits[:12]}" if colon and len(digits) == 64 else key


def _container(owner: Owner) -> str:
    lead = _CONTAINER_ROLES.get(owner.role, f"{owner.role.value} of")
    within = [f"{what} {name}" for what, name in (("service", owner.service), ("stack", owner.stack)) if name]
    detail = f" ({', '.join(within)})" if within else ""
    return f"{lead} container {container_name(owner.name, owner.key)}{detail}"


def _layer(owner: Owner) -> str:
    if owner.role is Role.BACKEND:
        return f"directory of the storage backend {owner.key} itself, around its layers,"
    text = _LAYER_USES[owner.use or LayerUse.IMAGE].format(key=short_key(owner.key))
    users = []
    if owner.images:
        more = f" and {owner.images_total - 1} more" if owner.images_total > 1 else ""
        users.append(f"of {owner.images[0]}{more}")
    if owner.containers_total:
        users.append(f"used by {_count(owner.containers_total, 'container')}")
    return " ".join([text, ", ".join(users)]) if users else text


def _image(owner: Owner) -> str:
    return f"the storage backend's records of image {owner.image or short_key(owner.key)}"


def _volume(owner: Owner) -> str:
    return f"volume {owner.key}, {_mounted_by(owner)}"


def _bind(owner: Owner) -> str:
    return f"host directory {owner.key}, {_mounted_by(owner)}"


def _mounted_by(owner: Owner) -> str:
    if not owner.containers:
        return "mounted by no container"
    first = owner.containers[0]
    text = f"mounted by {container_name(first.name, first.container_id)}"
    if first.destination:
        text += f" at {first.destination}"
    return f"{text} and {owner.containers_total - 1} more" if owner.containers_total > 1 else text


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


_SUBJECTS: Final[dict[Kind, Callable[[Owner], str]]] = {
    Kind.CONTAINER: _container,
    Kind.LAYER: _layer,
    Kind.IMAGE: _image,
    Kind.VOLUME: _volume,
    Kind.BIND: _bind,
}
