"""``mountbook df``: where the bytes of every node are."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import click

from mountbook import options
from mountbook.options import Shape
from protocol.sizes import DiskUse, NodeUse, RoomSum, Share, Size

if TYPE_CHECKING:
    from mountbook.client import Client

_COLUMNS: Final[dict[str, tuple[Share, ...]]] = {
    "WRITABLE": ("writable",),
    "IMAGES": ("images",),
    "BUILD CACHE": ("build-cache",),
    "VOLUMES": ("volumes",),
    "LOGS": ("logs",),
    "ORPHANS": ("orphans", "unclaimed"),
    "GHOSTS": ("ghosts",),
}


@click.command(
    short_help="Where the bytes of every node are.", epilog="\b\nmountbook df\nmountbook df --node n3 --json"
)
@options.node
@options.shaped(templates=False)
@options.asking
def command(client: "Client", node: str | None, shape: Shape) -> int:
    """Say where the bytes of every node are, by what they are spent on, and how much room is left.

    A size after > is a lower bound: not everything has been measured yet. ORPHANS include what nothing claims but is
    too young to be called one. On btrfs what several trees share counts in each of them; FREE is exact.
    """
    from mountbook.sizes import disk_use

    answer = disk_use(client, node)
    if shape.as_json:
        options.write_json(answer)
        return 0
    _write(answer, shape.no_trunc)
    options.write_coverage(answer.coverage, always=True)
    return 0


def _write(answer: DiskUse, exact: bool) -> None:
    from mountbook.output.amounts import unmeasured
    from mountbook.output.table import write_table
    from mountbook.output.words import count, node_name, printable

    rows = [_row(node_name(one.hostname, one.node), one.shares, _room(one), exact) for one in answer.nodes]
    if len(answer.nodes) > 1:
        several = len(answer.clusters) > 1
        rows += [
            _row(f"all of {printable(one.cluster)}" if several else "all", one.shares, one.room, exact)
            for one in answer.clusters
        ]
    titles = ("NODE", *_COLUMNS, "FREE", "OF", "FREE INODES")
    write_table(titles, rows)
    total = _add([one.total for one in answer.clusters])
    left_out = unmeasured(total)
    if left_out:
        options.note(left_out)
    unknown = sum(not one.rooms for one in answer.nodes)
    if unknown:
        options.note(f"the free room of {count(unknown, 'node')} is not known yet")


def _row(name: str, shares: Mapping[Share, Size], room: RoomSum, exact: bool) -> list[str]:
    from mountbook.output.amounts import amount, human, share

    cells = [amount(_add([shares[one] for one in some if one in shares]), exact) for some in _COLUMNS.values()]
    if not room.file_systems:
        return [name, *cells, "", "", ""]
    inodes = str(room.free_inodes) if exact else share(room.free_inodes, room.total_inodes)
    return [name, *cells, human(room.free_bytes, exact), human(room.total_bytes, exact), inodes]


def _room(node: NodeUse) -> RoomSum:
    return RoomSum(
        file_systems=len(node.rooms),
        total_bytes=sum(room.total_bytes for room in node.rooms),
        free_bytes=sum(room.free_bytes for room in node.rooms),
        total_inodes=sum(room.total_inodes for room in node.rooms),
        free_inodes=sum(room.free_inodes for room in node.rooms),
    )


def _add(sizes: Sequence[Size]) -> Size:
    return Size(
        entries=sum(size.entries for size in sizes),
        measured=sum(size.measured for size in sizes),
        partial=sum(size.partial for size in sizes),
        bytes=sum(size.bytes for size in sizes),
        inodes=sum(size.inodes for size in sizes),
    )
