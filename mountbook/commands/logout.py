"""``mountbook logout``: forget the token of a collector."""

import os

import click

from mountbook import credentials, options


@click.command(short_help="Forget the token of a collector.")
@options.url
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def command(url: str, as_json: bool) -> None:
    """Forget the token that `mountbook login` stored for a collector. It stays valid: `token revoke` ends it."""
    from mountbook.connection import regular_url

    address = regular_url(url)
    forgotten = credentials.forget(credentials.store_path(os.environ), address)
    if as_json:
        options.write_json({"url": address, "forgotten": forgotten})
    else:
        click.echo(f"The token for {address} is forgotten." if forgotten else f"No token was stored for {address}.")
