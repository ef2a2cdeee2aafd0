"""``mountbook hold``: keep old months of the register from being dropped, next to the database."""

from datetime import UTC, datetime

import click

from mountbook import beside, options
from mountbook.options import Shape
from protocol.text import clean
from protocol.times import parse_time

_TITLES = ("hold", "state", "reason", "by", "since", "until", "released_by")


@click.group(short_help="Keep old months from being dropped.", no_args_is_help=True)
def command() -> None:
    """Keep old months from being dropped: while one hold lasts, retention drops nothing. All of it is in the audit log.

    Needs the database, not the collector.
    """


def _filled(_ctx: click.Context, _param: click.Parameter, value: str) -> str:
    if not value.strip():
        raise click.BadParameter("it is empty; say why, for who reads it in a year")
    return clean(value.strip())


def _time(_ctx: click.Context, _param: click.Parameter, value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        return parse_time(value, datetime.now(UTC))
    except ValueError as exc:
        raise click.BadParameter(str(exc)) from exc


@command.command(short_help="Begin a hold.")
@beside.database
@click.option("--reason", required=True, callback=_filled, metavar="TEXT", help="Why, such as the number of a case.")
@click.option("--until", callback=_time, metavar="TIME", help="When it ends by itself: 2027-01-31T00:00:00Z.")
@beside.by
@options.shaped(templates=False, no_trunc=False)
def add(*, database: str | None, reason: str, until: datetime | None, by: str | None, shape: Shape) -> None:
    """Begin a hold. It lasts until it is released, or until a given time."""
    made = beside.call("holds", "add", database, reason, by, until)
    if shape.as_json:
        options.write_json(made)
    else:
        click.echo(f"Hold {made.hold} lasts until {made.until or f'`mountbook hold release {made.hold}`'}.")


@command.command("list", short_help="List the holds.")
@beside.database
@options.shaped(templates=False, no_trunc=False)
def list_(database: str | None, shape: Shape) -> None:
    """List the holds, released ones too."""
    records = beside.call("holds", "list_holds", database)
    if shape.as_json:
        options.write_json(records)
    elif records:
        beside.write_records(records, _TITLES)
    else:
        options.note("There is no hold.")


@command.command(short_help="End a hold.")
@click.argument("number", type=click.IntRange(1))
@beside.database
@beside.by
@options.shaped(templates=False, no_trunc=False)
def release(number: int, database: str | None, by: str | None, shape: Shape) -> None:
    """End the hold of this NUMBER in `mountbook hold list`; what is too old is dropped within the hour."""
    released = beside.call("holds", "release", database, number, by)
    if shape.as_json:
        options.write_json(released)
    else:
        click.echo(f"Hold {number} is released.")
