"""An engine with userns-remap puts every container in a user namespace, an agent's too: there it may read nothing.

Services have no ``userns_mode``, so a service's agent cannot leave it; one that is run by hand can.
"""

from typing import Final
from urllib.parse import urlsplit

from agent.config import Config
from protocol.byhand import run_agent
from protocol.messages import Engine

_EVERYBODY: Final = ["0", "0", "4294967295"]


def in_user_namespace(uid_map: str | None = None) -> bool:
    """Whether user IDs here are not the host's; ``uid_map`` is as in user_namespaces(7), None: this process's own."""
    if uid_map is None:
        try:
            with open("/proc/self/uid_map", encoding="ascii") as file:
                uid_map = file.read()
        except OSError:
            return False
    return bool(uid_map) and uid_map.split() != _EVERYBODY


def sentence(config: Config, engine: Engine, data_root: str) -> str:
    """Return what to do about a data root that is unreadable in a user namespace; upper-case words are to fill in."""
    port = urlsplit(config.collectors[0]).port if config.collectors else None
    line = run_agent(
        url=f"http://COLLECTOR:{port or 8480}",
        node=config.node or engine.swarm_node or "NODE-ID",
        cluster=config.cluster or engine.swarm_cluster or "CLUSTER",
        data_root=_around(data_root),
    )
    return (
        f"{data_root}: unreadable, because this agent is in a user namespace (the engine has userns-remap), which a "
        f"service cannot leave. Label the node mountbook.agent=false and run there: {line}"
    )


def _around(data_root: str) -> str:
    """Return the data root that a remapped one lies in (``<data root>/<uid>.<gid>``)."""
    above, _, name = data_root.rpartition("/")
    uid, _, gid = name.partition(".")
    return above if uid.isdecimal() and gid.isdecimal() else data_root
