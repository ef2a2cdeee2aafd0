"""What ``deploy`` and ``undeploy`` change, in order, and what they wait for."""

import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from mountbook import credentials
from mountbook.client import Client
from mountbook.deploy import checks
from mountbook.deploy.checks import Wanted
from mountbook.deploy.docker import Docker
from mountbook.deploy.facts import SECRETS, Facts, Node, read
from mountbook.errors import UserError
from protocol.answers import NodeRow
from protocol.byhand import run_agent

STACK: Final = "mountbook"
SUBNET: Final = "10.222.0.0/16"
_ADMIN: Final = SECRETS[2]
_LOOK: Final = 2.0
"""Seconds between two looks at who reports."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the operator asked for. ``image`` is the prefix of the images' names, ``database`` an external address."""

    image: str = "mountbook"
    tag: str = "latest"
    push: str = ""
    loaded: bool = False
    subnet: str = SUBNET
    port: int = 8480
    collectors: int = 2
    database: str = ""
    cluster: str = ""
    postgres: str = ""
    patience: float = 180.0

    @property
    def prefix(self) -> str:
        """The images' prefix on the nodes."""
        return f"{self.push.rstrip('/')}/{self.image.rpartition('/')[2]}" if self.push else self.image

    def names(self, prefix: str) -> tuple[str, ...]:
        """Return the images' whole names."""
        return tuple(f"{prefix}/{part}:{self.tag}" for part in ("agent", "collector"))


def stack_file() -> Path:
    """Return where the stack's file is: in the wheel beside this module, in a checkout at the top."""
    here = Path(__file__).resolve().parent
    installed = here / "stack.yml"
    return installed if installed.exists() else here.parents[1] / "stack.yml"


def deploy(docker: Docker, plan: Plan, say: Callable[[str], None]) -> int:
    """Check, deploy and wait; return 0 when every node reports, 1 when some do not.

    Raises:
        UserError: the Swarm cannot take the stack (then nothing was changed), or docker refused a step.
    """
    facts = read(docker, STACK, () if plan.push else plan.names(plan.image))
    wanted = Wanted(
        subnet=plan.subnet,
        port=plan.port,
        images=plan.names(plan.image),
        loaded=plan.loaded or bool(plan.push),
        external_database=bool(plan.database),
    )
    wrong = checks.problems(facts, wanted)
    if wrong:
        raise UserError("\n".join([*wrong, "Nothing was changed."]))
    for remark in checks.remarks(facts):
        say(remark)
    plan = replace(plan, cluster=plan.cluster or facts.cluster or _cluster_id(facts))
    if plan.push:
        _push(docker, plan, say)
    token = _make_secrets(docker, facts, say)
    if not plan.database and checks.postgres_node(facts) is None:
        _choose_disk(docker, facts, plan.postgres, say)
    _deploy(docker, plan)
    say("The stack is deployed; waiting until every node reports.")
    return _wait(docker, facts, plan, token, say)


def undeploy(docker: Docker, *, forget: bool, say: Callable[[str], None]) -> None:
    """Remove the stack; its volumes and secrets stay, unless ``forget``.

    Raises:
        UserError: docker refused.
    """
    docker.run("stack", "rm", STACK)
    give_up = time.monotonic() + 120
    filters = ("--filter", f"label=com.docker.stack.namespace={STACK}")
    while docker.names("ps", "--quiet", *filters) or docker.names("network", "ls", "--quiet", *filters):
        if time.monotonic() > give_up:
            raise UserError("Tasks of the stack are still being stopped; look with `docker stack ps mountbook`.")
        time.sleep(_LOOK)
    if not forget:
        say(
            "The stack is removed. The register (volume mountbook_postgres), its checkpoints and the secrets are kept; "
            "`mountbook deploy` goes on with them."
        )
        return
    docker.run("secret", "rm", *SECRETS)
    say(
        "The stack and its secrets are removed. A volume is its node's own; on every node that had a task:\n"
        "  docker volume rm mountbook_agent mountbook_checkpoints mountbook_postgres"
    )


def _push(docker: Docker, plan: Plan, say: Callable[[str], None]) -> None:
    for here, there in zip(plan.names(plan.image), plan.names(plan.prefix), strict=True):
        docker.run("tag", here, there)
        docker.run("push", "--quiet", there)
        say(f"Pushed {there}.")


def _make_secrets(docker: Docker, facts: Facts, say: Callable[[str], None]) -> str:
    """Make the secrets that are missing; return the admin token if it was made now, else ""."""
    made = ""
    for name in checks.missing_secrets(facts, SECRETS):
        value = secrets.token_hex(32)
        docker.run("secret", "create", name, "-", given=value)
        say(f"Made the secret {name}.")
        if name == _ADMIN:
            made = value
    return made


