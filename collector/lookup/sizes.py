"""Where the bytes are: per node and per cluster, by what they are spent on."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from collector.lookup.scope import Scope
from collector.store.read import sizes
from collector.store.read.sizes import Named, Room
from protocol import times
from protocol.sizes import ClusterUse, DiskUse, NodeUse, RoomRow, RoomSum, Share, Size


async def disk_use(scope: Scope) -> DiskUse:
    """Return what everything costs, and how much room is left."""
    within = scope.versions.node_ids
    shares: dict[int, dict[Share, Size]] = defaultdict(dict)
    for spent in await sizes.spent(scope.conn, within):
        shares[spent.node_id][spent.share] = spent.size
    rooms: dict[int, list[Room]] = defaultdict(list)
    for room in await sizes.rooms(scope.conn, within):
        rooms[room.node_id].append(room)
    named = await sizes.named(scope.conn, within)
    # The disk of a superseded node ID is that of the new one.
    former = {one.node_id for one in scope.versions.former}
    nodes = [_node(one, shares[one.node_id], rooms[one.node_id]) for one in named if one.node_id not in former]
    together: dict[str, list[NodeUse]] = defaultdict(list)
    for node in nodes:
        together[node.cluster].append(node)
    clusters = [_cluster(cluster, some) for cluster, some in together.items()]
    return DiskUse(nodes=nodes, clusters=clusters, coverage=scope.coverage)


def add(sizes: Iterable[Size]) -> Size:
    """Return the sum of several sizes."""
    some = list(sizes)
    return Size(
        entries=sum(size.entries for size in some),
        measured=sum(size.measured for size in some),
        partial=sum(size.partial for size in some),
        bytes=sum(size.bytes for size in some),
        inodes=sum(size.inodes for size in some),
    )


def _node(named: Named, shares: Mapping[Share, Size], rooms: Sequence[Room]) -> NodeUse:
    devices: dict[int, list[Room]] = defaultdict(list)
    for room in rooms:
        devices[room.device].append(room)
    return NodeUse(
        cluster=named.cluster,
        node=named.node,
        hostname=named.hostname,
        shares=dict(sorted(shares.items())),
        total=add(shares.values()),
        rooms=[_room(some) for some in devices.values()],
    )


def _room(rooms: Sequence[Room]) -> RoomRow:
    """Return one file system, from the paths that are on it."""
    one = rooms[0]
    return RoomRow(
        paths=[room.path for room in rooms],
        total_bytes=one.total_bytes,
        free_bytes=one.free_bytes,
        total_inodes=one.total_inodes,
        free_inodes=one.free_inodes,
        measured_at=times.to_text(one.measured_at),
    )


def _cluster(cluster: str, nodes: Sequence[NodeUse]) -> ClusterUse:
    shares: dict[Share, list[Size]] = defaultdict(list)
    for node in nodes:
        for share, size in node.shares.items():
            shares[share].append(size)
    rooms = [room for node in nodes for room in node.rooms]
    return ClusterUse(
        cluster=cluster,
        nodes=len(nodes),
        shares={share: add(some) for share, some in sorted(shares.items())},
        total=add(node.total for node in nodes),
        room=RoomSum(
            file_systems=len(rooms),
            total_bytes=sum(room.total_bytes for room in rooms),
            free_bytes=sum(room.free_bytes for room in rooms),
            total_inodes=sum(room.total_inodes for room in rooms),
            free_inodes=sum(room.free_inodes for room in rooms),
        ),
    )
