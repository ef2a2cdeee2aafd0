"""The only module that speaks to the engine; the only importer of ``docker``.

Requests go through the SDK's own session, so its addresses and API versions hold, but answers are decoded
here, from the bytes straight into the few fields that are wanted: the SDK's list of 5,000
containers takes 96 MiB as dictionaries. What is not wanted (environment, proxies, options of volumes) is never decoded.
Engine API: https://docs.docker.com/reference/api/engine/ (1.24 and newer).
"""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Collection, Iterator
from typing import Any, Final, Self, TypeVar

import docker
import msgspec
from docker.errors import DockerException

from agent.errors import (
    EngineError,
    EngineForbiddenError,
    EngineQuietError,
    EngineRefusedError,
    EngineUnavailableError,
)
from agent.facts import EngineFacts, Info, facts
from agent.listing import InspectedDriver, ListedContainer, ListedImage, ListedVolume, Listing
from agent.roster import SwarmNode, SwarmService, roster
from protocol.roster import Roster

T = TypeVar("T")

_CHUNK: Final = 256 * 1024
_MAX_EVENT: Final = 4 * 1024 * 1024
IDS_AT_ONCE: Final = 200
"""Most containers that one filtered list asks for: the filter travels in the URL."""
QUIET: Final = 300.0
"""Seconds without an event after which a stream is given up: it may hang, and nothing else would show that."""

_WATCHED: Final = {
    "type": ["container", "image", "volume"],
    "event": [
        *("create", "start", "die", "oom", "destroy", "rename", "pause", "unpause", "update"),
        *("delete", "import", "load", "pull", "tag", "untag", "prune"),
    ],
}
"""Filter of the event stream: health checks alone would wake the agent hundreds of times a second."""


class Actor(msgspec.Struct, frozen=True, rename={"id": "ID"}, gc=False):
    """What an event is about. Its attributes (all labels) are not decoded."""

    id: str = ""


class Event(msgspec.Struct, frozen=True, rename="pascal", gc=False):
    """One event; API 1.52 dropped every other name of these fields."""

    type: str = ""
    action: str = ""
    actor: Actor = Actor()


class _Volumes(msgspec.Struct, frozen=True, rename="pascal"):
    volumes: list[ListedVolume] | None = None


class _Inspected(msgspec.Struct, frozen=True, rename="pascal"):
    graph_driver: InspectedDriver | None = None


