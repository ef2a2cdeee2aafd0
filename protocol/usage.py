"""Sizes: what entries cost and how much room is left. Beside the hashed state: it may be lost and changes nothing else.

An agent measures slowly and sends what it has measured, ``POST /api/v1/usage``, at most once a minute. A newer
measurement of the same part of the same entry replaces an older one; trends are made by the collector.
"""

from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from protocol.entries import EntryKey
from protocol.messages import Clock, Generation

MAX_SAMPLES: Final = 10_000
"""Most measurements of one message."""


class Part(StrEnum):
    """Which of an entry's directories was measured."""

    WRITABLE = "writable"
    """A container's writable layer (its diff path; without what is mounted in it)."""
    INIT = "init"
    CONTAINER_DIR = "container-dir"
    """``containers/<cid>``: logs above all."""
    LAYER = "layer"
    """An image layer, build cache, or what nothing claims."""
    VOLUME = "volume"


class Measurement(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Bytes (allocated blocks) and inodes of one part of one entry. ``partial``: a lower bound, not all could be read.

    ``seconds_ago`` is the age of the measurement when the message was sent.
    """

    entry: EntryKey
    part: Part
    bytes: Annotated[int, Meta(ge=0, le=2**62)]
    inodes: Annotated[int, Meta(ge=0, le=2**62)]
    seconds_ago: Annotated[float, Meta(ge=0)]
    partial: bool = False


class Room(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A file system that holds a data root: ``path`` is the root as the host names it; bytes and inodes."""

    path: str
    device: Annotated[int, Meta(ge=0, le=2**62)]
    total_bytes: Annotated[int, Meta(ge=0, le=2**62)]
    free_bytes: Annotated[int, Meta(ge=0, le=2**62)]
    total_inodes: Annotated[int, Meta(ge=0, le=2**62)]
    free_inodes: Annotated[int, Meta(ge=0, le=2**62)]


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured since the last message. ``sweep``: seconds that the last whole round of the node took."""

    generation: Generation
    clock: Clock
    measurements: Annotated[list[Measurement], Meta(max_length=MAX_SAMPLES)] = []
    rooms: Annotated[list[Room], Meta(max_length=256)] = []
    sweep: float | None = None


class UsageReply(msgspec.Struct, frozen=True, kw_only=True):
    """``unknown`` measurements named an entry that the register does not hold (any more) and were dropped."""

    server_time: Clock
    stored: int
    unknown: int
