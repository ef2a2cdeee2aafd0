"""A load on a server in another process: HTTP/1.1 over plain sockets, so that the load is not what is measured.

aiohttp's client costs more than its server; here a request is bytes that were made before, and an answer is cut out.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol
from urllib.parse import urlsplit

_END = b"\r\n\r\n"
_LENGTH = b"content-length:"


class Job(Protocol):
    """One request, and who wants its answer."""

    def request(self) -> bytes:
        """Return the whole request."""

    def answered(self, status: int, body: bytes) -> None:
        """Take the answer."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """The same request, whose answer must be 200."""

    data: bytes

    def request(self) -> bytes:
        """Return the whole request."""
        return self.data

    def answered(self, status: int, body: bytes) -> None:
        """Look at the status.

        Raises:
            RuntimeError: it is not 200.
        """
        if status != 200:
            raise RuntimeError(f"status {status}: {body[:300].decode(errors='replace')}")


class Settled:
    """A job whose request was made before, and whose answer is looked at when ``settle`` is called."""

    def __init__(self, job: Job) -> None:
        self._job, self._data = job, job.request()
        self._answer: tuple[int, bytes] | None = None

    def request(self) -> bytes:
        """Return the whole request."""
        return self._data

    def answered(self, status: int, body: bytes) -> None:
        """Keep the answer."""
        self._answer = status, body

    def settle(self) -> None:
        """Give the answer to the job, if it came.

        Raises:
            Exception: what the job raises at its answer.
        """
        if self._answer is not None:
            self._job.answered(*self._answer)


def post(path: str, token: str, data: bytes, encoding: str = "") -> bytes:
    """Return a POST request of JSON."""
    head = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: Bearer {token}",
        "Content-Type: application/json",
        f"Content-Length: {len(data)}",
        *([f"Content-Encoding: {encoding}"] if encoding else []),
    ]
    return "\r\n".join(head).encode() + _END + data


class _Lane(asyncio.Protocol):
    """One connection: a job after the other, each when the one before was answered."""

    def __init__(self, jobs: Iterator[Job]) -> None:
        self.done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._jobs, self._job, self._count = jobs, None, 0
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    _job: Job | None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
            self._next()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head = self._buffer.find(_END)
        if head < 0 or self._job is None:
            return
        lower = bytes(self._buffer[:head]).lower()
        at = lower.find(_LENGTH) + len(_LENGTH)
        length = int(lower[at : lower.find(b"\r", at) if b"\r" in lower[at:] else len(lower)])
        end = head + len(_END) + length
        if len(self._buffer) < end:
            return
        status, body = int(lower[9:12]), bytes(self._buffer[head + len(_END) : end])
        del self._buffer[:end]
        try:
            self._job.answered(status, body)
        except Exception as exc:
            self._fail(exc)
            return
        self._count += 1
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionResetError("the server closed the connection"))

    def _next(self) -> None:
        self._job = next(self._jobs, None)
        if self._transport is None:
            return
        if self._job is not None:
            self._transport.write(self._job.request())
        else:
            self.done.set_result(self._count)
            self._transport.close()

    def _fail(self, exc: Exception) -> None:
        self.done.set_exception(exc)
        if self._transport is not None:
            self._transport.close()


async def run(url: str, lanes: Sequence[Iterator[Job]]) -> int:
    """Work off every lane on a connection of its own, all at once; return how many answers came.

    Raises:
        OSError: the server cannot be reached, or closes a connection.
        Exception: what a job raises at its answer.
    """
    parts = urlsplit(url)
    if not parts.hostname or not parts.port:
        raise ValueError(f"{url} names no host and port")
    loop = asyncio.get_running_loop()
    made = []
    for jobs in lanes:
        _, lane = await loop.create_connection(partial(_Lane, jobs), parts.hostname, parts.port)
        made.append(lane)
    return sum(await asyncio.gather(*(lane.done for lane in made)))
