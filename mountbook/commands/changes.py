"""``mountbook changes``: what appeared, changed and ended in a window."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import click
import msgspec

from mountbook import options
from mountbook.options import Shape
from protocol.memory import Change, ChangesEnd, WindowCoverage

if TYPE_CHECKING:
    from mountbook.client import Client

_ALIASES: Final = {"ID": "key", "Names": "name"}


@click.command(
    short_help="What appeared, changed and ended in a window.",
    epilog="\b\nmountbook changes --since 2h\n"
    "mountbook changes --from 2026-01-31T00:00:00Z --to 2026-02-01T00:00:00Z -f service=shop_web",
)
@click.option(
    "--since",
    "--from",
    "since",
    callback=options.check_time,
    metavar="TIME",
    help="Begin of the window: a time, or 2h (ago); a day before its end unless given.",
)
@click.option(
    "--until",
    "--to",
    "until",
    callback=options.check_time,
    metavar="TIME",
    help="End of the window; now unless given.",
)
@options.node
@options.filters(known="kind, node, service, stack, id, name, task, image, label, volume, mount-id")
@options.shaped(quiet="Print only the IDs, as often as they changed.")
@options.asking
def command(
    *,
    client: "Client",
    since: str | None,
    until: str | None,
    node: str | None,
    filters: tuple[str, ...],
    shape: Shape,
) -> int:
    """List what was created, started, died, was renamed, removed or otherwise changed in a window, oldest first.

    WHEN is the later of two bounds; --no-trunc shows both, and the engine's own times.
    """
    template = shape.read_template([Change], _ALIASES)
    listing = _Listing(client, since, until, filters, node)
    if shape.as_json:
        options.write_json_list(listing.rows())
    elif shape.quiet:
        from mountbook.output.table import write_lines
        from mountbook.output.words import short_id

        write_lines(short_id(one.key, shape.no_trunc) for one in listing.rows())
    elif template is not None:
        template.write(map(msgspec.to_builtins, listing.rows()), no_trunc=shape.no_trunc)
    else:
        from mountbook.output import happenings, table

        rows = [happenings.change_row(one, shape.no_trunc) for one in listing.rows()]
        table.write_table(happenings.CHANGES, rows)
    people = not (shape.as_json or shape.quiet or template is not None)
    if listing.coverage is not None and (people or not listing.coverage.complete):
        from mountbook.output.happenings import window

        options.note(window(listing.coverage))
    return 0


class _Listing:
    """The rows of the stream; when they are through, the coverage that it ended with."""

    def __init__(
        self, client: "Client", since: str | None, until: str | None, filters: tuple[str, ...], node: str | None
    ) -> None:
        from mountbook.memory import changes

        self._stream = changes(client, since=since, until=until, filters=filters, node=node)
        self.coverage: WindowCoverage | None = None

    def rows(self) -> Iterator[Change]:
        for item in self._stream:
            if isinstance(item, ChangesEnd):
                self.coverage = item.coverage
            else:
                yield item
