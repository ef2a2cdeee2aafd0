"""``mountbook mount-command``: how to look at a container's files without changing them."""

from typing import TYPE_CHECKING

import click

from mountbook import options
from mountbook.errors import NOT_FOUND
from mountbook.options import Shape
from protocol.sizes import MountCommand
from protocol.text import clean

if TYPE_CHECKING:
    from mountbook.client import Client


@click.command(
    "mount-command",
    short_help="How to mount a container's files read-only.",
    epilog='\b\nmountbook mount-command web\nssh root@n1 "$(mountbook mount-command -q web)"',
)
@click.argument("ref", type=clean)
@options.node
@options.at
@options.shaped(quiet="Print only the commands.", templates=False, no_trunc=False)
@options.asking
def command(client: "Client", ref: str, node: str | None, at: str | None, shape: Shape) -> int:
    """Print the exact command that mounts a container's files read-only at /mnt, with every layer below its own.

    It is printed, never run: type it as root on the container's node. REF is as for `mountbook where`.
    """
    from mountbook.sizes import mount_commands

    answer = mount_commands(client, ref, node, at)
    if shape.as_json:
        options.write_json(answer)
        return 0
    found = [one for one in answer.commands if _write(one, quiet=shape.quiet)]
    options.write_coverage(answer.coverage, always=False)
    return 0 if found else NOT_FOUND


def _write(one: MountCommand, *, quiet: bool) -> bool:
    """Write one command behind a comment that says for what and where; return whether there is one."""
    from mountbook.output.words import node_name, printable, short_id

    name = f"{printable(one.name) or short_id(one.container_id)} on {node_name(one.hostname, one.node)}"
    if one.command is None:
        options.note(f"{name}: there is no command, {printable(one.reason)}.")
        return False
    if not quiet:
        click.echo(f"# {name} ({printable(one.backend)}), as root on {node_name(one.hostname, one.node)}")
    shown = printable(one.command)
    click.echo(shown)
    if shown != one.command:
        options.note(f"{name}: a name in the command has control characters; --json has it as it is.")
    for remark in one.remarks:
        options.note(f"{name}: {printable(remark)}.")
    return True
