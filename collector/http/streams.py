"""NDJSON: one row a line, sent as they come, so that memory stays flat however many there are."""

from collections.abc import AsyncIterator
from typing import Final

import structlog
from aiohttp import web

from collector.http import access
from collector.http.negotiation import NDJSON

_FLUSH: Final = 64 * 1024

log = structlog.get_logger(__name__)


async def send(request: web.Request, lines: AsyncIterator[bytes]) -> web.StreamResponse:
    """Answer with ``lines``, each without its newline.

    What fails before the first bytes are sent is a problem document like everywhere. What fails later cuts the
    connection, which every HTTP client reports; a whole answer ends with the line that carries the coverage.
    """
    response = web.StreamResponse(headers={"Content-Type": NDJSON})
    try:
        await _write(request, response, lines)
    except Exception:
        if not response.prepared:
            raise
        log.exception("a stream broke off", path=request.path)
        if request.transport is not None:
            request.transport.abort()
    return response


async def _write(request: web.Request, response: web.StreamResponse, lines: AsyncIterator[bytes]) -> None:
    buffer = bytearray()
    async for line in lines:
        buffer += line
        buffer += b"\n"
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
