"""Why an agent that Swarm should run does not report, and what to do."""

from typing import Final

from mountbook.deploy.facts import GOSSIP

_CAUSES: Final = {
    "is not a shared or slave mount": "what it binds is on a mount that is not shared. Type `mount --make-rshared /` "
    "there, and see to it that it is done at every start; systemd does it",
    "docker/swarm": "its data root is not /var/lib/docker. `docker info --format '{{.DockerRootDir}}'` there says "
    "where it is: deploy again with --layout NODE=ROOT",
    "bind source path does not exist": "a directory that it binds is not there: correct its --layout",
    "address already in use": "another program there has the port: choose another with --port",
    "port is already allocated": "another container there has the port: choose another with --port",
    "No such image": "the image is not there, and cannot be pulled: push it (--push), or load it there (--loaded)",
    "failed to allocate": "the network has no address left, or overlaps another: choose a larger one with --subnet",
}
"""What an engine says of a task that does not start, and what to do about it."""


def cause(state: str, error: str, *, heard: bool) -> str:
    """Return why an agent does not report, from its task's state and error as docker gives them, and what to do.

    ``heard``: a collector answers.
    """
    if not state:
        return "its agent has no task yet (docker service ps mountbook_agent)."
    for sign, sentence in _CAUSES.items():
        if sign in error:
            return f"its agent is {state}: {sentence}. (The engine says: {error})"
    if error or state != "running":
        return f"its agent is {state}" + (f": {error}" if error else "") + " (docker service logs mountbook_agent)."
    if not heard:
        return "its agent runs; whether it is heard is not known."
    return (
        f"its agent runs, but no collector hears it. Overlay networks need 4789/udp, {GOSSIP}/tcp and {GOSSIP}/udp "
        "open between all nodes; `docker service logs mountbook_agent` says what it tries."
    )
