"""``mountbook login``: store a token for a collector."""

import os
import sys

import click

from mountbook import credentials, options
from mountbook.errors import UserError


@click.command(short_help="Store a token for a collector.")
@options.url
@click.option("--token-file", type=click.Path(), metavar="FILE", help="Read the token from FILE.")
@click.option("--token-stdin", is_flag=True, help="Read the token from standard input.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def command(url: str, token_file: str | None, token_stdin: bool, as_json: bool) -> None:
    """Check a token with the collector and store it for later commands.

    It is kept in $XDG_CONFIG_HOME/mountbook/credentials.json, readable by you alone, and sent to this collector only.
    """
    from mountbook.client import Client
    from mountbook.connection import regular_url

    address = regular_url(url)
    token = _token(address, token_file, token_stdin)
    with Client(address, token) as client:
        client.nodes()
    path = credentials.store_path(os.environ)
    credentials.save(path, address, token.text)
    if as_json:
        options.write_json({"url": address, "stored": path})
    else:
        click.echo(f"The token for {address} is stored in {path}.")


def _token(url: str, token_file: str | None, token_stdin: bool) -> credentials.Token:
    if token_file is not None and token_stdin:
        raise click.UsageError("Give the token in a file or on standard input, not both.")
    if token_file is not None:
        return credentials.from_file(token_file)
    if token_stdin:
        text = sys.stdin.read(credentials.MAX_TOKEN + 64)
        return credentials.Token(credentials.check(text, "standard input"), "standard input")
    if not sys.stdin.isatty():
        raise UserError("There is no terminal to ask for the token; give it with --token-stdin or --token-file FILE.")
    text = click.prompt(f"Token for {url}", hide_input=True, err=True)
    return credentials.Token(credentials.check(text, "the prompt"), "the prompt")
