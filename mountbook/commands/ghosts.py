"""``mountbook ghosts``: containers on disk that their engine no longer lists."""

from typing import TYPE_CHECKING, Final

import click
import msgspec

from mountbook import options
from mountbook.options import Shape
from protocol.sizes import GhostRow, Ghosts

if TYPE_CHECKING:
    from mountbook.client import Client

_TITLES: Final = ("CONTAINER ID", "NAME", "NODE", "BACKEND", "IMAGE", "SIZE", "FIRST SEEN", "DIRECTORY")
_ALIASES: Final = {"ID": "container_id", "Names": "name", "Directory": "diff_path"}


@click.command(short_help="Containers on disk that their engine forgot.", epilog="\b\nmountbook ghosts")
@options.node
@options.at
@options.filters(known="id, name, service, stack, image, label, backend, state, node")
@options.shaped(quiet="Print only the IDs.")
@options.asking
def command(client: "Client", node: str | None, at: str | None, filters: tuple[str, ...], shape: Shape) -> int:
    """List the containers that are on disk and that their engine no longer lists, and what they cost.

    An engine that was switched to another storage backend leaves them behind; `docker rm` cannot reach them.
    With --at there are no sizes: earlier ones are kept for `mountbook top --growth` only.
    """
    from mountbook.sizes import ghosts

    template = shape.read_template([GhostRow], _ALIASES)
    answer = ghosts(client, filters, node, at)
    if shape.as_json:
        options.write_json(answer)
        return 0
    if shape.quiet:
        from mountbook.output.words import short_id

        for row in answer.ghosts:
            click.echo(short_id(row.container_id, shape.no_trunc))
    elif template is not None:
        template.write(map(msgspec.to_builtins, answer.ghosts), no_trunc=shape.no_trunc)
    else:
        _write(answer, shape.no_trunc)
    options.write_coverage(answer.coverage, always=not shape.quiet and template is None)
    return 0


def _write(answer: Ghosts, exact: bool) -> None:
    from mountbook.output.amounts import one, totals
    from mountbook.output.table import write_table
    from mountbook.output.words import first_seen, node_name, printable, short_id

    rows = [
        [
            short_id(row.container_id, exact),
            printable(row.name),
            node_name(row.hostname, row.node),
            printable(row.backend),
            printable(short_id(row.image, exact)),
            one(row.bytes, partial=row.partial, exact=exact),
            first_seen(row.first_seen, answer.coverage.as_of, exact),
            printable(row.diff_path or f"unknown: {row.reason}"),
        ]
        for row in answer.ghosts
    ]
    write_table(_TITLES, rows)
    options.note(totals(answer.total, "ghost", answer.nodes, exact))
