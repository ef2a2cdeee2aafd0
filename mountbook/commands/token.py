"""``mountbook token``: make, list and revoke tokens, next to the database."""

from typing import Any

import click
import msgspec

from mountbook import options
from mountbook.options import Shape
from protocol.text import clean

_DATABASE = click.option(
    "--database",
    envvar="MOUNTBOOK_DATABASE",
    metavar="URL",
    help="Which database: postgresql://USER@HOST/NAME.  [env var: MOUNTBOOK_DATABASE]",
)
_ROLES = ("agent", "operator", "auditor", "admin")


@click.group(short_help="Make, list and revoke tokens.", no_args_is_help=True)
def command() -> None:
    """Make, list and revoke the tokens of agents and people. They need the database, not the collector."""


@command.command(short_help="Make a token and print it, once.")
@_DATABASE
@click.option("--role", type=click.Choice(_ROLES), required=True, help="What the token may do.")
@click.option("--cluster", type=clean, metavar="CLUSTER", help="The cluster of an agent's node.")
@click.option("--node", type=clean, metavar="NODE", help="The node that an agent's token speaks for.")
@click.option("--comment", type=clean, metavar="TEXT", default="", help="Whom it is for.")
@options.shaped(templates=False, no_trunc=False)
def create(
    *, database: str | None, role: str, cluster: str | None, node: str | None, comment: str, shape: Shape
) -> None:
    """Make a token and print it. Only its hash is kept: it cannot be shown again."""
    if role == "agent" and not (cluster and node):
        raise click.UsageError("A token of the role agent speaks for one node: give --cluster and --node.")
    token = _call("create", database, role, cluster, node, comment)
    if shape.as_json:
        options.write_json({"token": token, "role": role})
        return
    click.echo(token)
    options.note("This token is shown once. Give it to `mountbook login`, or to the agent of that node.")


@command.command("list", short_help="List the tokens, without their secrets.")
@_DATABASE
@options.shaped(templates=False, no_trunc=False)
def list_(database: str | None, shape: Shape) -> None:
    """List the tokens; each is named by the first digits of its hash."""
    records: list[dict[str, Any]] = [msgspec.to_builtins(one) for one in _call("list_tokens", database)]
    if shape.as_json:
        options.write_json(records)
        return
    _write(records)


@command.command(short_help="End a token's validity.")
@click.argument("prefix")
@_DATABASE
@options.shaped(templates=False, no_trunc=False)
def revoke(prefix: str, database: str | None, shape: Shape) -> None:
    """End the validity of the token that PREFIX names in `mountbook token list`."""
    _call("revoke", database, prefix)
    if shape.as_json:
        options.write_json({"revoked": prefix})
    else:
        click.echo(f"The token {prefix} is revoked.")


@command.command(short_help="List the agents that wait to be approved.")
@_DATABASE
@options.shaped(templates=False, no_trunc=False)
def waiting(database: str | None, shape: Shape) -> None:
    """List the agents that asked for a node which has another token; each is named by its token's hash."""
    records: list[dict[str, Any]] = [msgspec.to_builtins(one) for one in _call("list_waiting", database)]
    if shape.as_json:
        options.write_json(records)
        return
    if not records:
        options.note("No agent waits to be approved.")
        return
    _write(records)


@command.command(short_help="Let a waiting agent speak for its node.")
@click.argument("prefix")
@_DATABASE
@options.shaped(templates=False, no_trunc=False)
def approve(prefix: str, database: str | None, shape: Shape) -> None:
    """Let the agent that PREFIX names in `mountbook token waiting` speak for its node; other tokens of it end."""
    node = _call("approve", database, prefix)
    if shape.as_json:
        options.write_json({"approved": prefix, "node": node})
    else:
        click.echo(f"The token {prefix} speaks for node {node}; its agent goes on within a minute.")


def _write(records: list[dict[str, Any]]) -> None:
    from mountbook.output.table import write_table
    from mountbook.output.words import printable

    titles = tuple(dict.fromkeys(name for record in records for name in record)) or ("prefix", "role")
    rows = [[printable("" if record.get(name) is None else str(record[name])) for name in titles] for record in records]
    write_table([name.replace("_", " ").upper() for name in titles], rows)


def _call(name: str, *args: Any) -> Any:
    module = options.need("mountbook.local.tokens", "collector")
    try:
        return getattr(module, name)(*args)
    except ModuleNotFoundError as exc:
        raise options.missing(exc, "collector") from exc
