"""The command that runs an agent by hand, where a Swarm's service cannot see enough; agents and the command name it."""

from collections.abc import Iterator
from typing import Final

IMAGE: Final = "mountbook/agent:latest"
_STATE: Final = "mountbook_agent"


def run_agent(*, url: str, node: str, cluster: str, data_root: str, image: str = IMAGE, separator: str = " ") -> str:
    """Return a ``docker run`` line; ``separator`` stands between its parts.

    It enrols with the join secret, which has to be in ``/etc/mountbook/join_secret`` before: any collector has it.
    """
    return separator.join(_parts(url, node, cluster, data_root, image))


def _parts(url: str, node: str, cluster: str, data_root: str, image: str) -> Iterator[str]:
    yield "docker run --detach --name mountbook-agent --restart unless-stopped --read-only --userns=host"
    yield f"--cap-drop ALL --cap-add DAC_READ_SEARCH --volume {_STATE}:/state"
    yield f"--env MOUNTBOOK_URL={url} --env MOUNTBOOK_NODE={node} --env MOUNTBOOK_CLUSTER={cluster}"
    yield "--env MOUNTBOOK_HOST_ROOT=/host --env MOUNTBOOK_JOIN_SECRET_FILE=/run/join_secret"
    yield "--volume /etc/mountbook/join_secret:/run/join_secret:ro"
    yield "--volume /var/run/docker.sock:/var/run/docker.sock:ro"
    yield f"--volume {data_root}:/host{data_root}:ro,rslave {image}"