def _choose_disk(docker: Docker, facts: Facts, asked: str, say: Callable[[str], None]) -> None:
    node = next((node for node in facts.nodes if asked in (node.id, node.hostname)), None)
    if asked and node is None:
        raise UserError(f"There is no node {asked!r}; see `docker node ls`.")
    where = node.id if node is not None else facts.info.swarm.node_id
    docker.run("node", "update", "--label-add", "mountbook.postgres=true", where)
    named = next((node.name for node in facts.nodes if node.id == where), where)
    say(f"The register's disk is that of {named} (label mountbook.postgres=true).")


def _cluster_id(facts: Facts) -> str:
    return facts.info.swarm.cluster.id if facts.info.swarm.cluster is not None else ""


def _deploy(docker: Docker, plan: Plan) -> None:
    settings = {
        "MOUNTBOOK_IMAGE": plan.prefix,
        "MOUNTBOOK_TAG": plan.tag,
        "MOUNTBOOK_SUBNET": plan.subnet,
        "MOUNTBOOK_PORT": str(plan.port),
        "MOUNTBOOK_COLLECTORS": str(plan.collectors),
        "MOUNTBOOK_CLUSTER": plan.cluster,
        **({"MOUNTBOOK_DATABASE": plan.database} if plan.database else {}),
    }
    resolve = ("--resolve-image", "never") if plan.loaded else ("--with-registry-auth",)
    docker.run("stack", "deploy", *resolve, "--compose-file", str(stack_file()), STACK, **settings)


def _wait(docker: Docker, facts: Facts, plan: Plan, token: str, say: Callable[[str], None]) -> int:
    expected = {node.id: node for node in facts.nodes if node.runs_tasks}
    give_up = time.monotonic() + plan.patience
    rows: dict[str, NodeRow] = {}
    url = ""
    while time.monotonic() < give_up:
        for candidate in _urls(docker, facts, plan.port):
            rows = _ask(candidate, token) or rows
            if rows:
                url = candidate
                break
        if expected.keys() <= {key for key, row in rows.items() if row.state == "observed"}:
            break
        time.sleep(_LOOK)
    if token and url:
        path = credentials.store_path(os.environ)
        credentials.save(path, url, token)
        say(f"The admin token is kept in {path}; `mountbook --help` and `mountbook nodes --url {url}` are next.")
    return _report(docker, facts, plan, rows, say)


def _urls(docker: Docker, facts: Facts, port: int) -> list[str]:
    """Return the addresses at which collectors should answer."""
    words = ("service", "ps", f"{STACK}_collector", "--filter", "desired-state=running", "--format", "{{.Node}}")
    names = set(docker.run(*words).split())
    addresses = [node.address for node in facts.nodes if node.hostname in names and node.address]
    return [f"http://{address}:{port}" for address in addresses]


def _ask(url: str, token: str) -> dict[str, NodeRow]:
    """Return the nodes that the collector knows, none while it cannot be asked."""
    try:
        known = credentials.Token(token, "deploy") if token else credentials.find(url, None, os.environ)
        with Client(url, known) as client:
            return {row.node: row for row in client.nodes().nodes}
    except UserError:
        return {}


def _report(docker: Docker, facts: Facts, plan: Plan, rows: dict[str, NodeRow], say: Callable[[str], None]) -> int:
    tasks = _tasks(docker)
    silent = [node for node in facts.nodes if rows.get(node.id) is None or rows[node.id].state != "observed"]
    say(f"{len(facts.nodes) - len(silent)} of {len(facts.nodes)} nodes report.")
    for node in silent:
        say(f"{node.name} does not report: {_why(node, tasks, plan)}")
    return 1 if any(node.runs_tasks for node in silent) else 0


def _why(node: Node, tasks: dict[str, str], plan: Plan) -> str:
    if node.os != "linux":
        return f"it runs {node.os}, which is not supported."
    if node.state != "ready":
        return f"Swarm says that it is {node.state}."
    if node.availability == "drain":
        return "it is drained, so Swarm starts no agent there. To observe it all the same, run there:\n" + by_hand(
            node, plan
        )
    if node.labels.get("mountbook.agent") == "false":
        return "its label mountbook.agent=false keeps the stack's agent off. Run one there:\n" + by_hand(node, plan)
    return tasks.get(node.hostname, "its agent has no task yet") + " (docker service logs mountbook_agent)."


def by_hand(node: Node, plan: Plan, data_root: str = checks.DATA_ROOT) -> str:
    """Return the command that runs an agent outside the stack; a collector's node has the join secret."""
    return "  " + run_agent(
        url=f"http://COLLECTOR:{plan.port}",
        node=node.id,
        cluster=plan.cluster,
        data_root=data_root,
        image=plan.names(plan.prefix)[0],
        separator=" \\\n    ",
    )


def _tasks(docker: Docker) -> dict[str, str]:
    """Return what became of the agent's newest task on every node, by hostname."""
    words = ("service", "ps", f"{STACK}_agent", "--no-trunc", "--format", "{{.Node}}\t{{.CurrentState}}\t{{.Error}}")
    found: dict[str, str] = {}
    for line in docker.run(*words).splitlines():
        host, state, error = [*line.split("\t"), "", ""][:3]
        found.setdefault(host, f"its agent is {state.lower()}" + (f": {error}" if error else ""))
    return found
