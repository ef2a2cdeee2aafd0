"""The only module that speaks HTTP to collectors.

Every message goes to the collector that answered last; when it cannot be reached the others are tried in
turn. Trying another one after a lost answer is safe: every message may arrive twice.
"""

import asyncio
import io
import socket
import ssl
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

import aiohttp
import msgspec
import structlog

from agent.errors import ConfigError
from agent.outcome import Outcome, Rejected, Reply, Unreachable
from agent.wire import Body
from protocol.messages import API
from protocol.problems import Problem, ProblemType, problem_uri
from protocol.version import RELEASE

_log = structlog.stdlib.get_logger("agent.client")

_ONE_WRITE: Final = 64 * 1024
_MAX_ANSWER: Final = 32 * 1024 * 1024
_UNHEARD: Final = 10_000
"""Milliseconds after which a connection is broken whose other side does not confirm what was sent: a collector that
vanished together with its node. One that only takes its time is heard."""
_GATEWAY_ERRORS: Final = frozenset({502, 504})
_TYPES: Final = {problem_uri(kind): kind for kind in ProblemType}


class CollectorClient:
    """A connection to one of several collectors; use it as an asynchronous context manager.

    ``token`` is called before every request, so that a replaced token is taken up, and may block; one that is never
    replaced is given as it is. TLS is always verified, against ``ca_file`` (PEM) or the system's certificates.
    """

    def __init__(
        self, collectors: tuple[str, ...], token: Callable[[], str] | str, *, ca_file: str = "", timeout: float = 30.0
    ) -> None:
        self._urls = [url.rstrip("/") for url in collectors]
        self._token = token
        self._ca_file = ca_file
        self._timeout = aiohttp.ClientTimeout(total=timeout, sock_connect=min(timeout, 10.0))
        self._session: aiohttp.ClientSession | None = None

    @property
    def collectors(self) -> tuple[str, ...]:
        """The collectors in the order in which they are tried next."""
        return tuple(self._urls)

    async def __aenter__(self) -> Self:
        encrypted = any(urlsplit(url).scheme == "https" for url in self._urls)
        # Loading the system's certificates costs 3 MiB: only when they are needed.
        context = ssl.create_default_context(cafile=self._ca_file or None) if encrypted else True
        # Heartbeats come every 15 s: a connection kept for longer than that is made once.
        connector = aiohttp.TCPConnector(limit=1, keepalive_timeout=60.0, ssl=context, socket_factory=_socket)
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=self._timeout,
            headers={"User-Agent": f"mountbook-agent/{RELEASE}", "Content-Type": "application/json"},
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def post(self, name: str, body: Body, answer: type[Reply]) -> Outcome:
        """Send the message ``name`` ("hello", "delta", …); every failure is a value, none an exception."""
        try:
            token = self._token if isinstance(self._token, str) else await asyncio.to_thread(self._token)
        except ConfigError as exc:
            return Unreachable(str(exc))
        headers = {"Authorization": f"Bearer {token}"}
        if body.encoding:
            headers["Content-Encoding"] = body.encoding
        silences = []
        for url in self.collectors:
            outcome = await self._post_to(url, name, body.data, headers, answer)
            if not isinstance(outcome, Unreachable):
                if url != self._urls[0]:
                    _log.info("another collector answers", collector=url)
                    self._urls.remove(url)
                    self._urls.insert(0, url)
                return outcome
            silences.append(outcome.detail)
        return Unreachable("; ".join(silences))

    async def _post_to(self, url: str, name: str, data: bytes, headers: dict[str, str], answer: type[Reply]) -> Outcome:
        if self._session is None:
            raise RuntimeError("the client is not open: use it as an asynchronous context manager")
        try:
            # A redirect would carry the token to an address that nobody configured.
            # Of bytes aiohttp would make one write; a buffer it sends in pieces.
            payload = data if len(data) <= _ONE_WRITE else io.BytesIO(data)
            async with self._session.post(
                f"{url}{API}/{name}", data=payload, headers=headers, allow_redirects=False
            ) as response:
                content = await _content(response)
                return _read(url, response.status, response.headers.get("Retry-After", ""), content, answer)
        except TimeoutError:
            return Unreachable(f"{url} did not answer in {self._timeout.total:g} s")
        except (aiohttp.ClientError, OSError) as exc:
            return Unreachable(f"{url} cannot be reached: {str(exc) or type(exc).__name__}")


def _socket(address: aiohttp.AddrInfoType) -> socket.socket:
    """Return a socket for a connection to this address, which notices when nobody is there any more."""
    family, kind, protocol, *_ = address
    made = socket.socket(family, kind, protocol)
    made.setblocking(False)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNHEARD)
    return made


async def _content(response: aiohttp.ClientResponse) -> bytes:
    """Read the answer's body, cut off where no answer of ours would still go on."""
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > _MAX_ANSWER:
            break
    return bytes(content)


def _read(url: str, status: int, retry_after: str, content: bytes, answer: type[Reply]) -> Outcome:
    if status == 200:
        try:
            return msgspec.json.decode(content, type=answer)
        except msgspec.DecodeError as exc:
            return Unreachable(f"{url} answered with something that is no {answer.__name__}: {exc}")
    if 300 <= status < 400:
        return Unreachable(f"{url} redirects; set MOUNTBOOK_URL to the address it redirects to")
    if status in _GATEWAY_ERRORS:
        return Unreachable(f"{url}: a proxy answers for it with {status}")
    try:
        problem = msgspec.json.decode(content, type=Problem)
        kind, detail = _TYPES.get(problem.type), problem.detail
        detail = f"{detail} ({problem.field})" if problem.field else detail
    except msgspec.DecodeError:
        kind, detail = None, content[:200].decode(errors="replace")
    return Rejected(kind, status, detail or f"status {status}", _seconds(retry_after))


def _seconds(retry_after: str) -> float:
    """Read Retry-After; its other form, a date, would need two clocks that agree, so it counts as not given."""
    return min(float(retry_after), 3600.0) if retry_after.isascii() and retry_after.isdigit() else 0.0
