"""``mountbook status``: whether the collector can answer, and what it hears."""

from collections import Counter
from typing import TYPE_CHECKING

import click

from mountbook import options
from mountbook.options import Shape

if TYPE_CHECKING:
    from mountbook.client import Client


@click.command(short_help="The collector's and the cluster's health.")
@options.shaped(templates=False, no_trunc=False)
@options.asking
def command(client: "Client", shape: Shape) -> int:
    """Say whether the collector can answer, which nodes it hears, and how many containers it knows."""
    ready = client.ready()
    answer = client.nodes()
    if shape.as_json:
        options.write_json(
            {
                "url": client.url,
                "ready": True,
                "alerts": ready.alerts,
                "nodes": answer.nodes,
                "coverage": answer.coverage,
            }
        )
        return 0
    from mountbook.output.table import write_blocks
    from mountbook.output.words import count, node_name, printable

    states = Counter(node.state for node in answer.nodes)
    containers = sum(node.containers for node in answer.nodes)
    unresolved = sum(node.unresolved for node in answer.nodes)
    problems = [
        f"{node_name(node.hostname, node.node)}: {printable(problem)}"
        for node in answer.nodes
        for problem in node.problems
    ]
    conflicts = [
        f"{node_name(node.hostname, node.node)}: two agents take turns" for node in answer.nodes if node.conflict
    ]
    write_blocks(
        [
            [
                ("Collector", f"{client.url}, ready"),
                ("Nodes", ", ".join(f"{number} {state}" for state, number in states.most_common()) or "none"),
                ("Containers", count(containers, "container") + (f", {unresolved} unresolved" if unresolved else "")),
                ("Problems", [printable(alert) for alert in ready.alerts] + conflicts + problems),
            ]
        ]
    )
    options.write_coverage(answer.coverage, always=True)
    return 0
