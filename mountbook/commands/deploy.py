"""``mountbook deploy``: the stack on this Swarm, checked before and waited for after."""

import click

from mountbook import options


@click.command(short_help="Deploy or upgrade Mountbook on this Swarm.")
@click.option(
    "--image",
    metavar="REF",
    default="mountbook",
    show_default=True,
    help="Prefix of the images' names: REF/agent, REF/collector.",
)
@click.option("--tag", metavar="TAG", default="latest", show_default=True, help="Tag of both images.")
@click.option(
    "--push",
    metavar="REGISTRY",
    default="",
    help="Push this machine's images to REGISTRY first; nodes pull them from there.",
)
@click.option("--loaded", is_flag=True, help="Every node has the images already (docker load).")
@click.option(
    "--collectors",
    type=click.IntRange(1, 100),
    default=2,
    show_default=True,
    help="How many collectors, each on a node of its own.",
)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=8480,
    show_default=True,
    help="Port of the collectors on their nodes.",
)
@click.option(
    "--subnet", metavar="CIDR", default="10.222.0.0/16", show_default=True, help="Addresses of the stack's network."
)
@click.option(
    "--cluster",
    metavar="NAME",
    default="",
    help="What this Swarm is called; by default its cluster ID, or what it was called before.",
)
@click.option(
    "--postgres-node",
    metavar="NODE",
    default="",
    help="Whose disk holds the register the first time; by default this manager's.",
)
@click.option(
    "--database",
    metavar="URL",
    default="",
    help="Use this PostgreSQL, postgresql://USER@HOST/NAME; its password is the secret mountbook_postgres_password.",
)
@click.option(
    "--layout",
    "layouts",
    metavar="NODE=ROOT[:CONTAINERD]",
    multiple=True,
    help="A node whose data root (and containerd root) lies elsewhere gets an agent service of its own; "
    "NODE=default gives it back. May be given several times.",
)
@click.option(
    "--hardened",
    is_flag=True,
    help="Agents without the engine's socket, and not as uid 0 (REF/agent-hardened); they send no roster.",
)
@click.option(
    "--wait",
    "patience",
    type=click.IntRange(0, 3600),
    default=180,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait until every node reports.",
)
def command(
    *,
    image: str,
    tag: str,
    push: str,
    loaded: bool,
    collectors: int,
    port: int,
    subnet: str,
    cluster: str,
    postgres_node: str,
    database: str,
    layouts: tuple[str, ...],
    hardened: bool,
    patience: int,
) -> int:
    """Check this Swarm, make the secrets that are missing, deploy the stack, and wait until every node reports.

    It uses docker's own command, with its context. Run again, with the same options, it upgrades. When something is
    wrong it says what to do, and changes nothing.
    """
    from mountbook.deploy.docker import Docker
    from mountbook.deploy.layouts import read_option
    from mountbook.deploy.plan import Plan
    from mountbook.deploy.steps import deploy

    plan = Plan(
        image=image.rstrip("/"),
        tag=tag,
        push=push,
        loaded=loaded,
        subnet=subnet,
        port=port,
        collectors=collectors,
        database=database,
        cluster=cluster,
        postgres=postgres_node,
        hardened=hardened,
        layouts=tuple(map(read_option, layouts)),
        patience=float(patience),
    )
    return deploy(Docker(), plan, options.note)
