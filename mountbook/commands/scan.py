"""``mountbook scan``: read a data root from disk, with no engine and no collector."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from mountbook import options
from mountbook.commands.where import CONTAINER_ALIASES, write_paths
from mountbook.options import Shape
from protocol.answers import ContainerRow, Scan
from protocol.text import clean


@click.command(
    short_help="Read a data root from disk, with no engine.",
    epilog="\b\nmountbook scan /mnt/disk/var/lib/docker --as /var/lib/docker",
)
@click.argument("root", type=click.Path(path_type=Path))
@click.option(
    "--containerd-root",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="containerd's root, when the data root is from an engine with the image store.",
)
@click.option(
    "--as",
    "host_root",
    type=clean,
    metavar="PATH",
    help="Give paths below PATH, what the host called the data root (/var/lib/docker).",
)
@options.shaped(quiet="Print only the containers' directories.")
def command(root: Path, containerd_root: Path | None, host_root: str | None, shape: Shape) -> int:
    """Read a data root from disk: a dead node's disk, a copy, evidence. Nothing is started and nothing is written."""
    template = shape.read_template([ContainerRow], CONTAINER_ALIASES)
    found = _scan(root, containerd_root, host_root)
    if shape.as_json:
        options.write_json(found)
        return 0
    status = 0
    if shape.quiet:
        status = write_paths(found.containers)
    elif template is not None:
        template.write(map(msgspec.to_builtins, found.containers), no_trunc=shape.no_trunc)
    else:
        _write(found, shape.no_trunc)
    for problem in found.problems:
        options.note(f"Problem: {problem}")
    return status


def _scan(root: Path, containerd_root: Path | None, host_root: str | None) -> Scan:
    module: Any = options.need("mountbook.local.scan", "agent")
    try:
        found: Scan = module.scan(root, containerd_root=containerd_root, host_root=host_root)
    except ModuleNotFoundError as exc:
        raise options.missing(exc, "agent") from exc
    return found


def _write(found: Scan, no_trunc: bool) -> None:
    from mountbook.output.table import write_table
    from mountbook.output.words import ago, count, directory, printable, short_id

    now = datetime.now(UTC).isoformat()
    rows = [
        [
            short_id(one.container_id, no_trunc),
            printable(one.name),
            printable(one.state),
            printable(short_id(one.image, no_trunc)),
            printable(one.created_at) if no_trunc else ago(one.created_at, now),
            one.resolved_by.value,
            directory(one),
        ]
        for one in found.containers
    ]
    write_table(("CONTAINER ID", "NAME", "STATE", "IMAGE", "CREATED", "RESOLVED BY", "DIRECTORY"), rows)
    if found.orphans:
        click.echo()
        orphans = [
            [printable(one.key), printable(one.diff_path or ""), printable(one.evidence)] for one in found.orphans
        ]
        write_table(("ORPHAN", "DIRECTORY", "EVIDENCE"), orphans)
    options.note(
        f"{count(len(found.containers), 'container')}, {count(len(found.layers), 'layer')}, "
        f"{count(len(found.images), 'image')}, {count(len(found.orphans), 'orphan')}, "
        f"{count(len(found.problems), 'problem')} below {printable(found.root)}"
    )
