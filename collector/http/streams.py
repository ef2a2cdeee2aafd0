"""What is sent as it comes, so that memory stays flat however much it is: lines of NDJSON, and files."""

from collections.abc import AsyncIterator, Mapping
from typing import Final

import structlog
from aiohttp import web

from collector.http import access
from collector.http.negotiation import NDJSON

_FLUSH: Final = 64 * 1024

log = structlog.get_logger(__name__)


async def send(request: web.Request, lines: AsyncIterator[bytes]) -> web.StreamResponse:
    """Answer with ``lines``, each without its newline; as ``send_file``."""

    async def ended() -> AsyncIterator[bytes]:
        async for line in lines:
            yield line + b"\n"

    return await send_file(request, {"Content-Type": NDJSON}, ended())


async def send_file(
    request: web.Request, headers: Mapping[str, str], pieces: AsyncIterator[bytes]
) -> web.StreamResponse:
    """Answer with ``pieces``, one behind the other.

    What fails before the first bytes are sent is a problem document like everywhere. What fails later cuts the
    connection, which every HTTP client reports; a whole answer has an end that says so.
    """
    response = web.StreamResponse(headers=headers)
    try:
        await _write(request, response, pieces)
    except Exception:
        if not response.prepared:
            raise
        log.exception("a stream broke off", path=request.path)
        if request.transport is not None:
            request.transport.abort()
    return response


async def _write(request: web.Request, response: web.StreamResponse, pieces: AsyncIterator[bytes]) -> None:
    buffer = bytearray()
    async for piece in pieces:
        buffer += piece
        if len(buffer) >= _FLUSH:
            if not response.prepared:
                await _begin(request, response)
            await response.write(bytes(buffer))
            buffer.clear()
    if not response.prepared:
        await _begin(request, response)
    await response.write(bytes(buffer))
    await response.write_eof()


async def _begin(request: web.Request, response: web.StreamResponse) -> None:
    await access.record(request, response.status)
    await response.prepare(request)
