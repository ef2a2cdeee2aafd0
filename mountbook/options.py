"""Options that commands share, and how each kind of answer leaves the command."""

import functools
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click
import msgspec

from mountbook import DEFAULT_URL
from mountbook.errors import UserError
from protocol.text import clean
from protocol.times import parse_time

if TYPE_CHECKING:
    from mountbook.client import Client
    from mountbook.output.template import Template
    from protocol.answers import Coverage

Function = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Shape:
    """How the answer is wanted: at most one of ``as_json``, ``quiet`` and ``template``; none is for people."""

    as_json: bool = False
    quiet: bool = False
    no_trunc: bool = False
    template: str | None = None

    def read_template(self, shapes: Sequence[type[msgspec.Struct]], aliases: dict[str, str]) -> "Template | None":
        """Return the template, its fields those of ``shapes`` and further names for them.

        Raises:
            UserError: it cannot be read, or uses an unknown field.
        """
        if self.template is None:
            return None
        from mountbook.output.template import field_names, parse

        return parse(self.template, field_names(shapes, aliases))


def url(function: Function) -> Function:
    """Add ``--url``."""
    return click.option(
        "--url",
        metavar="URL",
        envvar="MOUNTBOOK_URL",
        default=DEFAULT_URL,
        show_default=True,
        show_envvar=True,
        help="Where the collector is.",
    )(function)


def asking(function: Function) -> Function:
    """Add the options that say which collector to ask; the command gets a ``client``."""

    @url
    @click.option(
        "--token-file",
        type=click.Path(),
        metavar="FILE",
        help="Read the token from FILE, not from MOUNTBOOK_TOKEN or what `mountbook login` stored.",
    )
    @functools.wraps(function)
    def wrapper(*args: Any, token_file: str | None, **kwargs: Any) -> Any:
        with connect(kwargs.pop("url"), token_file) as client:
            return function(*args, client=client, **kwargs)

    return wrapper


def connect(given: str, token_file: str | None) -> "Client":
    """Return a client for the collector at ``given`` with the token that belongs to it.

    Raises:
        UserError: the address or the token is none.
    """
    from mountbook import credentials
    from mountbook.client import Client
    from mountbook.connection import regular_url

    address = regular_url(given)
    return Client(address, credentials.find(address, token_file, os.environ))


def shaped(
    quiet: str | None = None, *, templates: bool = True, no_trunc: bool = True
) -> Callable[[Function], Function]:
    """Add the options that say how the answer is wanted; the command gets a ``shape``.

    ``quiet`` is what ``-q`` prints, in words; without it there is no ``-q``.
    """

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def wrapper(*args: Any, as_json: bool, **kwargs: Any) -> Any:
            shape = Shape(
                as_json, kwargs.pop("quiet", False), kwargs.pop("no_trunc", False), kwargs.pop("template", None)
            )
            if sum((shape.as_json, shape.quiet, shape.template is not None)) > 1:
                raise click.UsageError("--json, --quiet and --format exclude one another.")
            return function(*args, shape=shape, **kwargs)

        options = [click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")]
        if templates:
            options.append(
                click.option(
                    "--format", "template", metavar="TEMPLATE", help="json, 'table {{.A}}\\t{{.B}}', or '{{.A}}'."
                )
            )
        if no_trunc:
            options.append(click.option("--no-trunc", is_flag=True, help="Print IDs and times in full."))
        if quiet is not None:
            options.append(click.option("-q", "--quiet", is_flag=True, help=quiet))
        for option in options:
            wrapper = option(wrapper)
        return wrapper

    return decorate


def at(function: Function) -> Function:
    """Add ``--at``."""
    return click.option(
        "--at",
        callback=check_time,
        metavar="TIME",
        help="As it was then: 2026-01-31T12:00:00Z, a Unix time, or 1h30m (ago).",
    )(function)


def check_time(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """Refuse what is no time; the collector reads it again, because its clock counts."""
    if value is None:
        return None
    try:
        parse_time(value, datetime.now(UTC))
    except ValueError as exc:
        raise click.BadParameter(str(exc)) from exc
    return value.strip()


def node(function: Function) -> Function:
    """Add ``--node``."""
    return click.option(
        "--node", type=clean, metavar="NODE", help="Only this node: its ID, a unique prefix of it, or its hostname."
    )(function)


def filters(*, known: str) -> Callable[[Function], Function]:
    """Add ``--filter``, whose keys are ``known``; the command gets ``filters`` as they were given."""
    return click.option(
        "-f",
        "--filter",
        "filters",
        multiple=True,
        callback=_check_filters,
        metavar="KEY=VALUE",
        help=f"Only what matches; may be repeated. Keys: {known}.",
    )


def _check_filters(_ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not value.partition("=")[1] or value.startswith("="):
            raise click.BadParameter(f"{value!r} is no filter; write KEY=VALUE, such as state=running")
    return tuple(clean(value) for value in values)


def write_json(answer: Any) -> None:
    """Write one JSON value, indented."""
    click.echo(msgspec.json.format(msgspec.json.encode(answer), indent=2))


def write_json_list(items: Iterable[Any]) -> None:
    """Write a JSON list, one item at a time: memory does not grow with its length."""
    empty = True
    for item in items:
        text = msgspec.json.format(msgspec.json.encode(item), indent=2).decode()
        sys.stdout.write(("[\n" if empty else ",\n") + text)
        empty = False
    sys.stdout.write("[]\n" if empty else "\n]\n")


def write_coverage(coverage: "Coverage", *, always: bool) -> None:
    """Write to standard error what the answer covers; unless ``always``, only when that is not everything."""
    from mountbook.output.words import coverage as in_words

    if always or not coverage.complete:
        note(in_words(coverage))


def note(text: str) -> None:
    """Write a remark to standard error, behind what was written to standard output before it.

    Names from disks may be part of it: control characters are escaped, all but the ends of its lines.
    """
    from mountbook.output.words import printable

    sys.stdout.flush()
    click.echo("\n".join(map(printable, text.split("\n"))), err=True)


def need(module: str, extra: str) -> Any:
    """Import a module that needs an extra.

    Raises:
        UserError: something that the extra brings is missing; the message has the line that installs it.
    """
    from importlib import import_module

    try:
        return import_module(module)
    except ModuleNotFoundError as exc:
        raise missing(exc, extra) from exc


def missing(exc: ModuleNotFoundError, extra: str) -> UserError:
    """Return what to say when a module of an extra is not installed.

    Raises:
        ModuleNotFoundError: the missing module is one of our own; that is a fault, not a missing extra.
    """
    name = (exc.name or "").partition(".")[0]
    if name in ("agent", "collector", "protocol", "mountbook", "migrations", ""):
        raise exc
    return UserError(f"This command needs {name}, which is not installed. Type: pip install 'mountbook[{extra}]'")
