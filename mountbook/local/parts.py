"""The parts of ``up``: started one after the other, ended in reverse, by a signal or because one of them fails."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from mountbook.errors import UserError

T = TypeVar("T")

_GRACE: Final = 15.0
"""Seconds that a service has to end before the next one is ended all the same."""
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Parts:
    """Use it as an asynchronous context manager, in the program's main task.

    The first SIGINT, SIGTERM or SIGHUP cancels what runs inside the block, which then ends quietly: every part is ended
    in order. A second one waits for no service any more; what was given to ``at_end`` is done all the same.
    """

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self._services: list[asyncio.Task[Any]] = []
        self._hurry = asyncio.Event()
        self._main: asyncio.Task[Any] | None = None
        self.stopping = False
        """Whether a signal has asked for the end."""

    async def __aenter__(self) -> Self:
        self._main = asyncio.current_task()
        for number in _SIGNALS:
            asyncio.get_running_loop().add_signal_handler(number, self._signalled)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, _exc: BaseException | None, _traceback: TracebackType | None
    ) -> bool:
        await self._stack.aclose()
        for number in _SIGNALS:
            asyncio.get_running_loop().remove_signal_handler(number)
        return self.stopping and kind is asyncio.CancelledError

    def at_end(self, end: Callable[[], Awaitable[object]]) -> None:
        """Call and await ``end`` when everything that is started later has ended."""
        self._stack.push_async_callback(end)

    def service(self, name: str, work: Coroutine[Any, Any, object]) -> asyncio.Task[Any]:
        """Run something that ends only when it is cancelled; ``name`` is for sentences."""
        task = asyncio.create_task(work, name=name)
        self._services.append(task)
        self._stack.push_async_callback(self._end, task)
        return task

    async def while_all_run(self, awaited: Awaitable[T], limit: float | None = None) -> T:
        """Wait for something, at most ``limit`` seconds, unless a service ends meanwhile.

        Raises:
            TimeoutError: the time is over.
            UserError: a service ended by itself, without an exception.
            Exception: what a service ended with.
        """
        waiting = asyncio.ensure_future(awaited)
        try:
            done, _ = await asyncio.wait({waiting, *self._services}, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            for service in self._services:
                if service in done:
                    service.result()
                    raise UserError(f"{service.get_name()} ended by itself; the log says more.")
            if not done:
                raise TimeoutError
            return waiting.result()
        finally:
            waiting.cancel()

    def _signalled(self) -> None:
        if self.stopping or self._main is None:
            self._hurry.set()
            return
        self.stopping = True
        self._main.cancel()

    async def _end(self, service: asyncio.Task[Any]) -> None:
        service.cancel()
        hurry = asyncio.create_task(self._hurry.wait())
        await asyncio.wait({service, hurry}, timeout=_GRACE, return_when=asyncio.FIRST_COMPLETED)
        hurry.cancel()
        if service.done() and not service.cancelled():
            service.exception()  # it has been raised already, or came too late to matter
