"""Layer directories that no container and no image names: build cache, half removed, just being made, or orphans.

An orphan is an accusation: somebody may delete it. So nothing is called one while anything that could have
named it could not be read.
"""

import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from agent.backends.base import Problems
from protocol.entries import Kind, LayerUse

GRACE: Final = 600.0
"""Seconds for which nothing about a directory may have changed before it is called an orphan."""

_MOST: Final = 20_000
"""So many entries of a directory that nothing names are looked at before it is called an orphan."""

Claims = Callable[[], frozenset[str] | None]
"""Names of layer directories that the build cache claims; None: it has records, and they cannot be read."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When a data root is looked at, in seconds since 1970. ``grace`` is 0 where no engine is at work."""

    now: float
    grace: float = GRACE

    @classmethod
    def of(cls, now: float | None, grace: float = GRACE) -> "Moment":
        """Return the moment ``now``, or the present one when None."""
        return cls(time.time() if now is None else now, grace)

    def is_new(self, changed: float) -> bool:
        """Whether what changed then may still be being made or removed."""
        return self.grace > 0 and self.now - changed < self.grace


def classify(
    name: str, tops: Sequence[str], *, claimed: frozenset[str] | None, doubt: str, moment: Moment
) -> tuple[LayerUse, str]:
    """Return what the directory ``name`` is there for, and what says so.

    ``tops`` are the paths whose change shows that somebody works on it; ``doubt`` says what could not be read and may
    have named it, ``""`` if nothing.
    """
    if name.endswith("-removing"):
        return LayerUse.REMOVING, "its name ends in -removing: the engine was interrupted while it deleted it"
    if claimed is None:
        return LayerUse.UNCLAIMED, "no container and no image names it; the build cache's records cannot be read"
    if name in claimed or name.removesuffix("-init") in claimed:
        return LayerUse.BUILD_CACHE, "the build cache's records name it"
    if doubt:
        return LayerUse.UNCLAIMED, f"no container and no image that could be read names it, but {doubt}"
    if not moment.grace:
        return LayerUse.ORPHAN, "no container, image or build cache names it, and no engine is at work here"
    if _is_new(tops, moment):
        return LayerUse.UNCLAIMED, "no container, image or build cache names it, but it was changed lately"
    return LayerUse.ORPHAN, "no container, image or build cache names it, and nothing about it changed lately"


def unread(problems: Problems) -> str:
    """Return the doubt that an interrupted enumeration leaves, ``""`` if there is none."""
    missing = problems.incomplete & {Kind.CONTAINER, Kind.LAYER}
    return f"not every {' and '.join(sorted(missing))} could be read" if missing else ""


def _is_new(tops: Sequence[str], moment: Moment) -> bool:
    """Whether anything in one of the directories changed within the grace period.

    Most that is new shows at the top. A tree of more than ``_MOST`` entries is looked at in part: what writes to it
    changes directories near the top sooner or later, and every look begins anew.
    """
    todo = deque(tops)
    left = _MOST
    while todo and left > 0:
        top = todo.popleft()
        try:
            # The time of the last change of the inode: unlike mtime it cannot be set to the past, as unpacking does.
            if moment.is_new(os.lstat(top).st_ctime):
                return True
            with os.scandir(top) as found:
                for entry in found:
                    left -= 1
                    if moment.is_new(entry.stat(follow_symlinks=False).st_ctime):
                        return True
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(entry.path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            return True  # what cannot be looked at is not accused
    return False
