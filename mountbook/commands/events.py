"""``mountbook events``: what happened lately, and what happens."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import click
import msgspec

from mountbook import options
from mountbook.options import Shape
from protocol.memory import Change

if TYPE_CHECKING:
    from mountbook.client import Client

_ALIASES: Final = {"ID": "key", "Names": "name"}
_LATELY: Final = "1h"


@click.command(
    short_help="What happened in the last hour, and what happens.",
    epilog="\b\nmountbook events --follow\nmountbook events --since 10m -f service=shop_web",
)
@click.option("--follow", is_flag=True, help="Go on with what happens from now on, until Ctrl-C.")
@click.option(
    "--since",
    callback=options.check_time,
    metavar="TIME",
    help="What happened since then: a time, or 2h (ago). Without it the last hour; with --follow nothing earlier.",
)
@options.node
@options.filters(known="kind, node, service, stack, id, name, task, image, label, volume, mount-id")
@options.shaped()
@options.asking
def command(
    *, client: "Client", follow: bool, since: str | None, node: str | None, filters: tuple[str, ...], shape: Shape
) -> int:
    """Print what is created, started, dies, is renamed, removed or otherwise changes, one line for each.

    --json prints one object a line. That a node ID was superseded, and what it had ended with it, is known only
    afterwards: --follow does not tell it. `mountbook changes` lists the same with what was observed meanwhile.
    """
    from mountbook.memory import changes, events

    template = shape.read_template([Change], _ALIASES)
    if follow:
        found = events(client, since=since, filters=filters, node=node)
    else:
        listed = changes(client, since=since or _LATELY, until=None, filters=filters, node=node)
        found = (one for one in listed if isinstance(one, Change))
    if template is not None:
        template.write(map(msgspec.to_builtins, found), no_trunc=shape.no_trunc)
    else:
        for line in _lines(found, shape):
            click.echo(line)
    return 0


def _lines(found: Iterator[Change], shape: Shape) -> Iterator[str | bytes]:
    from mountbook.output.happenings import change_row

    for one in found:
        yield msgspec.json.encode(one) if shape.as_json else "  ".join(filter(None, change_row(one, shape.no_trunc)))
