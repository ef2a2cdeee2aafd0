"""Hints without an engine: which containers' files changed since the last look at the data root's directories."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed: these containers, and perhaps something else."""

    containers: frozenset[str]
    other: bool


@dataclass(slots=True)
class FileWatch:
    """Compares modification times below one data root (``root``, as the agent reads it). Blocking.

    The engine replaces ``containers/<cid>/config.v2.json`` at every change of a container; images, layers
    and volumes come and go as names in a few directories.
    """

    root: str
    _containers: dict[str, int] = field(default_factory=dict)
    _others: dict[str, int] = field(default_factory=dict)

    def poll(self) -> Changes:
        """Return what changed since the last call; the first one finds everything changed.

        What cannot be read counts as absent: saying why is the business of the look that follows.
        """
        containers = dict(_configurations(os.path.join(self.root, "containers")))
        others = dict(_shared(self.root))
        before, self._containers = self._containers, containers
        changed = {cid for cid, stamp in containers.items() if before.get(cid) != stamp} | (before.keys() - containers)
        other, self._others = others != self._others, others
        return Changes(frozenset(changed), other)


def _configurations(directory: str) -> Iterator[tuple[str, int]]:
    with contextlib.suppress(OSError), os.scandir(directory) as folders:
        for folder in folders:
            with contextlib.suppress(OSError):
                yield folder.name, os.stat(f"{directory}/{folder.name}/config.v2.json").st_mtime_ns


def _shared(root: str) -> Iterator[tuple[str, int]]:
    """Yield the times of what images, layers and volumes are recorded in, but not of what each container touches."""
    paths = [os.path.join(root, "volumes")]
    with contextlib.suppress(OSError), os.scandir(os.path.join(root, "image")) as drivers:
        for driver in drivers:
            paths += [
                os.path.join(driver.path, "repositories.json"),
                os.path.join(driver.path, "layerdb", "sha256"),
            ]
    for path in paths:
        with contextlib.suppress(OSError):
            yield path, os.stat(path).st_mtime_ns
