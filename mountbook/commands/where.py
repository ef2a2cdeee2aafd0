"""``mountbook where``: on which node, and in which directory, a container keeps its files."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
import msgspec

from mountbook import options
from mountbook.errors import NOT_FOUND, NotFoundError
from mountbook.options import Shape
from protocol.answers import ContainerRow, Where
from protocol.entries import PathKind
from protocol.text import clean

if TYPE_CHECKING:
    from mountbook.client import Client


@click.command(
    short_help="Where a container keeps its files.",
    epilog="\b\nmountbook where web\ndu -sh $(mountbook where -q service:web)",
)
@click.argument("ref", type=clean)
@options.node
@options.at
@options.shaped(quiet="Print only the directories.")
@options.asking
def command(client: "Client", ref: str, node: str | None, at: str | None, shape: Shape) -> int:
    """Say on which node, and in which directory, a container keeps its files.

    REF is a container's ID, name, task, service, stack, mount-id, snapshot id or image, or label=value; exact before
    prefix. service:web says which kind of name it is. A name of a group lists all its containers.
    """
    template = shape.read_template([ContainerRow], CONTAINER_ALIASES)
    try:
        answer = client.where(ref, node=node, at=at)
    except NotFoundError as exc:
        if shape.as_json and exc.coverage is not None:
            # A program gets an answer as well: nothing, and who was asked.
            options.write_json(Where(ref=ref, matched="", exact=False, containers=[], coverage=exc.coverage))
        raise
    if shape.as_json:
        options.write_json(answer)
        return 0
    if shape.quiet:
        status = write_paths(answer.containers)
    elif template is not None:
        template.write(map(msgspec.to_builtins, answer.containers), no_trunc=shape.no_trunc)
        status = 0
    else:
        _write(answer, shape)
        if len(answer.containers) > 1 or not answer.exact:
            options.note(_matched(answer))
        status = 0
    options.write_coverage(answer.coverage, always=not shape.quiet and template is None)
    return status


CONTAINER_ALIASES = {"ID": "container_id", "Names": "name", "Directory": "diff_path"}
"""Further names in templates: docker's own for the same thing, and what the table calls it."""


def write_paths(containers: Sequence[ContainerRow]) -> int:
    """Write the paths alone; what has none, or a dataset's name instead, is only mentioned. Returns the exit status."""
    found = False
    for row in containers:
        node = row.hostname or row.node
        name = (row.name or row.container_id) + (f" on {node}" if node else "")
        if row.diff_path is None:
            options.note(f"{name} is left out, its directory is unknown{': ' + row.reason if row.reason else ''}.")
        elif row.path_kind is PathKind.DATASET:
            options.note(f"{name} is left out, it has a dataset instead of a directory: {row.diff_path}.")
        else:
            click.echo(row.diff_path)
            found = True
    return 0 if found else NOT_FOUND


def _matched(answer: Where) -> str:
    """Return as what the reference was taken: a bare word can be many things."""
    from mountbook.output.words import count

    how = answer.matched if answer.exact else f"the beginning of a container's {answer.matched}"
    return f"{count(len(answer.containers), 'container')}, matched as {how}"


def _write(answer: Where, shape: Shape) -> None:
    from mountbook.output import containers, table

    rows = [containers.row(one, shape.no_trunc) for one in answer.containers]
    if len(rows) > 1 and table.fits(containers.TITLES, rows):
        table.write_table(containers.TITLES, rows)
    else:
        as_of = answer.coverage.as_of
        table.write_blocks([containers.block(one, as_of, shape.no_trunc) for one in answer.containers])
