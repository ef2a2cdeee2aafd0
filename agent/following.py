"""Where to look: the engine's events, or with no engine the times of files on disk."""

import asyncio
import time
from typing import Final, NoReturn, Protocol

import structlog

from agent.backoff import delay, draw
from agent.engine import EventStream
from agent.errors import EngineError, EngineQuietError
from agent.filewatch import Changes, FileWatch
from agent.hints import Hints

_log = structlog.stdlib.get_logger("agent.following")

REST: Final = 600.0
"""Costly work is followed by so many times its CPU time without it: a sixth of a percent of a core."""
_SETTLED: Final = 10.0
"""A stream that lasted so many seconds was one of a working engine."""


class Source(Protocol):
    """What can be followed: ``agent.lookout.Lookout``."""

    @property
    def local_root(self) -> str:
        """The data root as the agent reads it."""

    @property
    def connected(self) -> bool:
        """Whether an engine has ever answered."""

    def subscribe(self) -> EventStream:
        """Connect to the engine and subscribe to its events. Blocking; raises EngineError."""


class Follower:
    """Turns events into hints. ``poll`` is the least time between two looks at files, in seconds.

    An engine that was once heard is waited for; until then, and with ``files_only`` for good, the files are compared.
    """

    def __init__(self, source: Source, hints: Hints, *, files_only: bool, poll: float) -> None:
        self._source, self._hints = source, hints
        self._files_only, self._poll_every = files_only, poll
        self._files: FileWatch | None = None

    async def run(self) -> NoReturn:
        """Follow until cancelled."""
        if self._files_only:
            await self._compare_files(float("inf"))
        failures, said, quiet = 0, "", False
        while True:
            began = time.monotonic()
            try:
                await self._follow_events(renewed=quiet)
            except EngineQuietError as exc:
                _log.debug("the engine's events are subscribed to anew", why=str(exc))
                failures, quiet = 0, True
                continue
            except EngineError as exc:
                quiet = False
                # The same sentence every minute would fill the log of a node without an engine.
                tell = _log.debug if str(exc) == said else _log.warning
                tell("the engine's events cannot be followed", why=str(exc))
                said = str(exc)
            failures = 1 if time.monotonic() - began > _SETTLED else failures + 1
            pause = delay(failures, draw())
            if self._source.connected:
                await asyncio.sleep(pause)
            else:
                await self._compare_files(pause)

    async def _follow_events(self, *, renewed: bool) -> None:
        """Subscribe, then have everything listed, then pass on events until the stream ends.

        ``renewed``: in place of a stream that was quiet. What that one may have kept back the next list finds, which
        on a large node costs more than all else that a quiet one does; it comes when it is due.
        """
        loop = asyncio.get_running_loop()
        stream = await asyncio.to_thread(self._source.subscribe)
        if not renewed:
            _log.info("following the engine's events")
            self._hints.everything()

        def read() -> None:
            for event in stream:
                loop.call_soon_threadsafe(self._hints.event, event)

        try:
            await asyncio.to_thread(read)
        finally:
            stream.close()  # when this task is cancelled the reader still waits for the next event

    async def _compare_files(self, seconds: float) -> None:
        """Compare the times of files for so many seconds."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self._files is None or self._files.root != self._source.local_root:
                self._files = FileWatch(self._source.local_root)
                self._hints.everything()
            changes, cost = await asyncio.to_thread(_timed, self._files)
            if changes.other:
                self._hints.everything()
            for container_id in changes.containers:
                self._hints.container(container_id)
            await asyncio.sleep(min(left, max(self._poll_every, REST * cost)))


def _timed(files: FileWatch) -> tuple[Changes, float]:
    began = time.thread_time()
    changes = files.poll()
    return changes, time.thread_time() - began
