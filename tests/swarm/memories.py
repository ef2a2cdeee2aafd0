"""Many moments asked about by one process: ``python -m tests.swarm.memories`` on the network of a node's host.

Standard input holds a JSON list of moments, each with paths; standard output gets, for each: which hosts were observed,
which containers each had, and who owned each path, with whether the answer is certain.
"""

import json
import os
import sys
from typing import Any

from mountbook import credentials
from mountbook.client import Client
from protocol.answers import ContainerRow


def main() -> None:
    """Ask the collector that the environment names."""
    url = os.environ["MOUNTBOOK_URL"]
    with Client(url, credentials.find(url, None, os.environ)) as client:
        json.dump([_remembered(client, one["at"], one["paths"]) for one in json.load(sys.stdin)], sys.stdout)


def _remembered(client: Client, at: str, paths: list[str]) -> dict[str, Any]:
    rows = [row for row in client.containers(at=at) if isinstance(row, ContainerRow)]
    return {
        "observed": [row.hostname for row in client.nodes(at=at).nodes if row.state == "observed"],
        "containers": [[row.hostname, row.container_id, row.certain] for row in rows],
        "owners": {
            answer.path: [[owner.hostname, owner.key, owner.certain] for owner in answer.owners]
            for answer in client.whose(paths, at=at).answers
        },
    }


if __name__ == "__main__":
    main()
