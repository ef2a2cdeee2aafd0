"""The last acknowledged position, kept over a restart of the agent.

The next hello carries it, so that a collector whose database was restored from a backup sees what it
no longer knows. A position that is lost, or older than the truth, costs no entries: hello compares hashes.
"""

import os
from typing import Final

import msgspec
import structlog

from protocol.messages import Acknowledged

_NAME: Final = "position.json"
_log = structlog.stdlib.get_logger("agent.position")


class Position(msgspec.Struct, frozen=True):
    """What was acknowledged last."""

    acknowledged: Acknowledged


class PositionFile:
    """``position.json`` in the agent's state directory; without a directory nothing is kept."""

    def __init__(self, state_dir: str) -> None:
        self._path = os.path.join(state_dir, _NAME) if state_dir else ""

    def load(self) -> Position | None:
        """Return the position, or None when there is none or it cannot be read (a damaged one is reported)."""
        if not self._path:
            return None
        try:
            with open(self._path, "rb") as file:
                return msgspec.json.decode(file.read(4096), type=Position)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as exc:
            _log.warning(
                "the last acknowledged position cannot be read; starting without", path=self._path, why=str(exc)
            )
            return None

    def save(self, position: Position) -> None:
        """Replace the position atomically; a full or read-only volume is reported, and nothing more.

        Not synced to the disk: after a power cut an older position, or none, is as good.
        """
        if not self._path:
            return
        fresh = f"{self._path}.new"
        try:
            with open(fresh, "wb") as file:
                file.write(msgspec.json.encode(position))
            os.replace(fresh, self._path)
        except OSError as exc:
            _log.warning("the acknowledged position cannot be kept", path=self._path, why=str(exc))
