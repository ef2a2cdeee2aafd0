"""What commands share that work next to the database, without a collector: their options, calls and tables."""

from collections.abc import Callable, Sequence
from typing import Any

import click
import msgspec

from mountbook import options
from protocol.text import clean

Function = Callable[..., Any]


def database(function: Function) -> Function:
    """Add ``--database``."""
    return click.option(
        "--database",
        envvar="MOUNTBOOK_DATABASE",
        metavar="URL",
        help="Which database: postgresql://USER@HOST/NAME.  [env var: MOUNTBOOK_DATABASE]",
    )(function)


def by(function: Function) -> Function:
    """Add ``--by``."""
    return click.option("--by", type=clean, metavar="NAME", help="Who says so; by default the user who types.")(
        function
    )


def call(module: str, name: str, *args: Any) -> Any:
    """Call a function of ``mountbook.local``, whose modules need the extra ``collector``.

    Raises:
        UserError: it is not installed; and what the function raises.
    """
    found = options.need(f"mountbook.local.{module}", "collector")
    try:
        return getattr(found, name)(*args)
    except ModuleNotFoundError as exc:
        raise options.missing(exc, "collector") from exc


def write_records(records: Sequence[msgspec.Struct], titles: Sequence[str]) -> None:
    """Write the fields of these names as a table, with each name as its title."""
    from mountbook.output.table import write_table
    from mountbook.output.words import printable

    rows = [[printable(_cell(getattr(record, name))) for name in titles] for record in records]
    write_table([name.replace("_", " ").upper() for name in titles], rows)


def _cell(value: object) -> str:
    return "" if value is None else str(value)
