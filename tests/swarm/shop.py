"""A shop on every node of the Swarm, for Mountbook to know; what the tests ask about it."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from tests.swarm.engines import IMAGE, Engine
from tests.swarm.swarm import Swarm, settled

_FILE: Final = f"""
version: "3.8"
services:
  web:
    image: {IMAGE}
    command: [sleep, "100000"]
    stop_grace_period: 0s
    labels: {{shop.owner: ada}}
    deploy: {{mode: global, endpoint_mode: dnsrr}}
"""
SERVICE: Final = "shop_web"
FORMER: Final = ("superseded", "left")
"""States of node IDs that no engine has any more."""


def deploy(swarm: Swarm, folder: Path) -> None:
    """Open the shop; ``folder`` takes its stack's file."""
    file = folder / "shop.yml"
    file.write_text(_FILE)
    swarm.deploy(file, "shop")


def containers(swarm: Swarm, asking: Engine | None = None) -> list[dict[str, Any]]:
    """Return the shop's containers that run, as the register knows them; asked from a node, or from the leader."""
    rows: list[dict[str, Any]] = swarm.answer(asking or swarm.leader, "where", f"service:{SERVICE}")["containers"]
    running = [row for row in rows if row["state"] == "running"]
    return sorted(running, key=lambda row: str(row["hostname"]))


def found(swarm: Swarm, engine: Engine, reference: str, *more: str) -> list[str]:
    """Return which containers ``where`` finds, asked from a node."""
    rows = swarm.answer(engine, "where", reference, *more)["containers"]
    # Two versions of one, before and after its start, may both be possible at a moment of the past.
    return sorted({str(row["container_id"]) for row in rows})


def all_is_well(swarm: Swarm) -> None:
    """Wait until every node is observed and its shop known, and the register has what the engines have.

    IDs that no engine has any more are called former ones.
    """
    ids = {swarm.node_id(engine) for engine in swarm.nodes}
    names = sorted(engine.host.name for engine in swarm.nodes)
    settled("every node's shop is known", lambda: [row["hostname"] for row in containers(swarm)], names.__eq__)
    settled("every node is observed", swarm.states, lambda states: _right(states, ids))
    settled("the register has what the engines have", lambda: _both(swarm), lambda both: both[0] == both[1])
    nothing_is_invented(swarm)


def _right(states: dict[str, str], ids: set[str]) -> bool:
    return set(states) >= ids and all(
        state == "observed" if node in ids else state in FORMER for node, state in states.items()
    )


def _both(swarm: Swarm) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """Return which containers there are by their nodes, as the engines say and as the register does.

    Ghosts are what an engine no longer lists.
    """
    listed = [row for row in swarm.answer(swarm.leader, "ls") if not row.get("ghost")]
    return _existing(swarm.nodes, swarm), {(row["node"], row["container_id"]) for row in listed}


def _existing(engines: Iterable[Engine], swarm: Swarm) -> set[tuple[str, str]]:
    return {
        (swarm.node_id(engine), container)
        for engine in engines
        for container in engine.docker("ps", "--all", "--quiet", "--no-trunc").split()
    }


def nothing_is_invented(swarm: Swarm) -> None:
    """Check that no container that still exists, on an engine that can be asked, was ever reported as gone."""
    gone = swarm.sql(
        "SELECT n.node, h.key FROM history AS h JOIN nodes AS n ON n.id = h.node_id "
        "WHERE h.kind = 'container' AND h.ended_why IN ('removed', 'absent')"
    )
    invented = {(node, key) for node, key in gone} & _existing(swarm.present, swarm)
    assert not invented, f"reported as gone, and still there: {invented}"


def records(engine: Engine) -> list[dict[str, Any]]:
    """Return what an engine says of its containers, those that have ended included."""
    ids = engine.docker("ps", "--all", "--quiet", "--no-trunc").split()
    found: list[dict[str, Any]] = json.loads(engine.docker("inspect", *ids)) if ids else []
    return found
