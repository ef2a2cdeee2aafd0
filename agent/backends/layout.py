"""Where a graph driver keeps its directories: one small value per driver, one module per driver.

Sources: moby ``daemon/graphdriver/<driver>`` of the last release that had it (aufs and overlay: 23, devicemapper: 24).
"""

from dataclasses import dataclass, field

from protocol.entries import PathKind, Role


@dataclass(frozen=True, slots=True)
class Beside:
    """Another place with the layer's name: ``directory/<id>/below``, relative to the data root."""

    directory: str
    role: Role
    below: str = ""
    views: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Layout:
    """How a graph driver lays out the directory of the layer ``<id>``: ``directory/<id>`` below the data root.

    ``diff`` and ``image_diff`` are the sub-directories with the files of a container's and of an image's layer (``""``:
    the directory itself), ``views`` and ``image_views`` those that show a root file system.
    ``link`` is the file in a layer's directory that holds its short name below ``links``. ``reserved`` are names in
    ``directory`` that are no layers.
    """

    driver: str
    path_kind: PathKind
    directory: str
    diff: str = ""
    image_diff: str = ""
    views: tuple[str, ...] = (".",)
    image_views: tuple[str, ...] = (".",)
    link: str = ""
    links: str = ""
    reserved: frozenset[str] = frozenset()
    beside: tuple[Beside, ...] = field(default=())
