"""What every storage backend is to the rest of the agent."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from protocol.entries import BackendType, Image, Kind, Layer, PathKind, Place, ResolvedBy, Role
from protocol.text import clean, from_path


@dataclass(frozen=True, slots=True)
class DataRoot:
    """A directory tree with two names: where the agent reads it, and what the host calls it.

    ``local`` is the agent's own path (below its mount of the host, or of a dead node's disk). ``host`` is the
    engine's name of it (``/var/lib/docker``); ``aliases`` are further host names of the same directory, when
    the data root is a link. No path ends with a slash.
    """

    local: str
    host: str
    aliases: tuple[str, ...] = ()

    def places(self, relative: str, role: Role, views: tuple[str, ...] = ()) -> tuple[Place, ...]:
        """Return the place at ``relative`` below the root, once under each of its host names."""
        relative = clean(relative)
        if not self.aliases:
            return (Place(f"{self.host}/{relative}", role, views),)
        return tuple(Place(f"{name}/{relative}", role, views) for name in (self.host, *self.aliases))


class Resolution(msgspec.Struct, frozen=True, gc=False):
    """Where one container's files lie; the fields are those of ``protocol.entries.Container``."""

    backend: str
    mount_id: str | None = None
    init_id: str | None = None
    diff_path: str | None = None
    path_kind: PathKind | None = None
    parent_chain_id: str | None = None
    resolved_by: ResolvedBy = ResolvedBy.UNRESOLVED
    reason: str = ""
    paths: tuple[Place, ...] = ()


@dataclass(slots=True)
class Problems:
    """Collects sentences about what could not be read; each names the path it is about.

    ``incomplete`` are the kinds whose enumeration was not read to its end: what is missing may still be there.
    """

    sentences: list[str] = field(default_factory=list)
    incomplete: set[Kind] = field(default_factory=set)

    def add(self, path: str | bytes, what: str) -> None:
        """Record that ``what`` is wrong at ``path``."""
        self.sentences.append(f"{from_path(path)}: {what}")

    def interrupted(self, path: str | bytes, what: str, kind: Kind) -> None:
        """Record that the entries of ``kind`` at ``path`` could not be enumerated to their end."""
        self.add(path, what)
        self.incomplete.add(kind)


class BackendReader(Protocol):
    """One storage backend below one data root, read from disk.

    Methods never raise for what they find on disk: what cannot be read becomes a ``Resolution`` or ``Layer`` with a
    ``reason``, or a problem; an enumeration that was not read to its end makes the problems ``incomplete``.
    A reader lives for one look at the disk: it may keep what it has read.
    """

    @property
    def name(self) -> str:
        """The graph driver or snapshotter."""

    @property
    def type(self) -> BackendType:
        """Which of the two it is."""

    @property
    def problems(self) -> Problems:
        """What could not be read so far."""

    def container_ids(self) -> list[str]:
        """Return the IDs of every container that has a writable layer here."""

    def resolve(self, container_id: str) -> Resolution | None:
        """Return where the container's layers are, or None when this backend has never heard of it."""

    def layers(self) -> Iterator[Layer]:
        """Yield every image layer, and every other directory that is no container's."""

    def images(self) -> Iterator[Image]:
        """Yield every image whose layers are kept here."""
