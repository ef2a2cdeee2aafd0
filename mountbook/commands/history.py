"""``mountbook history``: every version of what a name means, or ever meant."""

from typing import TYPE_CHECKING, Final

import click
import msgspec

from mountbook import options
from mountbook.options import Shape
from protocol.memory import History, Version
from protocol.text import clean

if TYPE_CHECKING:
    from mountbook.client import Client

_ALIASES: Final = {"ID": "key", "Names": "name"}


@click.command(
    short_help="All that was ever known of a container.",
    epilog="\b\nmountbook history web\nmountbook history service:shop_web --node n1",
)
@click.argument("ref", type=clean)
@options.node
@options.shaped(quiet="Print only the IDs, each once.")
@options.asking
def command(client: "Client", ref: str, node: str | None, shape: Shape) -> int:
    """List every version of what REF names or ever named, oldest first: what it was, where, from when until when.

    REF is as for `mountbook where`; what is removed, and on nodes that are gone, is found as well, and so are volumes,
    images and layers. --no-trunc shows both bounds of every moment and the engine's own times.
    """
    from mountbook.memory import history

    template = shape.read_template([Version], _ALIASES)
    answer = history(client, ref, node=node)
    if shape.as_json:
        options.write_json(answer)
        return 0
    if shape.quiet:
        from mountbook.output.words import short_id

        for key in dict.fromkeys(one.key for one in answer.versions):
            click.echo(short_id(key, shape.no_trunc))
    elif template is not None:
        template.write(map(msgspec.to_builtins, answer.versions), no_trunc=shape.no_trunc)
    else:
        _write(answer, shape.no_trunc)
    options.write_coverage(answer.coverage, always=not shape.quiet and template is None)
    return 0


def _write(answer: History, no_trunc: bool) -> None:
    from mountbook.output import happenings, table
    from mountbook.output.words import count

    rows = [happenings.version_row(one, no_trunc) for one in answer.versions]
    table.write_table(happenings.HISTORY, rows)
    things = len({(one.node, one.kind, one.root, one.key) for one in answer.versions})
    how = answer.matched if answer.exact else f"the beginning of a container's {answer.matched}"
    options.note(f"{count(len(rows), 'version')} of {count(things, 'entry', 'entries')}, matched as {how}")
