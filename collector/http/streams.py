"""NDJSON: one row a line, sent as they come, so that memory stays flat however many there are."""

from collections.abc import AsyncIterator
from typing import Final

from aiohttp import web

from collector.http.negotiation import NDJSON

_FLUSH: Final = 64 * 1024


async def send(request: web.Request, lines: AsyncIterator[bytes]) -> web.StreamResponse:
    """Answer with ``lines``, each without its newline.

    The status is sent before the first row is known. What fails later cuts the answer off without its last chunk,
    which every HTTP client reports; a whole answer ends with the line that carries the coverage.
    """
    response = web.StreamResponse(headers={"Content-Type": NDJSON})
    buffer = bytearray()
    async for line in lines:
        buffer += line
        buffer += b"\n"
        if len(buffer) >= _FLUSH:
            if not response.prepared:
                await response.prepare(request)
            await response.write(bytes(buffer))
            buffer.clear()
    if not response.prepared:
        await response.prepare(request)
    await response.write(bytes(buffer))
    await response.write_eof()
    return response
