"""Waiting until every node reports, and saying which do not, and why."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from mountbook import credentials
from mountbook.client import Client
from mountbook.deploy.causes import cause
from mountbook.deploy.docker import Docker
from mountbook.deploy.facts import Facts, Node
from mountbook.deploy.layouts import DATA_ROOT, KEPT_OFF, Layout, is_remapped
from mountbook.deploy.plan import STACK, Plan
from mountbook.errors import UserError
from protocol.answers import NodeRow
from protocol.byhand import run_agent

_LOOK: Final = 2.0
"""Seconds between two looks at who reports."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a collector at ``url`` last said of the nodes, by node ID; when none has, ``problem`` says why."""

    url: str = ""
    problem: str = "no collector runs yet"
    rows: dict[str, NodeRow] = field(default_factory=dict)


def wait(docker: Docker, facts: Facts, plan: Plan, token: str, sighted: frozenset[str] = frozenset()) -> Seen:
    """Wait until every node with an agent reports, or patience ends.

    ``token`` is the admin token if it was made now, ``sighted`` are nodes that have to read their data root too.
    """
    expected = {node.id for node in facts.nodes if node.runs_tasks}
    give_up = time.monotonic() + plan.patience
    seen = Seen()
    while time.monotonic() < give_up:
        for candidate in _urls(docker, facts, plan.port):
            asked = _ask(candidate, token)
            if asked.rows or not seen.rows:
                seen = asked
            if asked.rows:
                break
        observed = {node for node, row in seen.rows.items() if row.state == "observed"}
        blind = {node for node in sighted & observed if not seen.rows[node].engine.get("readable")}
        if expected <= observed and not blind:
            break
        time.sleep(_LOOK)
    return seen


def report(
    docker: Docker,
    facts: Facts,
    plan: Plan,
    layouts: Mapping[str, Layout],
    seen: Seen,
    say: Callable[[str], None],
) -> int:
    """Say how many nodes report, which do not and why, and which see less than they should.

    Return 0, or 1 when an agent that Swarm runs does not report.
    """
    rows = seen.rows
    if not rows:
        say(f"Which nodes report is not known: {seen.problem} (docker service logs mountbook_collector).")
    silent = [node for node in facts.nodes if node.id not in rows or rows[node.id].state != "observed"]
    if rows:
        what = "1 node reports" if len(facts.nodes) == 1 else f"{len(facts.nodes)} nodes report"
        say(f"{len(facts.nodes) - len(silent)} of {what}.")
    tasks = _tasks(docker, layouts) if silent else {}
    for node in silent:
        row = rows.get(node.id)
        if row is not None and row.state == "incomplete":
            say(f"{node.name} reports, but not which containers there are. {short_sight(node, row, plan)}")
        else:
            say(f"{node.name} does not report: {_why(node, tasks, plan, layouts, heard=bool(rows))}")
    for node in facts.nodes:
        if node not in silent and (sentence := short_sight(node, rows[node.id], plan)):
            say(sentence)
    return 1 if any(node.runs_tasks for node in silent) else 0


def short_sight(node: Node, row: NodeRow, plan: Plan) -> str:
    """Return what keeps a node's agent from reading its data root, and what to do; "" when nothing does."""
    engine = row.engine
    if engine.get("readable"):
        return ""
    root = str(engine.get("data_root", ""))
    if is_remapped(root):
        outer = root.rpartition("/")[0]
        return (
            f"{node.name}'s engine remaps user IDs, and a service cannot opt out. Keep the stack's agent off with "
            f"`docker node update --label-add {KEPT_OFF}=false {node.name}`, and run there:\n"
            + by_hand(node, plan, outer)
        )
    why = row.problems[0] if row.problems else f"the data root {root} cannot be read"
    return (
        f"{node.name}'s agent cannot read the data root: {why}. If it lies elsewhere, or {DATA_ROOT} is a link or a "
        f"disk of its own there, say --layout {node.name}=ROOT; if SELinux is enforcing, see docs/operations.md, Other "
        "data roots."
    )


def _urls(docker: Docker, facts: Facts, port: int) -> list[str]:
    """Return the addresses at which collectors should answer."""
    words = ("service", "ps", f"{STACK}_collector", "--filter", "desired-state=running", "--format", "{{.Node}}")
    names = set(docker.run(*words).split())
    addresses = [node.address for node in facts.nodes if node.hostname in names and node.address]
    return [f"http://{address}:{port}" for address in addresses]


def _ask(url: str, token: str) -> Seen:
    """Ask a collector for the nodes that it knows."""
    try:
        known = credentials.Token(token, "deploy") if token else credentials.find(url, None, os.environ)
        with Client(url, known) as client:
            return Seen(url, "no node is known yet", {row.node: row for row in client.nodes().nodes})
    except UserError as exc:
        return Seen("", str(exc))


def _why(
    node: Node, tasks: Mapping[str, tuple[str, str]], plan: Plan, layouts: Mapping[str, Layout], *, heard: bool
) -> str:
    root = layouts[node.id].root if node.id in layouts else DATA_ROOT
    if node.os != "linux":
        return f"it runs {node.os}, which is not supported."
    if node.state != "ready":
        return f"Swarm says that it is {node.state}. If it runs, it does not reach the managers on 2377/tcp."
    if node.availability == "drain":
        return "it is drained, so Swarm starts no agent there. To observe it all the same, run there:\n" + by_hand(
            node, plan, root
        )
    if not node.runs_tasks:
        return f"its label {KEPT_OFF}=false keeps the stack's agent off. Run one there:\n" + by_hand(node, plan, root)
    state, error = tasks.get(node.hostname, ("", ""))
    return cause(state, error, heard=heard)


def by_hand(node: Node, plan: Plan, data_root: str = DATA_ROOT) -> str:
    """Return the command that runs an agent outside the stack; a collector's node has the join secret."""
    return "  " + run_agent(
        url=f"http://COLLECTOR:{plan.port}",
        node=node.id,
        cluster=plan.cluster,
        data_root=data_root,
        image=f"{plan.prefix}/agent:{plan.tag}",
        separator=" \\\n    ",
    )


def _tasks(docker: Docker, layouts: Mapping[str, Layout]) -> dict[str, tuple[str, str]]:
    """Return the state and the error of the agent's newest task on every node, by hostname."""
    services = [f"{STACK}_agent", *sorted({f"{STACK}_{layout.service}" for layout in layouts.values()})]
    words = ("service", "ps", *services, "--no-trunc", "--format", "{{.Node}}\t{{.CurrentState}}\t{{.Error}}")
    found: dict[str, tuple[str, str]] = {}
    for line in docker.run(*words).splitlines():
        host, state, error = [*line.split("\t"), "", ""][:3]
        # "Running 3 minutes ago"; a task that was never started says why in the one before it.
        word = state.lower().partition(" ")[0]
        if host not in found or (not found[host][1] and found[host][0] not in {"running", "starting"} and error):
            found[host] = (word, error)
    return found
