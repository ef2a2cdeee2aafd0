"""What the engine's API says about its node, as plain values.

``agent.engine`` fills them; the rest of the agent reads only these, so it needs no engine to be tested.
Field names follow the Engine API (``GET /containers/json``, ``/images/json``, ``/volumes``, ``/info``); what is
not needed is not decoded, which keeps five thousand containers small.
"""

from dataclasses import dataclass

import msgspec


class ListedMount(msgspec.Struct, frozen=True, rename="pascal", gc=False):
    """One of a container's ``Mounts``."""

    type: str = ""
    name: str = ""
    source: str = ""
    destination: str = ""
    driver: str = ""
    mode: str = ""
    rw: bool = msgspec.field(default=True, name="RW")
    propagation: str = ""


class ListedContainer(msgspec.Struct, frozen=True, rename="pascal", gc=False):
    """One item of ``GET /containers/json?all=1``. ``created`` is in seconds since 1970."""

    id: str
    names: list[str] | None = None
    image: str = ""
    image_id: str = msgspec.field(default="", name="ImageID")
    created: int = 0
    state: str = ""
    status: str = ""
    labels: dict[str, str] | None = None
    mounts: list[ListedMount] | None = None


class ListedImage(msgspec.Struct, frozen=True, rename="pascal", gc=False):
    """One item of ``GET /images/json?all=1``. ``created`` is in seconds since 1970."""

    id: str
    repo_tags: list[str] | None = None
    repo_digests: list[str] | None = None
    created: int = 0


class ListedVolume(msgspec.Struct, frozen=True, rename="pascal", gc=False):
    """One item of ``GET /volumes``; its ``Options`` are never read, they hold passwords."""

    name: str
    driver: str = ""
    mountpoint: str = ""
    created_at: str = ""
    labels: dict[str, str] | None = None


class InspectedDriver(msgspec.Struct, frozen=True, rename="pascal", gc=False):
    """``GraphDriver`` of ``GET /containers/<id>/json``: used only when the data root cannot be read."""

    name: str = ""
    data: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """One complete look at the engine: every list was read to its end.

    ``drivers`` maps container IDs to what ``inspect`` says of their graph driver; it is filled only when asked for.
    """

    containers: tuple[ListedContainer, ...]
    images: tuple[ListedImage, ...]
    volumes: tuple[ListedVolume, ...]
    drivers: dict[str, InspectedDriver]
