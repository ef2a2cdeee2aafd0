"""The agent's eyes: the engine's lists joined with the data root on disk. Blocking; one look at a time.

With an engine its lists say which containers there are, and the disk where they lie; without one (*files only*, or
an engine that has not answered yet) the disk says both. Once an engine has answered the disk alone is
never believed again: what it says of states is as old as the engine's last change.
"""

import os
import threading
import time
from dataclasses import replace
from typing import Self

import msgspec

from agent import elsewhere, remapping
from agent.backends import discover
from agent.backends.discover import Disk
from agent.config import Config
from agent.engine import Engine, EventStream
from agent.facts import EngineFacts
from agent.inventory import take
from agent.listing import InspectedDriver, Listing
from agent.observation import Observation
from agent.storage import binds
from protocol import messages
from protocol.entries import Container, Entry, EntryKey, Kind
from protocol.roster import Roster
from protocol.text import clean


class Lookout:
    """Sees the node that the configuration describes; use it as a context manager."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._connection: Engine | None = None
        self._facts = EngineFacts(messages.Engine(), {})
        self._drivers: dict[str, InspectedDriver] = {}
        self._seen = messages.Engine()
        self._through = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._connection is not None:
            self._connection.close()

    @property
    def connected(self) -> bool:
        """Whether an engine has ever answered."""
        return self._connection is not None

    @property
    def engine(self) -> messages.Engine:
        """What the last look found out about the engine."""
        return self._seen

    @property
    def host_root(self) -> str:
        """Where the host's / is seen: as configured, or through the engine's process if that has mounts of its own."""
        return self._config.host_root or self._through

    @property
    def local_root(self) -> str:
        """The data root as the agent reads it, its links followed."""
        return self.host_root + discover.real_path(self._data_root, self.host_root)

    @property
    def _data_root(self) -> str:
        """The data root as the host names it."""
        return (
            self._config.data_root or self._facts.engine.data_root or elsewhere.usual_data_root(self._config.host_root)
        )

    def subscribe(self) -> EventStream:
        """Connect to the engine, ask what it is, and subscribe to its events.

        Raises:
            EngineError: it cannot be asked.
        """
        connection = Engine(self._config.docker_host, timeout=self._config.engine_timeout)
        try:
            facts = connection.info()
            stream = connection.events()
        except BaseException:
            connection.close()
            raise
        with self._lock:
            before, self._connection, self._facts = self._connection, connection, facts
            self._drivers = {}
            self._through = elsewhere.through(connection.process, self._data_root)
        if before is not None:
            before.close()
        return stream

    def look(self, ids: frozenset[str] | None, hash_version: int) -> Observation:
        """Look at these containers, or at everything when None; hash what is found in this version.

        Raises:
            EngineError: the engine cannot be asked.
        """
        at = time.monotonic()
        with self._lock:
            connection = self._connection
        listing = None if connection is None else self._listing(connection, ids)
        containerd = self._config.containerd_root
        disks = discover.look(
            self._data_root,
            driver=self._facts.engine.driver,
            status=self._facts.status,
            prefix=self.host_root,
            containerd=discover.named(containerd, self.host_root) if containerd else None,
        )
        if connection is not None and listing is not None and disks[0].unreadable:
            listing = replace(listing, drivers=self._inspected(connection, listing, everything=ids is None))
        found = take(disks, listing, only=ids)
        self._seen = self._described(disks[0])
        problems = found.problems
        if disks[0].unreadable and remapping.in_user_namespace():
            problems = (remapping.sentence(self._config, self._seen, disks[0].root.host), *problems)
        return Observation.of(
            found.entries if ids is None else [*found.entries, *_bound(disks, found.entries)],
            at=at,
            hash_version=hash_version,
            complete=found.complete,
            asked=None if ids is None else _keys(disks, ids) - found.uncertain,
            problems=problems,
            backends=found.backends,
        )

    def roster(self) -> Roster | None:
        """Return what this node knows of its Swarm, None when it is no manager.

        Raises:
            EngineError: the engine cannot be asked, or there is no quorum.
        """
        with self._lock:
            connection = self._connection
        if connection is None or not self._facts.engine.manager:
            return None
        return connection.roster()

    def _listing(self, connection: Engine, ids: frozenset[str] | None) -> Listing:
        if ids is not None:
            return Listing(connection.containers(ids), (), (), {})
        self._facts = connection.info()  # a node joins a Swarm, or becomes a manager, without a restart
        return connection.listing()

    def _inspected(self, connection: Engine, listing: Listing, *, everything: bool) -> dict[str, InspectedDriver]:
        """Return the graph drivers of the listed containers. They never change, so each is asked for once."""
        listed = {container.id for container in listing.containers}
        if everything:
            self._drivers = {key: driver for key, driver in self._drivers.items() if key in listed}
        self._drivers |= connection.inspect_drivers(sorted(listed - self._drivers.keys()))
        return self._drivers

    def _described(self, disk: Disk) -> messages.Engine:
        engine = self._facts.engine
        if not engine.socket:
            machine = os.uname()
            engine = messages.Engine(
                engine_id=_first_line(f"{disk.root.local}/engine-id"),
                arch=machine.machine,
                kernel=clean(machine.release),
                hostname=_first_line(f"{self._config.host_root}/etc/hostname") or clean(machine.nodename),
            )
        return msgspec.structs.replace(engine, data_root=disk.root.host, readable=not disk.unreadable)


def _bound(disks: list[Disk], entries: list[Entry]) -> list[Entry]:
    """Return the bind sources of these containers. That one is no longer used only a full look can tell."""
    return [
        bind
        for disk in disks
        for bind in binds(disk, [one for one in entries if isinstance(one, Container) and one.root == disk.root.host])
    ]


def _keys(disks: list[Disk], ids: frozenset[str]) -> set[EntryKey]:
    return {EntryKey(Kind.CONTAINER, disk.root.host, container_id) for disk in disks for container_id in ids}


def _first_line(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return clean(file.readline(256).strip())
    except OSError:
        return ""