class Engine:
    """The engine at one address. Blocking; its methods may be called from several threads.

    Every method raises ``EngineError``: ``EngineUnavailableError`` when nobody answers, ``EngineForbiddenError`` when
    this user may not ask, ``EngineRefusedError`` when the answer is an error.
    """

    def __init__(self, address: str, *, timeout: float = 60.0) -> None:
        self.address = address
        self._timeout = timeout
        self.process = _translate(address, lambda: _knock(address, timeout))
        """Who listens at the address, 0 if that is not known: it is elsewhere, or in a PID namespace not seen here."""
        self._client = _translate(
            address, lambda: docker.APIClient(base_url=address, version="auto", timeout=max(1, round(timeout)))
        )
        # Proxies and .netrc are for the network; looking for them costs more than a heartbeat.
        self._client.trust_env = False

    def close(self) -> None:
        """Close every idle connection."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def info(self) -> EngineFacts:
        """Return what the engine says about itself and its storage."""
        return facts(self._get("info", Info), self._client.api_version)

    def listing(self) -> Listing:
        """Return everything there is: all containers, images (intermediate ones too) and volumes."""
        return Listing(
            containers=tuple(self._get("containers/json", list[ListedContainer], all="1")),
            images=tuple(self._get("images/json", list[ListedImage], all="1")),
            volumes=tuple(self._get("volumes", _Volumes).volumes or ()),
            drivers={},
        )

    def containers(self, ids: Collection[str]) -> tuple[ListedContainer, ...]:
        """Return those of the containers ``ids`` (at most ``IDS_AT_ONCE``) that exist."""
        filters = msgspec.json.encode({"id": sorted(ids)}).decode()
        return tuple(self._get("containers/json", list[ListedContainer], all="1", filters=filters))

    def roster(self) -> Roster:
        """Return what this manager knows of its Swarm; a worker, or a manager without quorum, refuses."""
        began = time.monotonic()
        nodes = self._get("nodes", list[SwarmNode])
        services = self._get("services", list[SwarmService])
        return roster(nodes, services, read_ago=round(time.monotonic() - began, 3))

    def inspect_drivers(self, ids: Collection[str]) -> dict[str, InspectedDriver]:
        """Return what ``inspect`` says of the containers' graph drivers; containers that went are left out.

        One request each: only for a user who cannot read the data root.
        """
        drivers = {}
        for container_id in ids:
            try:
                inspected = self._get(f"containers/{container_id}/json", _Inspected)
            except EngineRefusedError:
                continue
            if inspected.graph_driver is not None:
                drivers[container_id] = inspected.graph_driver
        return drivers

    def events(self, *, quiet: float = QUIET) -> "EventStream":
        """Subscribe, and return the stream once the engine has begun it: from then on nothing is missed silently.

        ``quiet`` is the time, in seconds, without an event after which the stream ends.
        """
        filters = msgspec.json.encode(_WATCHED).decode()
        response = self._open("events", {"filters": filters}, quiet)
        return EventStream(self.address, response, quiet)

    def _get(self, path: str, answer: type[T], **params: str) -> T:
        response = self._open(path, params, self._timeout)
        with response:
            content = bytearray()
            for chunk in _translated(self.address, response.iter_content(_CHUNK)):
                content += chunk
        try:
            return msgspec.json.decode(content, type=answer)
        except msgspec.DecodeError as exc:
            raise EngineRefusedError(f"the engine at {self.address} answered /{path} with no answer: {exc}") from exc

    def _open(self, path: str, params: dict[str, str], patience: float) -> Any:
        url = f"{self._client.base_url}/v{self._client.api_version}/{path}"
        response = _translate(
            self.address,
            lambda: self._client.get(url, params=params, stream=True, timeout=(self._timeout, patience)),
        )
        if response.status_code != 200:
            with response:
                said = _translate(self.address, lambda: response.text[:300])
            raise EngineRefusedError(
                f"the engine at {self.address} answered /{path} with {response.status_code}: {said}"
            )
        return response


class EventStream:
    """Events as they come. Every end is a disconnect, whatever the cause: subscribe again, then list again.

    The exception is a stream that was only quiet: lists come from time to time anyway, and most nodes are quiet.
    ``close`` may be called from another thread and ends the iteration.
    """

    def __init__(self, address: str, response: Any, quiet: float) -> None:
        self._address = address
        self._response = response
        self._quiet = quiet
        self._closing = threading.Event()
        self._reading = False

    def __iter__(self) -> Iterator[Event]:
        """Yield events; return when closed.

        Raises:
            EngineQuietError: no event came for so long as ``Engine.events`` was told.
            EngineUnavailableError: it ended in any other way.
        """
        self._reading = True
        decoder = msgspec.json.Decoder(Event)
        rest = bytearray()
        try:
            for chunk in _translated(self._address, self._response.iter_content(None)):
                rest += chunk
                *lines, tail = rest.split(b"\n")
                rest = bytearray(tail)
                if len(rest) > _MAX_EVENT:
                    raise EngineUnavailableError(f"the engine at {self._address} sent an event without an end")
                for line in filter(None, map(bytes.strip, map(bytes, lines))):
                    yield _event(decoder, line)
        except EngineError as exc:
            if self._closing.is_set():
                return
            if any(isinstance(cause, TimeoutError) for cause in _causes(exc)):
                raise EngineQuietError(f"the engine at {self._address} sent no event for {self._quiet:g} s") from exc
            raise
        else:
            if not self._closing.is_set():
                raise EngineUnavailableError(f"the engine at {self._address} ended the event stream")
        finally:
            self._response.close()

    def close(self) -> None:
        """End the stream. A reader that waits for the next event stops waiting."""
        self._closing.set()
        if not self._reading:
            self._response.close()
            return
        # Only the reader may close what it reads from; the end of the input wakes it.
        with contextlib.suppress(OSError, RuntimeError, ValueError):  # it has ended by itself
            self._response.raw.shutdown()


def _event(decoder: msgspec.json.Decoder[Event], line: bytes) -> Event:
    """Decode one event; one that makes no sense becomes the empty event, which hints at everything."""
    try:
        return decoder.decode(line)
    except msgspec.DecodeError:
        return Event()


def _knock(address: str, timeout: float) -> int:
    """Connect and hang up: the plain error says more than the one that the SDK wraps around it.

    Returns the process that listens there (``SO_PEERCRED`` of unix(7)), 0 where none is told.
    """
    path = address.removeprefix("unix://")
    if path == address:
        return 0
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(timeout)
        probe.connect(path)
        process: int = struct.unpack("3i", probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
        return process


def _translate(address: str, call: Callable[[], T]) -> T:
    try:
        return call()
    except (DockerException, OSError) as exc:  # every error of requests is an OSError
        raise _meaning(address, exc) from exc


def _translated(address: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from chunks
    except (DockerException, OSError) as exc:
        raise _meaning(address, exc) from exc


def _meaning(address: str, exc: BaseException) -> EngineError:
    """Say what an error of the SDK means; the operating system's own error is buried in its causes."""
    for cause in _causes(exc):
        if isinstance(cause, PermissionError):
            return EngineForbiddenError(
                f"the engine's socket {address} may not be used by this user; add the user to the group docker "
                "(`sudo usermod -aG docker $USER`, then log in again), or run the agent as root"
            )
        if isinstance(cause, TimeoutError):
            return EngineUnavailableError(f"the engine at {address} did not answer in time")
        if isinstance(cause, (FileNotFoundError, ConnectionRefusedError)):
            return EngineUnavailableError(f"no engine answers at {address}; is it running?")
    return EngineUnavailableError(f"the engine at {address} cannot be reached: {exc}")


def _causes(exc: BaseException) -> Iterator[BaseException]:
    """Yield an error and everything that it was made from (urllib3 puts causes into arguments)."""
    pending, seen = [exc], set[int]()
    while pending:
        current = pending.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        linked = (current.__cause__, current.__context__, getattr(current, "reason", None), *current.args)
        pending.extend(item for item in linked if isinstance(item, BaseException))
