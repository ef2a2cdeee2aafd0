"""``mountbook restored``: say that the register's database was restored from a backup."""

from pathlib import Path

import click

from mountbook import beside, options
from mountbook.options import Shape
from protocol.text import clean


@click.command(short_help="Say that a backup was restored.")
@click.option(
    "--checkpoints",
    "places",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path, exists=True),
    metavar="PLACE",
    help="A file of checkpoints, or a directory of them; may be repeated.",
)
@click.option(
    "--signing-key",
    "key",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="The collectors' signing key.",
)
@click.option("--reason", required=True, type=clean, metavar="TEXT", help="Why, for who reads it in a year.")
@beside.by
@beside.database
@options.shaped(templates=False, no_trunc=False)
def command(
    *, places: tuple[Path, ...], key: Path, reason: str, by: str | None, database: str | None, shape: Shape
) -> None:
    """Say, signed, that the database was restored from a backup: what checkpoints say of the entries since is excused.

    `mountbook verify` goes on to tell that it happened, who said so and why.
    """
    restore = beside.call("holds", "restored", database, list(places), key, by, reason)
    if shape.as_json:
        options.write_json(restore)
    else:
        click.echo(f"It is in the audit log: entries {restore.first} to {restore.last} are not what was there before.")
