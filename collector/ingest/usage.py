"""Sizes: beside the hashed state, under no lock; what does not fit is dropped and counted."""

from typing import Final

from collector.errors import ProblemError
from collector.ingest.rules import LONGEST
from collector.store import keys
from collector.store import usage as store
from collector.store.engine import Database
from collector.store.nodes import NodeIdentity
from collector.store.usage import RoomNow, Sample
from protocol.entries import Kind
from protocol.problems import ProblemType
from protocol.text import clean
from protocol.usage import Measurement, Part, Room, Usage, UsageReply

_KIND_OF: Final = {
    Part.WRITABLE: Kind.CONTAINER,
    Part.INIT: Kind.CONTAINER,
    Part.CONTAINER_DIR: Kind.CONTAINER,
    Part.LAYER: Kind.LAYER,
    Part.VOLUME: Kind.VOLUME,
}


async def usage(database: Database, identity: NodeIdentity, message: Usage) -> UsageReply:
    """Keep what a node's agent measured of its own entries.

    Raises:
        ProblemError: ``hello``: the generation is not the node's current one; and what the store raises.
    """
    fitting = [one for one in message.measurements if _KIND_OF[one.part] is one.entry.kind]
    samples = _samples(fitting)
    rooms = {clean(room.path): room for room in message.rooms}
    async with database.ingest() as connection:
        known = await store.node_of(connection, identity, message.generation)
        if known is None:
            raise ProblemError(ProblemType.HELLO, "the generation is not the node's current one; say hello again")
        node_id, now = known
        stored = await store.store(connection, node_id, now, samples)
        if rooms:
            await store.store_rooms(connection, node_id, now, [_room(path, room) for path, room in rooms.items()])
    unknown = len(message.measurements) - len(fitting) + len(samples) - stored
    return UsageReply(server_time=now.timestamp(), stored=stored, unknown=unknown)


def _samples(measurements: list[Measurement]) -> list[Sample]:
    """Return the newest measurement of each part."""
    newest: dict[tuple[str, object, str], Sample] = {}
    for one in measurements:
        entry_id = keys.entry_id(clean(one.entry.root), clean(one.entry.key))
        sample = Sample(
            kind=one.entry.kind.value,
            entry_id=entry_id,
            part=one.part.value,
            bytes=one.bytes,
            inodes=one.inodes,
            partial=one.partial,
            ago=min(one.seconds_ago, LONGEST.total_seconds()),
        )
        name = (sample.kind, entry_id, sample.part)
        if name not in newest or sample.ago <= newest[name].ago:
            newest[name] = sample
    return list(newest.values())


def _room(path: str, room: Room) -> RoomNow:
    return RoomNow(path, room.device, room.total_bytes, room.free_bytes, room.total_inodes, room.free_inodes)
