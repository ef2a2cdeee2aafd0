"""``mountbook nodes``: every node that the register knows, and whether it is heard."""

from typing import TYPE_CHECKING, Final

import click
import msgspec

from mountbook import options
from mountbook.errors import UserError
from mountbook.options import Shape
from protocol.answers import NodeRow, Nodes

if TYPE_CHECKING:
    from mountbook.client import Client

TITLES: Final = ("NODE ID", "HOSTNAME", "STATE", "SEEN", "ENGINE", "BACKENDS", "CONTAINERS", "UNRESOLVED", "AGENT")
_ALIASES: Final = {"ID": "node"}
_FILTERS: Final = ("id", "name", "state", "cluster")


@click.command(short_help="List the nodes and whether they are heard.")
@options.at
@options.filters(known=", ".join(_FILTERS))
@options.shaped(quiet="Print only the node IDs.")
@options.asking
def command(client: "Client", at: str | None, filters: tuple[str, ...], shape: Shape) -> int:
    """List the nodes, their engines and storage backends, and when each was last heard."""
    template = shape.read_template([NodeRow], _ALIASES)
    wanted = _read_filters(filters)
    answer = client.nodes(at=at)
    rows = [node for node in answer.nodes if _matches(node, wanted)]
    if shape.as_json:
        options.write_json(msgspec.structs.replace(answer, nodes=rows))
    elif shape.quiet:
        for node in rows:
            click.echo(node.node)
    elif template is not None:
        template.write(map(msgspec.to_builtins, rows), no_trunc=shape.no_trunc)
    else:
        _write(rows, answer.coverage.as_of, shape.no_trunc)
        _write_rosters(answer)
        if at is not None:
            options.note("Engines, backends and agents are those of now; the register keeps no earlier ones.")
    if not shape.as_json:
        options.write_coverage(answer.coverage, always=not shape.quiet and template is None)
    return 0


def _read_filters(filters: tuple[str, ...]) -> dict[str, set[str]]:
    wanted: dict[str, set[str]] = {}
    for text in filters:
        key, _, value = text.partition("=")
        if key not in _FILTERS:
            raise UserError(f"There is no filter {key!r} for nodes; the filters are {', '.join(_FILTERS)}.")
        wanted.setdefault(key, set()).add(value)
    return wanted


def _matches(node: NodeRow, wanted: dict[str, set[str]]) -> bool:
    """Values of one key are alternatives, different keys must all match, as with docker."""
    facts = {"id": node.node, "name": node.hostname, "state": node.state, "cluster": node.cluster}
    return all(
        facts[key] in values or (key == "id" and any(node.node.startswith(value) for value in values if value))
        for key, values in wanted.items()
    )


def _write(nodes: list[NodeRow], as_of: str, no_trunc: bool) -> None:
    from mountbook.output.table import write_table
    from mountbook.output.words import ago, printable

    rows = [
        [
            printable(node.node),
            printable(node.hostname),
            "conflict" if node.conflict else node.state,
            printable(node.seen or "") if no_trunc else ago(node.seen, as_of) or "never",
            printable(str(node.engine.get("version", ""))),
            printable(",".join(str(backend.get("name", "")) for backend in node.backends)),
            str(node.containers),
            str(node.unresolved),
            printable(node.agent),
        ]
        for node in nodes
    ]
    write_table(TITLES, rows)
    for node in nodes:
        for problem in node.problems:
            options.note(f"{printable(node.hostname or node.node)}: {printable(problem)}")


def _write_rosters(answer: Nodes) -> None:
    """Say how old what managers know of their Swarm is: a state such as *drained* is no newer."""
    from mountbook.output.words import ago, printable

    for roster in answer.rosters:
        age = ago(roster.read_at, answer.coverage.as_of) or roster.read_at
        reporter = printable(roster.hostname or roster.node)
        options.note(f"Swarm {printable(roster.cluster)}: {roster.nodes} nodes, as {reporter} read it {age}")
