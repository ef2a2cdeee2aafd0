"""What ``deploy`` and ``undeploy`` change, in order."""

import os
import secrets
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from mountbook import credentials
from mountbook.deploy import checks, layouts, waiting
from mountbook.deploy.checks import Wanted
from mountbook.deploy.docker import Docker
from mountbook.deploy.facts import SECRETS, Facts, Node, read, read_nodes
from mountbook.deploy.layouts import KEPT_OFF, LABEL, Layout
from mountbook.deploy.plan import STACK, Plan, stack_file
from mountbook.errors import UserError

_ADMIN: Final = SECRETS[2]
_POSTGRES: Final = "mountbook.postgres"
_LOOK: Final = 2.0
"""Seconds between two looks at what is being removed."""
_LONGEST_REMOVAL: Final = 120.0


def deploy(docker: Docker, plan: Plan, say: Callable[[str], None]) -> int:
    """Check, deploy and wait; return 0 when every node reports, 1 when some do not.

    Raises:
        UserError: the Swarm cannot take the stack (then nothing was changed), or docker refused a step.
    """
    facts = read(docker, STACK, () if plan.push else plan.names(plan.image), plan.port)
    chosen = _layouts(facts, plan)
    wanted = Wanted(
        subnet=plan.subnet,
        port=plan.port,
        images=plan.names(plan.image),
        loaded=plan.loaded or bool(plan.push),
        external_database=bool(plan.database),
        layouts=chosen,
    )
    wrong = checks.problems(facts, wanted)
    if wrong:
        raise UserError("\n".join([*wrong, "Nothing was changed."]))
    disk = _disk(facts, plan)
    for remark in checks.remarks(facts):
        say(remark)
    plan = replace(plan, cluster=plan.cluster or facts.cluster or _cluster_id(facts))
    if plan.push:
        _push(docker, plan, say)
    token = _make_secrets(docker, facts, say)
    if disk is not None:
        docker.run("node", "update", "--label-add", f"{_POSTGRES}=true", disk.id)
        say(f"The register's disk is that of {disk.name} (label {_POSTGRES}=true).")
    facts = _label(docker, facts, chosen, say)
    _deploy(docker, plan, chosen)
    say("The stack is deployed; waiting until every node reports.")
    seen = waiting.wait(docker, facts, plan, token)
    if elsewhere := layouts.reported(seen.rows, chosen):
        chosen = {**chosen, **elsewhere}
        facts = _label(docker, facts, chosen, say)
        _deploy(docker, plan, chosen)
        seen = waiting.wait(docker, facts, plan, token, sighted=frozenset(elsewhere))
    if token and seen.url:
        path = credentials.store_path(os.environ)
        credentials.save(path, seen.url, token)
        say(f"The admin token is kept in {path}; `mountbook --help` and `mountbook nodes --url {seen.url}` are next.")
    elif token:
        say(
            "The admin token is the secret mountbook_admin_token; `docker exec COLLECTOR cat /run/secrets/"
            "mountbook_admin_token` shows it, `mountbook login` keeps it."
        )
    return waiting.report(docker, facts, plan, chosen, seen, say)


def undeploy(docker: Docker, *, forget: bool, say: Callable[[str], None]) -> None:
    """Remove the stack; its volumes and secrets stay, unless ``forget``.

    Raises:
        UserError: docker refused.
    """
    docker.run("stack", "rm", STACK)
    give_up = time.monotonic() + _LONGEST_REMOVAL
    filters = ("--filter", f"label=com.docker.stack.namespace={STACK}")
    while docker.names("ps", "--quiet", *filters) or docker.names("network", "ls", "--quiet", *filters):
        if time.monotonic() > give_up:
            raise UserError("Tasks of the stack are still being stopped; look with `docker stack ps mountbook`.")
        time.sleep(_LOOK)
    if not forget:
        say(
            "The stack is removed. The register (volume mountbook_postgres), its checkpoints, the secrets and the "
            "labels of nodes are kept; `mountbook deploy` goes on with them."
        )
        return
    docker.run("secret", "rm", *SECRETS)
    for node in read_nodes(docker):
        without = {key: value for key, value in _labels(node, None).items() if key != _POSTGRES}
        _relabel(docker, node, without)
    say(
        "The stack, its secrets and its labels of nodes are removed. A volume is its node's own; on every node that "
        "had a task:\n  docker volume rm mountbook_agent mountbook_checkpoints mountbook_postgres"
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


def _disk(facts: Facts, plan: Plan) -> Node | None:
    """Return the node that is to keep the register, None when one keeps it already, or a database elsewhere does.

    Raises:
        UserError: there is no such node.
    """
    if plan.database or checks.postgres_node(facts) is not None:
        return None
    wanted = plan.postgres or facts.info.swarm.node_id
    node = next((node for node in facts.nodes if wanted in (node.id, node.hostname)), None)
    if node is None:
        raise UserError(f"There is no node {wanted!r}; see `docker node ls`. Nothing was changed.")
    return node


def _layouts(facts: Facts, plan: Plan) -> dict[str, Layout]:
    """Return the layouts of nodes by ID: those that are asked for, and those that nodes have already.

    Raises:
        UserError: a node is not there, or its label says nothing that can be used.
    """
    both = {**layouts.kept(facts.nodes), **layouts.asked(facts.nodes, plan.layouts)}
    return {node: layout for node, layout in both.items() if layout is not None}


def _label(docker: Docker, facts: Facts, chosen: Mapping[str, Layout], say: Callable[[str], None]) -> Facts:
    """Let the nodes' labels say their layouts; return the facts as they are then."""
    nodes = []
    for node in facts.nodes:
        layout = chosen.get(node.id)
        labels = _labels(node, layout)
        if _relabel(docker, node, labels):
            say(
                f"{node.name} gets the agent service {layout.service} (label {LABEL}={layout.label})."
                if layout is not None
                else f"{node.name} is given back to the stack's own agent."
            )
        nodes.append(replace(node, labels=labels))
    return replace(facts, nodes=tuple(nodes))


def _labels(node: Node, layout: Layout | None) -> dict[str, str]:
    """Return the labels of a node that has this layout now; without one the stack's own agent may run there again."""
    if layout is not None:
        return {**node.labels, KEPT_OFF: "false", LABEL: layout.label}
    if LABEL not in node.labels:
        return node.labels
    return {key: value for key, value in node.labels.items() if key not in (LABEL, KEPT_OFF)}


def _relabel(docker: Docker, node: Node, labels: Mapping[str, str]) -> bool:
    """Give a node these labels; return whether that changed something."""
    words = [word for key in sorted(node.labels.keys() - labels.keys()) for word in ("--label-rm", key)]
    for key, value in sorted(labels.items()):
        words += ["--label-add", f"{key}={value}"] if node.labels.get(key) != value else []
    if words:
        docker.run("node", "update", *words, node.id)
    return bool(words)


def _cluster_id(facts: Facts) -> str:
    return facts.info.swarm.cluster.id if facts.info.swarm.cluster is not None else ""


def _deploy(docker: Docker, plan: Plan, chosen: Mapping[str, Layout]) -> None:
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
    with tempfile.TemporaryDirectory(prefix="mountbook-") as folder:
        file = stack_file()
        if chosen or plan.hardened:
            text = layouts.rendered(file.read_text(), chosen.values(), hardened=plan.hardened)
            file = Path(folder, file.name)
            file.write_text(text)
        docker.run("stack", "deploy", "--prune", *resolve, "--compose-file", str(file), STACK, **settings)
