"""``mountbook undeploy``: take the stack off this Swarm; the register stays."""

import click

from mountbook import options


@click.command(short_help="Remove Mountbook from this Swarm, and keep its data.")
@click.option("--forget", is_flag=True, help="Remove the secrets too, and say how to remove the volumes.")
def command(*, forget: bool) -> None:
    """Remove the stack. The register's volume and the secrets are kept, so that `mountbook deploy` can go on."""
    from mountbook.deploy.docker import Docker
    from mountbook.deploy.steps import undeploy

    undeploy(Docker(), forget=forget, say=options.note)
