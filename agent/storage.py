"""What containers are made from and write to beside their layers: images, volumes and bind sources, as entries."""

from collections.abc import Iterable, Iterator

from agent.backends import volumedb
from agent.backends.base import DataRoot
from agent.backends.discover import Disk
from agent.backends.files import holds_directory, names
from agent.backends.volumedb import RecordedVolume
from agent.config_v2 import from_unix
from agent.listing import ListedImage, ListedVolume, Listing
from protocol.entries import Bind, Container, Image, Kind, Place, Role, Volume
from protocol.text import clean


def images(disk: Disk, listing: Listing | None) -> Iterator[Image]:
    """Yield the images: from disk, which knows their layers; where nothing can be read, from the engine's list.

    An image ID that two backends hold (after a switch) is one entry: that of the backend in use.
    """
    found: dict[str, Image] = {}
    for reader in disk.readers:
        for image in reader.images():
            found.setdefault(image.key, image)
    if listing is not None:
        for item in listing.images:
            if item.id not in found:
                found[item.id] = _listed_image(disk, item)
    yield from found.values()


def _listed_image(disk: Disk, item: ListedImage) -> Image:
    return Image(
        root=disk.root.host,
        key=clean(item.id),
        tags=_named(item.repo_tags),
        digests=_named(item.repo_digests),
        created_at=from_unix(item.created),
        backend=disk.driver,
        reason="known from the engine's list only: its layers are not",
    )


def _named(references: list[str] | None) -> tuple[str, ...]:
    """Return references without the engine's words for none."""
    return tuple(sorted(clean(name) for name in references or () if not name.startswith("<none>")))


def volumes(disk: Disk, listing: Listing | None) -> Iterator[Volume]:
    """Yield the volumes that the engine lists, or with no engine those on disk and those that it wrote down."""
    if listing is not None:
        for item in listing.volumes:
            yield _listed_volume(disk.root, item)
        return
    if disk.unreadable:
        return
    known = volumedb.recorded(disk.root.local, disk.problems)
    for name in sorted(names(f"{disk.root.local}/volumes", disk.problems, Kind.VOLUME)):
        if holds_directory(f"{disk.root.local}/volumes/{name}/_data", disk.problems, Kind.VOLUME):
            mountpoint = f"{disk.root.host}/volumes/{clean(name)}/_data"
            yield _recorded_volume(disk.root, name, known.pop(name, RecordedVolume()), mountpoint)
    for name, record in sorted(known.items()):
        if record.driver != "local":  # one of that driver without a directory is just being made or removed
            yield _recorded_volume(disk.root, name, record, "")


def _recorded_volume(root: DataRoot, name: str, record: RecordedVolume, mountpoint: str) -> Volume:
    """Return a volume as the disk tells; one of a plugin has no directory there."""
    return Volume(
        root=root.host,
        key=clean(name),
        paths=_volume_places(root, mountpoint),
        driver=clean(record.driver) or "local",
        mountpoint=mountpoint,
        labels=_labels(record.labels),
    )


def _listed_volume(root: DataRoot, item: ListedVolume) -> Volume:
    mountpoint = clean(item.mountpoint)
    return Volume(
        root=root.host,
        key=clean(item.name),
        paths=_volume_places(root, mountpoint),
        driver=clean(item.driver),
        mountpoint=mountpoint,
        created_at=clean(item.created_at),
        labels=_labels(item.labels),
    )


def _labels(labels: dict[str, str] | None) -> dict[str, str]:
    return {clean(name): clean(value) for name, value in (labels or {}).items()}


def _volume_places(root: DataRoot, mountpoint: str) -> tuple[Place, ...]:
    """Return the places of a volume; one of a plugin may have no path until it is mounted."""
    below = f"{root.host}/volumes/"
    if mountpoint.startswith(below) and mountpoint.endswith("/_data"):
        relative = mountpoint.removeprefix(f"{root.host}/")
        return (
            *root.places(relative, Role.VOLUME, (".",)),
            *root.places(relative.removesuffix("/_data"), Role.VOLUME_DIR),
        )
    return (Place(mountpoint, Role.VOLUME, (".",)),) if mountpoint.startswith("/") else ()


def binds(disk: Disk, containers: Iterable[Container]) -> Iterator[Bind]:
    """Yield every host path that one of the containers mounts."""
    sources = {
        mount.source
        for container in containers
        for mount in container.mounts
        if mount.type == "bind" and mount.source.startswith("/")
    }
    for source in sorted(sources):
        yield Bind(root=disk.root.host, key=source, paths=(Place(source, Role.SOURCE, (".",)),))
