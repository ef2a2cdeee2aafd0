"""``mountbook migrate``: bring a database to the form that this release needs."""

import click

from mountbook import options


@click.command(short_help="Bring a database to this release's form.")
@click.option(
    "--database",
    envvar="MOUNTBOOK_DATABASE",
    metavar="URL",
    help="Which database: postgresql://USER@HOST/NAME.  [env var: MOUNTBOOK_DATABASE]",
)
def command(database: str | None) -> None:
    """Bring a database to the form that this release needs; collectors of the previous release keep working."""
    services = options.need("mountbook.local.services", "collector")
    try:
        services.migrate(database, click.echo)
    except ModuleNotFoundError as exc:
        raise options.missing(exc, "collector") from exc
