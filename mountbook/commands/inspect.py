"""``mountbook inspect``: everything that the register knows about containers."""

from typing import TYPE_CHECKING

import click
import msgspec

from mountbook import options
from mountbook.commands.where import CONTAINER_ALIASES
from mountbook.errors import NotFoundError
from mountbook.options import Shape
from protocol.answers import ContainerRow, Coverage
from protocol.text import clean

if TYPE_CHECKING:
    from mountbook.client import Client


@click.command(short_help="Everything the register knows about containers, as JSON.")
@click.argument("refs", type=clean, nargs=-1, required=True, metavar="REF...")
@options.node
@options.at
@options.shaped(no_trunc=False)
@options.asking
def command(client: "Client", refs: tuple[str, ...], node: str | None, at: str | None, shape: Shape) -> int:
    """Print everything that the register knows about containers, as a JSON list.

    REF is as for `mountbook where`. What is found is printed although another REF is not; the exit status tells.
    """
    from mountbook.cli import not_found

    template = shape.read_template([ContainerRow], CONTAINER_ALIASES)
    rows: list[ContainerRow] = []
    coverage: Coverage | None = None
    status = 0
    for ref in refs:
        try:
            answer = client.where(ref, node=node, at=at)
        except NotFoundError as exc:
            status = max(status, not_found(exc))
        else:
            rows += answer.containers
            coverage = answer.coverage
    if template is not None:
        template.write(map(msgspec.to_builtins, rows), no_trunc=True)
    else:
        options.write_json_list(rows)
    if coverage is not None and status == 0:
        options.write_coverage(coverage, always=False)
    return status
