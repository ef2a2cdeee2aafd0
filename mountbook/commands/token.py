"""``mountbook token``: make, list and revoke tokens, next to the database."""

import click

from mountbook import beside, options
from mountbook.options import Shape
from protocol.text import clean

_ROLES = ("agent", "operator", "auditor", "admin")


@click.group(short_help="Make, list and revoke tokens.", no_args_is_help=True)
def command() -> None:
    """Make, list and revoke the tokens of agents and people. They need the database, not the collector."""


@command.command(short_help="Make a token and print it, once.")
@beside.database
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
    token = beside.call("tokens", "create", database, role, cluster, node, comment)
    if shape.as_json:
        options.write_json({"token": token, "role": role})
        return
    click.echo(token)
    options.note("This token is shown once. Give it to `mountbook login`, or to the agent of that node.")


@command.command("list", short_help="List the tokens, without their secrets.")
@beside.database
@options.shaped(templates=False, no_trunc=False)
def list_(database: str | None, shape: Shape) -> None:
    """List the tokens; each is named by the first digits of its hash."""
    records = beside.call("tokens", "list_tokens", database)
    if shape.as_json:
        options.write_json(records)
    elif records:
        beside.write_records(records)
    else:
        options.note("There is no token.")


@command.command(short_help="End a token's validity.")
@click.argument("prefix")
@beside.database
@options.shaped(templates=False, no_trunc=False)
def revoke(prefix: str, database: str | None, shape: Shape) -> None:
    """End the validity of the token that PREFIX names in `mountbook token list`."""
    beside.call("tokens", "revoke", database, prefix)
    if shape.as_json:
        options.write_json({"revoked": prefix})
    else:
        click.echo(f"The token {prefix} is revoked.")


@command.command(short_help="List the agents that wait to be approved.")
@beside.database
@options.shaped(templates=False, no_trunc=False)
def waiting(database: str | None, shape: Shape) -> None:
    """List the agents that asked for a node which has another token; each is named by its token's hash."""
    records = beside.call("tokens", "list_waiting", database)
    if shape.as_json:
        options.write_json(records)
    elif records:
        beside.write_records(records)
    else:
        options.note("No agent waits to be approved.")


@command.command(short_help="Let a waiting agent speak for its node.")
@click.argument("prefix")
@beside.database
@options.shaped(templates=False, no_trunc=False)
def approve(prefix: str, database: str | None, shape: Shape) -> None:
    """Let the agent that PREFIX names in `mountbook token waiting` speak for its node; other tokens of it end."""
    node = beside.call("tokens", "approve", database, prefix)
    if shape.as_json:
        options.write_json({"approved": prefix, "node": node})
    else:
        click.echo(f"The token {prefix} speaks for node {node}; its agent goes on within a minute.")
