"""Which media type an answer takes: JSON, unless the caller asks for one of the others by name."""

from collections.abc import Sequence
from typing import Final

from aiohttp import web

JSON: Final = "application/json"
NDJSON: Final = "application/x-ndjson"
TEXT: Final = "text/plain"


def preferred(request: web.Request, offered: Sequence[str]) -> str:
    """Return the media type of ``offered`` that ``Accept`` wants most; the first for a tie or a wildcard.

    ``Accept`` is a wish, not a test: who asks for what is not offered gets the first (RFC 9110, section 12.5.1).
    """
    best, weight = offered[0], 0.0
    for part in ",".join(request.headers.getall("Accept", [])).split(","):
        media, *parameters = (piece.strip().lower() for piece in part.split(";"))
        if media not in offered:
            media = offered[0] if media == "*/*" or media == offered[0].partition("/")[0] + "/*" else ""
        quality = _quality(parameters)
        if media and quality > weight:
            best, weight = media, quality
    return best


def _quality(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0
