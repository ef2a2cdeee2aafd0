"""The agents that ``up`` runs in its own process: whose nodes they speak for, their tokens and their directories."""

import asyncio
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agent import elsewhere
from agent.config import Config
from agent.engine import Engine
from agent.health import HealthFile
from collector import identity
from collector.store.engine import Database
from mountbook.local import sample

_ALL_ACKNOWLEDGED: Final = "the collector has acknowledged everything"
"""How ``agent.service`` puts it in its health file."""
_POLL: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node that an agent speaks for, and where it looks.

    ``docker_host`` is empty for a node that is only files below ``host_root``; ``containerd_root`` when containerd's is
    found without. ``unreadable`` is the data root when this user may not read it, else ``""``.
    """

    cluster: str
    node: str
    hostname: str
    docker_host: str = ""
    host_root: str = ""
    data_root: str = ""
    containerd_root: str = ""
    unreadable: str = ""


def of_engine(address: str, containerd_root: str = "") -> Node:
    """Return the node of the engine at ``address``: the Swarm's when it is in one, else the engine itself.

    A worker does not know its Swarm's ID; its cluster is called ``local`` then.

    Raises:
        agent.errors.EngineError: it does not answer as an engine does.
    """
    with Engine(address) as engine:
        facts = engine.info().engine
        seen_from = elsewhere.through(engine.process, facts.data_root)
    readable = os.access(f"{seen_from}{facts.data_root}", os.R_OK | os.X_OK)
    return Node(
        cluster=facts.swarm_cluster or "local",
        node=facts.swarm_node or f"engine:{facts.engine_id}",
        hostname=facts.hostname,
        docker_host=address,
        containerd_root=containerd_root,
        unreadable="" if readable else facts.data_root,
    )


def of_samples(directory: Path) -> list[Node]:
    """Return the sample nodes, whose files lie below ``directory``.

    Raises:
        OSError: the disk does not take them.
    """
    return [
        Node(
            cluster=sample.CLUSTER,
            node=one.node,
            hostname=one.hostname,
            host_root=str(one.root),
            data_root=sample.DATA_ROOT,
        )
        for one in sample.prepare(directory)
    ]


async def configure(node: Node, home: Path, database: Database, collector: str) -> Config:
    """Return the configuration of the node's agent; its token is made if need be, and known to the register.

    The token lies in ``home``/agents, readable by its owner only, and is shown nowhere.

    Raises:
        OSError: the directory cannot be written.
        collector.errors.ProblemError: the database cannot be used.
    """
    state = home / "agents" / re.sub(r"[^A-Za-z0-9._-]", "_", f"{node.cluster}.{node.node}")
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = state / "token"
    # The same token again changes nothing, and makes it known to a database that was emptied or exchanged.
    await identity.add(
        database, "agent", cluster=node.cluster, node=node.node, comment="mountbook up", token=_kept_token(file)
    )
    (state / "health.json").unlink(missing_ok=True)
    return Config(
        collectors=(collector,),
        token_file=str(file),
        state_dir=str(state),
        docker_host=node.docker_host,
        host_root=node.host_root,
        data_root=node.data_root,
        containerd_root=node.containerd_root,
        start_spread=0.0,
    )


def _kept_token(file: Path) -> str:
    try:
        token = file.read_text().strip()
    except FileNotFoundError:
        token = ""
    if not token:
        token = identity.new_token()
        fresh = file.with_name("token.new")
        fresh.unlink(missing_ok=True)
        fresh.touch(mode=0o600, exist_ok=False)
        fresh.write_text(f"{token}\n")
        fresh.rename(file)
    return token


async def reported(config: Config) -> None:
    """Return when the agent with this configuration has told the collector everything that it saw."""
    health = HealthFile(config.state_dir)
    while True:
        well, sentence = await asyncio.to_thread(health.verdict)
        if well and sentence.endswith(_ALL_ACKNOWLEDGED):
            return
        await asyncio.sleep(_POLL)
