"""``mountbook collector``: start the collector of this machine, as ``python -m collector`` does."""

import click

from mountbook import options


@click.command(short_help="Run a collector.")
def command() -> int:
    """Run a collector: it keeps what agents report in PostgreSQL and answers questions.

    It is configured by environment variables; `docs/operations.md` lists them.
    """
    services = options.need("mountbook.local.services", "collector")
    try:
        status: int = services.run_collector()
    except ModuleNotFoundError as exc:
        raise options.missing(exc, "collector") from exc
    return status
