"""``mountbook agent``: start the agent of this machine, as ``python -m agent`` does."""

import click

from mountbook import options


@click.command(short_help="Run the agent of this node.")
def command() -> int:
    """Run the agent: it reports what lies on this node to the collector.

    It is configured by environment variables; `docs/operations.md` lists them.
    """
    services = options.need("mountbook.local.services", "agent")
    try:
        status: int = services.run_agent()
    except ModuleNotFoundError as exc:
        raise options.missing(exc, "agent") from exc
    return status
