"""``mountbook evidence``: what the register knows of a container at a moment, as one signed archive."""

import re
from typing import TYPE_CHECKING

import click

from mountbook import options
from mountbook.wholefile import WholeFile
from protocol.text import clean

if TYPE_CHECKING:
    from mountbook.client import Client


@click.command(
    short_help="One signed archive about a container.",
    epilog="\b\nmountbook evidence web --at 2026-01-31T12:00:00Z -o web.tar\nmountbook verify --public-key KEY web.tar",
)
@click.argument("ref", type=clean)
@options.node
@options.at
@click.option(
    "--since", callback=options.check_time, metavar="TIME", help="Begin of the window whose coverage is told."
)
@click.option("--until", callback=options.check_time, metavar="TIME", help="Its end; the moment itself unless given.")
@click.option(
    "-o", "--output", metavar="FILE", type=click.Path(dir_okay=False), help="Write to FILE (default: evidence-REF.tar)."
)
@options.asking
def command(
    *,
    client: "Client",
    ref: str,
    node: str | None,
    at: str | None,
    since: str | None,
    until: str | None,
    output: str | None,
) -> int:
    """Write one archive with all that the register knows of REF at a moment, signed by the collector.

    It holds where the container kept its files, the layers below with their digests, the mount command, the whole
    history, and which nodes were not observed in the day before the moment (or from --since until --until). The file
    is there whole or not at all.
    """
    from mountbook.memory import evidence

    path = output or f"evidence-{re.sub(r'[^A-Za-z0-9._-]+', '_', ref)[:80]}.tar"
    with WholeFile(path) as file:
        file.write(evidence(client, ref, node=node, at=at, since=since, until=until))
        file.keep()
    options.note(f"Written: {path}. Check it with `mountbook verify --public-key KEY {path}`.")
    return 0
