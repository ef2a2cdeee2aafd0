"""A container's own record: ``containers/<id>/config.v2.json`` (``config.json`` before Engine 1.10).

Only what the register wants is decoded; the environment, the command and health checks' output never are.
Sources: moby ``daemon/container/{container,state}.go``, ``volume/mounts/mounts.go``; ``container/container.go`` of 1.9.
"""

from datetime import UTC, datetime, timedelta
from typing import Final, Literal, TypeVar

import msgspec

from agent.backends.files import UnreadableError, read
from protocol.entries import Mount
from protocol.text import clean

T = TypeVar("T", bound="Life")

LIMIT: Final = 4 * 1024 * 1024
"""Most bytes of a record; those with the largest labels seen have some hundred kilobytes."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER: Final = "0001-01-01T00:00:00"
"""How Go writes a time that was never set."""


class State(msgspec.Struct, frozen=True, rename="pascal", gc=False):
    """What the container was doing when the engine last wrote its record."""

    running: bool = False
    paused: bool = False
    restarting: bool = False
    removal_in_progress: bool = False
    dead: bool = False
    oom_killed: bool = msgspec.field(default=False, name="OOMKilled")
    exit_code: int = 0
    started_at: str = ""
    finished_at: str = ""

    @property
    def word(self) -> str:
        """The state as the engine's API names it (moby ``State.StateString``)."""
        if self.running:
            return "paused" if self.paused else "restarting" if self.restarting else "running"
        if self.removal_in_progress:
            return "removing"
        if self.dead:
            return "dead"
        return "exited" if moment(self.started_at) else "created"


class Settings(msgspec.Struct, frozen=True, rename="pascal", gc=False):
    """The container's ``Config``, without its environment."""

    image: str = ""
    labels: dict[str, str] | None = None


class MountPoint(msgspec.Struct, frozen=True, rename="pascal", gc=False):
    """One of the container's ``MountPoints``."""

    type: str = ""
    name: str = ""
    source: str = ""
    destination: str = ""
    driver: str = ""
    relabel: str = ""
    rw: bool = msgspec.field(default=True, name="RW")
    propagation: str = ""

    def mount(self, data_root: str) -> Mount:
        """Return it as the engine's API would list it."""
        kind = self.type or ("volume" if self.name else "bind")
        source = self.source
        if kind == "volume" and not source and self.driver in {"", "local"}:
            source = f"{data_root}/volumes/{self.name}/_data"
        return Mount(
            type=clean(kind),
            destination=clean(self.destination),
            name=clean(self.name),
            source=clean(source),
            driver=clean(self.driver),
            mode=clean(self.relabel),
            rw=self.rw,
            propagation=clean(self.propagation),
        )


class Life(msgspec.Struct, frozen=True, rename="pascal", gc=False):
    """What of a record the engine's list does not say: the storage driver, exact times, how it ended."""

    driver: str = ""
    created: str = ""
    state: State = State()


class Record(Life, frozen=True, rename="pascal", gc=False):
    """One container's record. ``image`` is the image's ID, ``config.image`` the name it was created from."""

    id: str = msgspec.field(default="", name="ID")
    name: str = ""
    image: str = ""
    config: Settings = Settings()
    mount_points: dict[str, MountPoint] | None = None
    volumes: dict[str, str] | None = None
    """Destination → source, before Engine 1.7."""

    def mounts(self, data_root: str) -> tuple[Mount, ...]:
        """Return the container's mounts, by destination."""
        points = [point.mount(data_root) for point in (self.mount_points or {}).values()]
        if not points and self.volumes:
            points = [Mount(type="bind", destination=clean(to), source=clean(at)) for to, at in self.volumes.items()]
        return tuple(sorted(points, key=lambda mount: mount.destination))


_RECORD: Final = msgspec.json.Decoder(Record)
_LIFE: Final = msgspec.json.Decoder(Life)


def load(directory: str, file: Literal["config.v2.json", "config.json"] = "config.v2.json") -> Record | None:
    """Return the record in a container's directory, or None when there is none.

    Raises:
        UnreadableError: it is there and cannot be used.
    """
    return _load(f"{directory}/{file}", _RECORD)


def load_life(directory: str) -> Life | None:
    """Return what the engine's list does not say of a container, or None when it has no record.

    Raises:
        UnreadableError: it is there and cannot be used.
    """
    return _load(f"{directory}/config.v2.json", _LIFE)


def _load(path: str, decoder: msgspec.json.Decoder[T]) -> T | None:
    data = read(path, LIMIT)
    if data is None:
        return None
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise UnreadableError(f"is no container's record: {exc}") from exc


def from_unix(seconds: int) -> str:
    """Return a time of the engine's lists, in seconds since 1970, or ``""`` when it is none."""
    if not 0 < seconds < 1 << 37:
        return ""
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: str) -> str:
    """Return an engine's time, or ``""`` when it was never set."""
    return "" if text.startswith(_NEVER) else clean(text)
