"""``mountbook orphans``: directories on disk that nothing claims."""

from typing import TYPE_CHECKING, Final

import click
import msgspec

from mountbook import options
from mountbook.options import Shape
from protocol.entries import LayerUse
from protocol.sizes import OrphanRow, Orphans

if TYPE_CHECKING:
    from mountbook.client import Client

_TITLES: Final = ("NODE", "DIRECTORY", "SIZE", "FIRST SEEN", "EVIDENCE")
_ALIASES: Final = {"Directory": "diff_path"}


@click.command(
    short_help="Directories that nothing claims.", epilog="\b\nmountbook orphans\nmountbook orphans -f use=unclaimed"
)
@options.node
@options.at
@options.filters(known="use (orphan, unclaimed, removing, build-cache), backend, id, node")
@options.shaped(quiet="Print only the directories.")
@options.asking
def command(client: "Client", node: str | None, at: str | None, filters: tuple[str, ...], shape: Shape) -> int:
    """List the layer directories that no container, image or build cache claims, why, since when, and what they cost.

    Nothing is ever deleted. What changed within the last ten minutes is no orphan; -f use=unclaimed lists it.
    With --at there are no sizes: earlier ones are kept for `mountbook top --growth` only.
    """
    from mountbook.sizes import orphans

    template = shape.read_template([OrphanRow], _ALIASES)
    answer = orphans(client, filters, node, at)
    if shape.as_json:
        options.write_json(answer)
        return 0
    if shape.quiet:
        for row in answer.orphans:
            click.echo(row.diff_path or row.key)
    elif template is not None:
        template.write(map(msgspec.to_builtins, answer.orphans), no_trunc=shape.no_trunc)
    else:
        _write(answer, shape.no_trunc)
    options.write_coverage(answer.coverage, always=not shape.quiet and template is None)
    return 0


def _write(answer: Orphans, exact: bool) -> None:
    from mountbook.output.amounts import one, totals
    from mountbook.output.table import write_table
    from mountbook.output.words import first_seen, node_name, printable

    rows = [
        [
            node_name(row.hostname, row.node),
            printable(row.diff_path or row.key),
            one(row.bytes, partial=row.partial, exact=exact),
            first_seen(row.first_seen, answer.coverage.as_of, exact),
            printable("; ".join(filter(None, (row.evidence, row.reason)))),
        ]
        for row in answer.orphans
    ]
    write_table(_TITLES, rows)
    options.note(totals(answer.total, "orphan" if _only_orphans(answer) else "layer", answer.nodes, exact))


def _only_orphans(answer: Orphans) -> bool:
    return all(row.use is LayerUse.ORPHAN for row in answer.orphans)
