"""Request bodies: read, inflated within bounds, and decoded with errors that name the field."""

import zlib
from typing import Final, TypeVar

import msgspec
import zstandard
from aiohttp import web

from collector.errors import ProblemError
from protocol.messages import MAX_BODY
from protocol.problems import ProblemType

T = TypeVar("T")

_CHUNK: Final = 256 * 1024
_MAX_WINDOW: Final = 8 * 1024 * 1024
"""Most memory that a zstd frame may ask for: the window of level 19, and what RFC 8878 advises."""


async def read(request: web.Request, limit: int = MAX_BODY) -> bytes:
    """Return the body as it was before ``Content-Encoding``; memory is bounded by ``limit``.

    Raises:
        ProblemError: ``bad-request``, the body does not have the encoding it claims, or one that is not spoken here.
        ProblemError: ``too-large``, it has more than ``limit`` bytes, sent or inflated.
    """
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    sent = bytearray()
    async for chunk in request.content.iter_chunked(_CHUNK):
        sent += chunk
        if len(sent) > limit:
            raise _too_large(limit)
    return inflate(bytes(sent), encoding, limit)


def inflate(sent: bytes, encoding: str, limit: int) -> bytes:
    """Return ``sent`` without its encoding: ``identity``, ``gzip`` or ``zstd``; never makes more than ``limit`` bytes.

    Raises:
        ProblemError: ``bad-request``, it is not in that encoding, or the encoding is not spoken here.
        ProblemError: ``too-large``, it would inflate to more than ``limit`` bytes.
    """
    if encoding in {"", "identity"}:
        return sent
    try:
        if encoding in {"gzip", "x-gzip"}:
            return _gunzip(sent, limit)
        if encoding == "zstd":
            return _unzstd(sent, limit)
    except (zlib.error, zstandard.ZstdError, EOFError) as exc:
        raise ProblemError(
            ProblemType.BAD_REQUEST, f"the body is not whole {encoding}, although Content-Encoding says so: {exc}"
        ) from exc
    raise ProblemError(
        ProblemType.BAD_REQUEST, f"Content-Encoding {encoding[:40]!r} is not spoken here; use zstd, gzip or identity"
    )


def _gunzip(sent: bytes, limit: int) -> bytes:
    inflated = bytearray()
    while sent:  # a gzip file may have several members
        member = zlib.decompressobj(wbits=31)
        inflated += member.decompress(sent, limit + 1 - len(inflated))
        if len(inflated) > limit:
            raise _too_large(limit)
        if not member.eof:
            raise EOFError("it ends too early")
        sent = member.unused_data
    return bytes(inflated)


def _unzstd(sent: bytes, limit: int) -> bytes:
    inflated = bytearray()
    reader = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW).stream_reader(sent, read_across_frames=True)
    while chunk := reader.read(min(_CHUNK, limit + 1 - len(inflated))):
        inflated += chunk
        if len(inflated) > limit:
            raise _too_large(limit)
    if not inflated:
        raise EOFError("it ends too early")
    return bytes(inflated)


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
