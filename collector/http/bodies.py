"""Request bodies: read, inflated within bounds, and decoded with errors that name the field."""

import asyncio
import zlib
from collections.abc import Callable
from typing import Final, TypeVar

import msgspec
import zstandard
from aiohttp import web

from collector.errors import ProblemError
from protocol.messages import MAX_BODY
from protocol.problems import ProblemType

T = TypeVar("T")

_CHUNK: Final = 256 * 1024
_AT_ONCE: Final = 64 * 1024
"""A body of so many bytes is unpacked without giving others a turn."""
SLOWEST: Final = 60.0
"""Seconds in which a body has to arrive: who is slower holds a place that others need."""
MAX_WINDOW: Final = 8 * 1024 * 1024
"""Most memory that a zstd frame may ask for: the window of level 19, and what RFC 8878 advises."""


Take = Callable[[int], None]
"""Told of every so many bytes that are held from now on; raises ProblemError when that is too much."""


def _anything(_size: int) -> None:
    """Let everything be held."""


async def read(request: web.Request, limit: int = MAX_BODY) -> bytes:
    """Return the body as it was before ``Content-Encoding``; memory is bounded by ``limit``.

    Raises:
        ProblemError: as ``receive`` and ``inflate``.
    """
    return inflate(await receive(request, limit), encoding(request), limit)


def encoding(request: web.Request) -> str:
    """Return what the body claims to be packed with."""
    return request.headers.get("Content-Encoding", "identity").strip().lower()


async def receive(request: web.Request, limit: int, take: Take = _anything) -> bytes:
    """Return the body as it was sent.

    Raises:
        ProblemError: ``too-large``, it has more than ``limit`` bytes; ``busy``, it comes too slowly; and what ``take``
            raises.
    """
    if request.content_length is not None and request.content_length > limit:
        raise _too_large(limit)
    if request.content.is_eof():  # all of it came with its head: no clock has to run
        whole = request.content.read_nowait()
        if len(whole) > limit:
            raise _too_large(limit)
        take(len(whole))
        return whole
    sent = bytearray()
    try:
        async with asyncio.timeout(SLOWEST):
            async for chunk in request.content.iter_chunked(_CHUNK):
                take(len(chunk))
                sent += chunk
                if len(sent) > limit:
                    raise _too_large(limit)
    except TimeoutError:
        detail = f"the body has not arrived in {SLOWEST:g} s; send it again"
        raise ProblemError(ProblemType.BUSY, detail, retry_after=SLOWEST) from None
    return bytes(sent)


async def unpack(sent: bytes, encoding: str, decoder: msgspec.json.Decoder[T], limit: int, take: Take) -> T:
    """Return the message of a body; a large one is unpacked in a thread, so that others get their turn.

    Raises:
        ProblemError: as ``inflate`` and ``decode``.
    """

    def whole() -> T:
        return decode(inflate(sent, encoding, limit, take), decoder)

    return whole() if len(sent) <= _AT_ONCE else await asyncio.to_thread(whole)


def inflate(sent: bytes, encoding: str, limit: int, take: Take = _anything) -> bytes:
    """Return ``sent`` without its encoding: ``identity``, ``gzip`` or ``zstd``; never makes more than ``limit`` bytes.

    Raises:
        ProblemError: what ``take`` raises, which is told of every piece.
        ProblemError: ``bad-request``, it is not in that encoding, or the encoding is not spoken here.
        ProblemError: ``too-large``, it would inflate to more than ``limit`` bytes.
    """
    if encoding in {"", "identity"}:
        return sent
    try:
        if encoding in {"gzip", "x-gzip"}:
            return _gunzip(sent, limit, take)
        if encoding == "zstd":
            return _unzstd(sent, limit, take)
    except (zlib.error, zstandard.ZstdError, EOFError) as exc:
        raise ProblemError(
            ProblemType.BAD_REQUEST, f"the body is not whole {encoding}, although Content-Encoding says so: {exc}"
        ) from exc
    raise ProblemError(
        ProblemType.BAD_REQUEST, f"Content-Encoding {encoding[:40]!r} is not spoken here; use zstd, gzip or identity"
    )


def _gunzip(sent: bytes, limit: int, take: Take) -> bytes:
    inflated = bytearray()
    while sent:  # a gzip file may have several members
        member = zlib.decompressobj(wbits=31)
        while sent and not member.eof:
            piece = member.decompress(sent, min(_CHUNK, limit + 1 - len(inflated)))
            _hold(inflated, piece, limit, take)
            sent = member.unconsumed_tail
        if not member.eof:
            raise EOFError("it ends too early")
        sent = member.unused_data
    return bytes(inflated)


def _unzstd(sent: bytes, limit: int, take: Take) -> bytes:
    inflated = bytearray()
    reader = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW).stream_reader(sent, read_across_frames=True)
    while piece := reader.read(min(_CHUNK, limit + 1 - len(inflated))):
        _hold(inflated, piece, limit, take)
    if not inflated:
        raise EOFError("it ends too early")
    return bytes(inflated)


def _hold(inflated: bytearray, piece: bytes, limit: int, take: Take) -> None:
    take(len(piece))
    inflated += piece
    if len(inflated) > limit:
        raise _too_large(limit)


def _too_large(limit: int) -> ProblemError:
    return ProblemError(ProblemType.TOO_LARGE, f"the body has more than {limit} bytes (inflated); send it in parts")


def decode(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """Decode a JSON body.

    Raises:
        ProblemError: ``bad-request``: no JSON, or not of this shape; ``field`` names the part (``$.entries[3].name``).
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as exc:
        message, field = split_message(str(exc))
        raise ProblemError(ProblemType.BAD_REQUEST, message, field=field) from exc
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise ProblemError(ProblemType.BAD_REQUEST, f"the body is not JSON: {exc}", field="$") from exc
    except RecursionError as exc:
        raise ProblemError(ProblemType.BAD_REQUEST, "the body is nested too deeply", field="$") from exc


def split_message(text: str) -> tuple[str, str]:
    """Take msgspec's message apart into what is wrong and where.

    >>> split_message("Expected `int`, got `str` - at `$.seq`")
    ('Expected `int`, got `str`', '$.seq')
    """
    message, separator, place = text.rpartition(" - at `")
    return (message, place.rstrip("`")) if separator else (text, "$")
