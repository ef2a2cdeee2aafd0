"""``mountbook ls``: the containers of the whole cluster."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click
import msgspec

from mountbook import options
from mountbook.commands.where import CONTAINER_ALIASES
from mountbook.options import Shape
from protocol.answers import ContainerRow, Coverage

if TYPE_CHECKING:
    from mountbook.client import Client


@click.command(short_help="List the containers of the whole cluster.")
@options.node
@options.at
@options.filters(
    known="id, name, task, service, stack, image, layer, label, volume, driver, bind, mount-id, state, backend, "
    "exit-code, path-kind, resolved-by, ghost, node"
)
@options.shaped(quiet="Print only the IDs.")
@options.asking
def command(client: "Client", node: str | None, at: str | None, filters: tuple[str, ...], shape: Shape) -> int:
    """List the containers of the whole cluster, stopped ones too, with node and directory."""
    template = shape.read_template([ContainerRow], CONTAINER_ALIASES)
    listing = _Listing(client, filters, node, at)
    if shape.as_json:
        options.write_json_list(listing.rows())
    elif shape.quiet:
        _write_ids(listing, shape.no_trunc)
    elif template is not None:
        template.write(map(msgspec.to_builtins, listing.rows()), no_trunc=shape.no_trunc)
    else:
        from mountbook.output import containers, table

        table.write_table(containers.TITLES, [containers.row(one, shape.no_trunc) for one in listing.rows()])
    people = not (shape.as_json or shape.quiet or template is not None)
    if listing.coverage is not None:
        options.write_coverage(listing.coverage, always=people)
    return 0


class _Listing:
    """The rows of the stream; when they are through, the coverage that it ended with."""

    def __init__(self, client: "Client", filters: tuple[str, ...], node: str | None, at: str | None) -> None:
        self._stream = client.containers(filters=filters, node=node, at=at)
        self.coverage: Coverage | None = None

    def rows(self) -> Iterator[ContainerRow]:
        for item in self._stream:
            if isinstance(item, ContainerRow):
                yield item
            else:
                self.coverage = item.coverage


def _write_ids(listing: _Listing, no_trunc: bool) -> None:
    from mountbook.output.table import write_lines
    from mountbook.output.words import short_id

    write_lines(short_id(one.container_id, no_trunc) for one in listing.rows())
