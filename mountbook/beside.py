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


def write_records(records: Sequence[Any], titles: Sequence[str] = ()) -> None:
    """Write records as a table, a column for each field with its name as the title; ``titles`` are those that count."""
    from mountbook.output.table import write_table
    from mountbook.output.words import printable

    fields: list[dict[str, Any]] = [msgspec.to_builtins(record) for record in records]
    names = titles or tuple(dict.fromkeys(name for one in fields for name in one))
    rows = [[printable("" if one.get(name) is None else str(one[name])) for name in names] for one in fields]
    write_table([name.replace("_", " ").upper() for name in names], rows)
