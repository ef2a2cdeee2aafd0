"""Messages as bytes: JSON, compressed when that saves something."""

import functools
import gzip
import importlib
from collections.abc import Callable
from typing import Final

import msgspec

from protocol.enrol import Enrol
from protocol.messages import Delta, Heartbeat, Hello, Snapshot
from protocol.roster import Roster
from protocol.usage import Usage

Message = Hello | Snapshot | Delta | Heartbeat | Enrol | Roster | Usage

COMPRESS_ABOVE: Final = 1024
"""Bodies of at most so many bytes are sent as they are."""


class Body(msgspec.Struct, frozen=True):
    """The bytes of one message and their Content-Encoding, ``""`` when they are plain."""

    data: bytes
    encoding: str


def encode(message: Message) -> Body:
    """Return a message's body. The same message always gives the same bytes."""
    plain = msgspec.json.encode(message)
    if len(plain) <= COMPRESS_ABOVE:
        return Body(plain, "")
    name, compress = _compressor()
    return Body(compress(plain), name)


@functools.cache
def _compressor() -> tuple[str, Callable[[bytes], bytes]]:
    # An optional speed-up, loaded when the first large body leaves; gzip is in every Python.
    try:
        zstandard = importlib.import_module("zstandard")
    except ModuleNotFoundError:
        return "gzip", lambda plain: gzip.compress(plain, compresslevel=5, mtime=0)
    # A compressor of its own each time: messages are encoded in threads, and one that two threads use at once crashes.
    return "zstd", lambda plain: bytes(zstandard.ZstdCompressor(level=3).compress(plain))
