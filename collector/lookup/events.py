"""What happened between two versions that follow one another; pure."""

from typing import Any, Final

import msgspec

from protocol.entries import Container, Entry, Image, Kind, Volume
from protocol.memory import Event

_TOLD: Final = frozenset({"state", "exit_code", "oom_killed", "started_at", "finished_at", "name"})
"""Fields of a container that have words of their own."""
_ENDED: Final = ("exited", "dead")
_RUNS: Final = ("running", "paused", "restarting")


def events(
    before: Entry | None, after: Entry | None, *, first_look: bool = False, why: str | None = None
) -> list[Event]:
    """Return what happened between two versions, in the order of the engine's times.

    ``before`` None: it was not there; ``after`` None: it is gone. ``first_look``: it was there when its node was looked
    at for the first time, so what happened to it earlier is not told. ``why`` is why the older one ended: with a
    superseded node ID it is not gone, but only no longer told of under this ID.
    """
    if after is None and why == "superseded":
        return [Event(event="superseded")]
    if after is None:
        return [Event(event="removed")]
    if before is None:
        return [Event(event="first-seen", engine_at=_made(after))] if first_look else _new(after)
    found: list[Event] = []
    if isinstance(before, Container) and isinstance(after, Container):
        found = _container(before, after)
    rest = differing(before, after)
    if after.KIND is Kind.CONTAINER:
        rest = [name for name in rest if name not in _TOLD]
    if rest or not found:
        found.append(Event(event="changed", fields=rest or differing(before, after)))
    return found


def differing(before: Entry, after: Entry) -> list[str]:
    """Return the names of the fields that differ."""
    return [name for name in before.__struct_fields__ if getattr(before, name) != getattr(after, name, None)]


def fields(entry: Entry) -> dict[str, Any]:
    """Return an entry's fields as answers have them: those that are not the default, without kind, root and key."""
    built: dict[str, Any] = msgspec.to_builtins(entry)
    return {name: value for name, value in built.items() if name not in ("kind", "root", "key")}


def _new(entry: Entry) -> list[Event]:
    found = [Event(event="created", engine_at=_made(entry) if not isinstance(entry, Image) else "")]
    if isinstance(entry, Container):
        if entry.started_at or entry.state in _RUNS:
            found.append(Event(event="started", engine_at=entry.started_at))
        if entry.state in _ENDED:
            found.append(_died(entry))
        elif entry.state == "paused":
            found.append(Event(event="paused"))
    return found


def _container(before: Container, after: Container) -> list[Event]:
    renamed = [Event(event="renamed", old=before.name, new=after.name)] if after.name != before.name else []
    started = bool(after.started_at) and after.started_at != before.started_at
    finished = bool(after.finished_at) and after.finished_at != before.finished_at
    if after.state in _ENDED:
        return renamed + _ended(before, after, started=started, finished=finished)
    if after.state in _RUNS:
        return renamed + _runs(before, after, started=started, finished=finished)
    if before.state in _RUNS:
        return [*renamed, Event(event="stopped", engine_at=after.finished_at)]
    return renamed


def _ended(before: Container, after: Container, *, started: bool, finished: bool) -> list[Event]:
    was_running = before.state in _RUNS
    if not (finished or was_running or started):
        return []
    found = []
    if started and was_running:
        # It ended, was started, and ended again: of the first end nobody kept the exit code.
        found.append(Event(event="died"))
    if started:
        found.append(Event(event="started", engine_at=after.started_at))
    return [*found, _died(after)]


def _runs(before: Container, after: Container, *, started: bool, finished: bool) -> list[Event]:
    was_running = before.state in _RUNS
    found = []
    if was_running and (started or finished):
        found.append(Event(event="died", engine_at=after.finished_at if finished else ""))
    if started or not was_running:
        found.append(Event(event="started", engine_at=after.started_at))
    if after.state == "paused" != before.state:
        found.append(Event(event="paused"))
    elif before.state == "paused" != after.state and not started:
        found.append(Event(event="unpaused"))
    return found


def _died(entry: Container) -> Event:
    return Event(event="died", engine_at=entry.finished_at, exit_code=entry.exit_code, oom_killed=entry.oom_killed)


def _made(entry: Entry) -> str:
    return entry.created_at if isinstance(entry, Container | Image | Volume) else ""
