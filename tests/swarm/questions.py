"""Many references looked up by one process: ``python -m tests.swarm.questions`` on the network of a node's host.

Standard input holds a JSON list of references; standard output gets, for each, the IDs that ``where`` finds, sorted.
"""

import json
import os
import sys

from mountbook import credentials
from mountbook.client import Client
from mountbook.errors import NotFoundError


def main() -> None:
    """Ask the collector that the environment names."""
    url = os.environ["MOUNTBOOK_URL"]
    with Client(url, credentials.find(url, None, os.environ)) as client:
        answers = {reference: _found(client, reference) for reference in json.load(sys.stdin)}
    json.dump(answers, sys.stdout)


def _found(client: Client, reference: str) -> list[str]:
    try:
        return sorted(row.container_id for row in client.where(reference).containers)
    except NotFoundError:
        return []


if __name__ == "__main__":
    main()
