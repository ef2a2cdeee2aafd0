"""``mountbook version``: what this command is made of."""

import platform

import click

from mountbook import options
from mountbook.options import Shape
from protocol.version import HASH_VERSIONS, PROTOCOL, RELEASE


@click.command(short_help="The version of this command.")
@options.shaped(templates=False, no_trunc=False)
def command(shape: Shape) -> None:
    """Print the version of this command and of the protocol that it speaks."""
    python = platform.python_version()
    if shape.as_json:
        options.write_json({"release": RELEASE, "protocol": PROTOCOL, "hash_versions": HASH_VERSIONS, "python": python})
        return
    from mountbook.output.table import write_blocks

    hashes = ", ".join(map(str, HASH_VERSIONS))
    write_blocks([[("Mountbook", RELEASE), ("Protocol", f"{PROTOCOL} (state hash {hashes})"), ("Python", python)]])
