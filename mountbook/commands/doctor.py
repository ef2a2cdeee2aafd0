"""``mountbook doctor``: what an agent on this machine can see, and what keeps it from seeing more."""

import os
from typing import Any

import click

from mountbook import options
from mountbook.options import Shape

PROBLEMS = 1
"""Exit status: something is wrong."""


@click.command(
    short_help="What this machine's agent can see, and what is in its way.", epilog="\b\nsudo mountbook doctor"
)
@options.shaped(templates=False, no_trunc=False)
@options.url
@click.option("--token-file", type=click.Path(), metavar="FILE", help="Read the token from FILE.")
def command(url: str, token_file: str | None, shape: Shape) -> int:
    """Say what an agent on this machine can see, what keeps it from seeing more, and what to do about it.

    It looks at user and capabilities, the engine's socket, the data root, mounts, SELinux, user namespaces and the
    collector, from the same environment as the agent (DOCKER_HOST, MOUNTBOOK_HOST_ROOT, MOUNTBOOK_DATA_ROOT,
    MOUNTBOOK_CONTAINERD_ROOT). Exit status: 0 all is well, 1 something is not.
    """
    examined = _examine(url, token_file)
    if shape.as_json:
        options.write_json(examined)
    else:
        _write(examined.checks)
    return 0 if examined.well else PROBLEMS


def _examine(url: str, token_file: str | None) -> Any:
    module = options.need("mountbook.local.doctor", "agent")

    def ask() -> str:
        with options.connect(url, token_file) as client:
            client.ready()
            nodes = client.nodes().nodes
            heard = sum(node.state == "observed" for node in nodes)
            return f"{client.url} is ready and hears {heard} of {len(nodes)} nodes"

    try:
        return module.examine(
            os.environ.get("DOCKER_HOST", ""),
            os.environ.get("MOUNTBOOK_HOST_ROOT", "").rstrip("/"),
            os.environ.get("MOUNTBOOK_DATA_ROOT", "").rstrip("/"),
            os.environ.get("MOUNTBOOK_CONTAINERD_ROOT", "").rstrip("/"),
            ask,
        )
    except ModuleNotFoundError as exc:
        raise options.missing(exc, "agent") from exc


def _write(checks: list[Any]) -> None:
    from mountbook.output.table import write_table
    from mountbook.output.words import count, printable

    write_table(("CHECK", "STATUS", "FOUND"), [[one.name, one.status, printable(one.found)] for one in checks])
    wrong = [one for one in checks if one.status == "problem"]
    for one in wrong:
        if one.advice:
            options.note(f"{one.name}: {printable(one.advice)}.")
    options.note(count(len(wrong), "problem") if wrong else "all is well")
