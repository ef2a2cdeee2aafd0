"""What engines themselves say of their containers, event by event: the log that the register is compared with."""

import json
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests.swarm.engines import Engine

CLIENT: Final = "/usr/bin/docker"
SLACK: Final = 2.0
"""Seconds around an event within which the engine's own word for when it was is not taken for exact."""


@dataclass
class Life:
    """A container: seconds since 1970 between which it was there, as its engine says."""

    host: str
    begin: float = 0.0
    end: float = float("inf")
    paths: set[str] = field(default_factory=set)

    def surely(self, at: float) -> bool:
        """Whether it was there, and neither came nor went about then."""
        return self.begin + SLACK < at < self.end - SLACK

    def perhaps(self, at: float) -> bool:
        """Whether it was there, or came or went about then."""
        return self.begin - SLACK < at < self.end + SLACK

    @property
    def passing(self) -> bool:
        """Whether it came and went so quickly that an agent may never have seen it."""
        return self.end - self.begin < 4 * SLACK


class Journal:
    """Listens to engines until it is closed; then ``lives`` are the containers of each, by their IDs."""

    def __init__(self, engines: list[Engine], folder: Path) -> None:
        """Begin to listen; ``folder`` takes what is heard."""
        self.begin = datetime.now(UTC)
        self.lives: dict[str, Life] = {}
        self._engines = engines
        self._files = {engine: folder / f"{engine.host.name}.events" for engine in engines}
        self._listening: list[subprocess.Popen[bytes]] = []
        for engine, path in self._files.items():
            words = ("events", "--filter", "type=container", "--format", "{{json .}}")
            with path.open("wb") as file:
                self._listening.append(
                    subprocess.Popen([CLIENT, "-H", engine.url, *words], stdout=file, stdin=subprocess.DEVNULL)
                )
            for key in engine.docker("ps", "--all", "--quiet", "--no-trunc").split():
                self.lives[key] = Life(engine.host.name)

    def close(self) -> None:
        """Listen no more, and read what was heard."""
        for listening in self._listening:
            listening.terminate()
            listening.wait()
        self._listening.clear()
        for engine, path in self._files.items():
            for line in path.read_text().splitlines():
                self._read(engine.host.name, json.loads(line))

    def look(self) -> None:
        """Note the directory of every container that there is: the engine's own word, or its records on disk."""
        for engine in self._engines:
            for key in engine.docker("ps", "--all", "--quiet", "--no-trunc").split():
                if (path := _directory(engine, key)) is not None:
                    self.lives.setdefault(key, Life(engine.host.name)).paths.add(path)

    def _read(self, host: str, event: dict[str, object]) -> None:
        at, key = float(str(event["timeNano"])) / 1e9, str(event["id"])
        if event["Action"] == "create":
            self.lives.setdefault(key, Life(host)).begin = at
        elif event["Action"] == "destroy":
            self.lives.setdefault(key, Life(host)).end = at


def _directory(engine: Engine, key: str) -> str | None:
    """Return where a container's own files are; None where only containerd knows."""
    store = {"overlay2": "overlay2", "vfs": "vfs/dir", "btrfs": "btrfs/subvolumes"}.get(engine.backend)
    if store is None:
        return None
    record = engine.host.path(f"{engine.data_root}/image/{engine.backend}/layerdb/mounts/{key}/mount-id")
    try:
        return f"{engine.data_root}/{store}/{record.read_text()}"
    except FileNotFoundError:  # it went meanwhile
        return None
