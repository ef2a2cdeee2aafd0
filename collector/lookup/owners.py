"""From an entry and a path below one of its places to an owner; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from collector.lookup.paths import HostPath, inside, join, nearest
from collector.lookup.sentences import sentence
from collector.store.read.found import Found
from collector.store.read.places import BackendDirectory
from protocol import entries
from protocol.answers import ContainerBrief, Owner
from protocol.entries import Bind, Container, Image, Kind, Layer, Place, Role, Volume

MAX_USERS: Final = 100
"""Most containers, and most images, that one owner lists; its totals say how many there are."""


@dataclass(frozen=True, slots=True)
class Users:
    """Who uses a layer, volume or bind on its node."""

    containers: Sequence[Container] = ()
    images: Sequence[Image] = ()


def held(found: Found, path: HostPath) -> tuple[Place, str] | None:
    """Return the entry's place that holds the path most closely, and the rest of the path below it."""
    return nearest(found.entry.paths, path)


def owner(found: Found, place: Place, rest: str, users: Users) -> Owner:
    """Return what owns ``rest`` below ``place``, with the sentence that says so."""
    entry = found.entry
    seen = inside(rest, place.views)
    briefs: list[ContainerBrief] = []
    if isinstance(entry, Volume | Bind):
        briefs = [one for container in _sorted(users.containers) for one in _mounting(container, entry, seen)]
        places = {brief.inside for brief in briefs}
        seen = places.pop() if len(places) == 1 else None
    elif isinstance(entry, Layer):
        briefs = [brief(container) for container in _sorted(users.containers)]
    images = sorted({image_name(image) for image in users.images})
    unfinished = Owner(
        cluster=found.node.cluster,
        node=found.node.node,
        hostname=found.node.hostname,
        kind=entry.KIND,
        role=place.role,
        key=entry.key,
        root=entry.root,
        matched=place.path,
        inside=seen,
        use=entry.use if isinstance(entry, Layer) else None,
        containers=briefs[:MAX_USERS],
        containers_total=len({one.container_id for one in briefs}),
        images=images[:MAX_USERS],
        images_total=len(images),
        began=found.began,
        ended=found.ended,
        certain=found.certain,
    )
    named = msgspec.structs.replace(unfinished, **_names(entry))
    return msgspec.structs.replace(named, sentence=sentence(named))


def _names(entry: entries.Entry) -> dict[str, str]:
    match entry:
        case Container():
            service, stack = service_of(entry), stack_of(entry)
            return {"name": entry.name, "image": entry.image, "service": service, "stack": stack}
        case Image():
            return {"image": image_name(entry)}
        case Volume() | Bind():
            return {"name": entry.key}
        case _:
            return {}


def brief(container: Container, destination: str | None = None, seen: str | None = None) -> ContainerBrief:
    """Return what names a container in the answer about something that it uses."""
    return ContainerBrief(
        container_id=container.key,
        name=container.name,
        state=container.state,
        image=container.image,
        service=service_of(container),
        stack=stack_of(container),
        task=container.labels.get(entries.LABEL_TASK, ""),
        destination=destination,
        inside=seen,
    )


def backend(found: BackendDirectory) -> Owner:
    """Return the storage backend that a directory around its layers belongs to."""
    unfinished = Owner(
        cluster=found.node.cluster,
        node=found.node.node,
        hostname=found.node.hostname,
        kind=Kind.LAYER,
        role=Role.BACKEND,
        key=found.backend,
        root=found.root,
        matched=found.path,
        inside=None,
    )
    return msgspec.structs.replace(unfinished, sentence=sentence(unfinished))


def _mounting(container: Container, mounted: Volume | Bind, below: str | None) -> list[ContainerBrief]:
    """Return the container once for every time that it mounts the thing.

    ``below`` is the path seen from the mount's own root, with a leading slash; ``None`` outside its contents.
    """
    return [
        brief(container, mount.destination, join(mount.destination, below) if below is not None else None)
        for mount in container.mounts
        if (mount.name if isinstance(mounted, Volume) else mount.source) == mounted.key
    ] or [brief(container)]


def _sorted(containers: Sequence[Container]) -> list[Container]:
    return sorted(containers, key=lambda container: (container.state != "running", container.name, container.key))


def image_name(image: Image) -> str:
    """Return what people call an image: its first tag, else a digest, else its ID."""
    return next(iter((*image.tags, *image.digests)), image.key)


def service_of(container: Container) -> str:
    """Return the Swarm service's name, or Compose's, or ``""``."""
    return entries.first_label(container.labels, entries.SERVICE_LABELS)


def stack_of(container: Container) -> str:
    """Return the stack's name, or that of Compose's project, or ``""``."""
    return entries.first_label(container.labels, entries.STACK_LABELS)
