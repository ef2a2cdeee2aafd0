"""``mountbook hold``: keep old months of the register from being dropped, next to the database."""

from datetime import UTC, datetime
from typing import Any

import click
import msgspec

from mountbook import options
from mountbook.options import Shape
from protocol.text import clean
from protocol.times import parse_time

_DATABASE = click.option(
    "--database",
    envvar="MOUNTBOOK_DATABASE",
    metavar="URL",
    help="Which database: postgresql://USER@HOST/NAME.  [env var: MOUNTBOOK_DATABASE]",
)
_BY = click.option("--by", type=clean, metavar="NAME", help="Who says so; by default the user who types.")
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
@_DATABASE
@click.option("--reason", required=True, callback=_filled, metavar="TEXT", help="Why, such as the number of a case.")
@click.option("--until", callback=_time, metavar="TIME", help="When it ends by itself: 2027-01-31T00:00:00Z.")
@_BY
@options.shaped(templates=False, no_trunc=False)
def add(*, database: str | None, reason: str, until: datetime | None, by: str | None, shape: Shape) -> None:
    """Begin a hold. It lasts until it is released, or until a given time."""
    made = _call("add", database, reason, by, until)
    if shape.as_json:
        options.write_json(made)
    else:
        click.echo(f"Hold {made.hold} lasts until {made.until or f'`mountbook hold release {made.hold}`'}.")


@command.command("list", short_help="List the holds.")
@_DATABASE
@options.shaped(templates=False, no_trunc=False)
def list_(database: str | None, shape: Shape) -> None:
    """List the holds, released ones too."""
    records: list[dict[str, Any]] = [msgspec.to_builtins(one) for one in _call("list_holds", database)]
    if shape.as_json:
        options.write_json(records)
        return
    if not records:
        options.note("There is no hold.")
        return
    from mountbook.output.table import write_table
    from mountbook.output.words import printable

    rows = [[printable("" if one[name] is None else str(one[name])) for name in _TITLES] for one in records]
    write_table([name.replace("_", " ").upper() for name in _TITLES], rows)


@command.command(short_help="End a hold.")
@click.argument("number", type=click.IntRange(1))
@_DATABASE
@_BY
@options.shaped(templates=False, no_trunc=False)
def release(number: int, database: str | None, by: str | None, shape: Shape) -> None:
    """End the hold of this NUMBER in `mountbook hold list`; what is too old is dropped within the hour."""
    released = _call("release", database, number, by)
    if shape.as_json:
        options.write_json(released)
    else:
        click.echo(f"Hold {number} is released.")


def _call(name: str, *args: Any) -> Any:
    module = options.need("mountbook.local.holds", "collector")
    try:
        return getattr(module, name)(*args)
    except ModuleNotFoundError as exc:
        raise options.missing(exc, "collector") from exc
