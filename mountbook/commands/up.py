"""``mountbook up``: everything on one machine, in one command."""

from pathlib import Path

import click

from mountbook import options


@click.command(short_help="Run everything on this machine: database, collector, agent.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Keep the database there; by default /var/lib/mountbook, or below ~/.local/share.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8480,
    show_default=True,
    help="Port of the collector and the page, on this machine only; 0 takes a free one.",
)
@click.option(
    "--database", metavar="URL", help="Use this PostgreSQL, not an embedded one: postgresql://USER@HOST/NAME."
)
@click.option("--sample", is_flag=True, help="Show three sample nodes, although this machine may have an engine.")
def command(data: Path | None, port: int, database: str | None, sample: bool) -> int:
    """Run everything on this machine: PostgreSQL, the collector, and an agent for the local engine.

    With no engine it shows three sample nodes. Ctrl-C stops it; the data is kept for the next time.
    """
    try:
        up = options.need("mountbook.local.up", "local")
        if data is None:
            data = options.need("mountbook.local.datadir", "local").default()
        status: int = up.run(data, port, database, sample, click.echo)
    except ModuleNotFoundError as exc:
        raise options.missing(exc, "local") from exc
    return status
