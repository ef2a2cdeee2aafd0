"""What the engine wrote down about its volumes, in ``volumes/metadata.db``: their drivers and labels.

Those of plugins have no directory below the data root: only this names them. Options, which may hold passwords, are
never decoded. Source: moby ``daemon/volume/service/db.go`` (bucket ``volumes``: name → JSON).
"""

import msgspec

from agent.backends.base import Problems
from agent.backends.bbolt import Bolt
from agent.backends.boltfile import read
from agent.backends.boltmeta import BoltError
from protocol.entries import Kind


class RecordedVolume(msgspec.Struct, frozen=True, rename="pascal"):
    """One volume. ``labels`` is None where it has none."""

    driver: str = ""
    labels: dict[str, str] | None = None


def recorded(local_root: str, problems: Problems) -> dict[str, RecordedVolume]:
    """Return the records by the volumes' names; where they cannot be read that is a problem of the volumes."""
    path = f"{local_root}/volumes/metadata.db"
    try:
        raw = read(path, _records)
    except FileNotFoundError:
        return {}
    except BoltError as exc:
        problems.interrupted(path, str(exc), Kind.VOLUME)
        return {}
    found = {}
    for name, value in raw.items():
        shown = name.decode(errors="surrogateescape")
        try:
            found[shown] = msgspec.json.decode(value, type=RecordedVolume)
        except msgspec.DecodeError as exc:
            problems.interrupted(path, f"the record of {shown!r} cannot be used ({exc})", Kind.VOLUME)
    return found


def _records(bolt: Bolt) -> dict[bytes, bytes]:
    volumes = bolt.bucket(b"volumes")
    return dict(volumes.items()) if volumes is not None else {}
