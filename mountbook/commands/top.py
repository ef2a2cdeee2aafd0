"""``mountbook top``: what is largest, and what grows."""

from typing import TYPE_CHECKING, Final, get_args

import click
import msgspec

from mountbook import options
from mountbook.options import Shape
from protocol.sizes import Top, TopBy, TopRow

if TYPE_CHECKING:
    from mountbook.client import Client

_ROWS: Final = 20
_ALIASES: Final = {"ID": "key", "Names": "name"}


@click.command(
    short_help="What is largest, and what grows.",
    epilog="\b\nmountbook top\nmountbook top --by service --growth --since 6h",
)
@click.option(
    "--by", type=click.Choice(get_args(TopBy)), default="container", show_default=True, help="Add sizes up by this."
)
@click.option("--growth", is_flag=True, help="What grew most first (since 24h ago, unless --since says otherwise).")
@click.option(
    "--since", callback=options.check_time, metavar="TIME", help="Show growth since then: 6h (ago), or a time."
)
@click.option(
    "-n", "--limit", type=click.IntRange(1, 100_000), default=_ROWS, show_default=True, help="So many rows at the most."
)
@options.node
@options.shaped(quiet="Print only IDs or names.")
@options.asking
def command(
    client: "Client", by: str, growth: bool, since: str | None, limit: int, node: str | None, shape: Shape
) -> int:
    """List what takes up most room: what containers wrote with their logs, added up as --by says, or volumes.

    By image means what the containers of an image wrote; by node everything on it. A size after > is a lower bound.
    """
    from mountbook.sizes import top

    template = shape.read_template([TopRow], _ALIASES)
    answer = top(client, by=by, order="growth" if growth else "size", since=since, node=node, limit=limit)
    if shape.as_json:
        options.write_json(answer)
        return 0
    if shape.quiet:
        for row in answer.rows:
            click.echo(row.key)
    elif template is not None:
        template.write(map(msgspec.to_builtins, answer.rows), no_trunc=shape.no_trunc)
    else:
        _write(answer, shape.no_trunc)
    options.write_coverage(answer.coverage, always=not shape.quiet and template is None)
    return 0


def _write(answer: Top, exact: bool) -> None:
    from mountbook.output.amounts import amount, grown, unmeasured
    from mountbook.output.table import write_table
    from mountbook.output.words import clock, count, node_name, printable, short_id

    cells = []
    for row in answer.rows:
        sizes = [amount(row.size, exact), str(row.size.inodes)]
        if answer.since is not None:
            sizes.insert(1, grown(row.grown, exact))
        if answer.by == "container":
            names = [short_id(row.key, exact), printable(row.name), node_name(row.hostname, row.node)]
            cells.append([*names, *sizes, printable(short_id(row.image, exact))])
        elif answer.by == "volume":
            cells.append([printable(row.name), node_name(row.hostname, row.node), *sizes])
        elif answer.by == "node":
            cells.append([node_name(row.hostname, row.node), *sizes])
        else:
            cells.append([printable(row.name), str(row.nodes), str(row.size.entries), *sizes])
    write_table(_titles(answer), cells)
    shown = f"{count(len(answer.rows), 'row')}{', and there are more' if answer.next is not None else ''}"
    since = f", growth since {clock(answer.since)}" if answer.since is not None else ""
    options.note(f"{shown}; {amount(answer.total, exact) or 'nothing'} in all{since}")
    if left_out := unmeasured(answer.total):
        options.note(left_out)


def _titles(answer: Top) -> list[str]:
    sizes = ["SIZE", "INODES"] if answer.since is None else ["SIZE", "GROWN", "INODES"]
    match answer.by:
        case "container":
            return ["CONTAINER ID", "NAME", "NODE", *sizes, "IMAGE"]
        case "volume":
            return ["VOLUME", "NODE", *sizes]
        case "node":
            return ["NODE", *sizes]
        case _:
            return [answer.by.upper(), "NODES", "ENTRIES" if answer.by == "stack" else "CONTAINERS", *sizes]
