"""What happens to a Swarm: nodes die and are cut off, PostgreSQL goes away and comes back, older than it was."""

from typing import Any

import pytest

from tests.figures import Figure
from tests.swarm import images, shop, watch
from tests.swarm.engines import IMAGE, Engine
from tests.swarm.lab import Lab
from tests.swarm.swarm import Swarm, settled
from tests.swarm.watch import Seen

pytestmark = pytest.mark.lab

GOAL = "the register says so; history intact or its gap named; nothing invented"


def test_the_leader_with_postgresql_dies_and_the_agents_hold_until_it_is_back(swarm: Swarm, figure: Figure) -> None:
    home, others = swarm.nodes[0], swarm.nodes[1:]
    worker = others[-1]
    passing = run(worker, "before")
    settled("one that will go is known", lambda: shop.found(swarm, swarm.leader, "name:before"), [passing].__eq__)
    moment = swarm.now()
    past = shop.found(swarm, swarm.leader, "stack:shop", "--at", moment)
    volumes = {engine: engine.docker("volume", "ls", "--quiet") for engine in others}
    agents = {engine: agent(engine) for engine in others}
    swarm.crash(home)
    settled("another manager leads", lambda: leading(swarm), lambda name: name not in ("", home.host.name))
    worker.docker("rm", "--force", "before")
    meanwhile = run(worker, "meanwhile")
    words = ("service", "ps", "mountbook_postgres", "--filter", "desired-state=running")
    settled(
        "PostgreSQL waits for its node",
        lambda: swarm.leader.docker(*words, "--format", "{{.CurrentState}}"),
        lambda state: state.startswith("Pending"),
    )
    assert {engine: engine.docker("volume", "ls", "--quiet") for engine in others} == volumes
    assert {engine: agent(engine) for engine in others} == agents
    swarm.revive(home)
    shop.all_is_well(swarm)
    settled("what came is known", lambda: shop.found(swarm, swarm.leader, "name:meanwhile"), [meanwhile].__eq__)
    settled("what went is gone", lambda: shop.found(swarm, swarm.leader, "name:before"), [].__eq__)
    settled("the register knows who leads", lambda: leader_known(swarm), lambda names: names == [leading(swarm)])
    assert shop.found(swarm, swarm.leader, "stack:shop", "--at", moment) == past
    every = set(map(swarm.node_id, swarm.nodes))
    settled("every gap is named", lambda: {node for node, _ in swarm.gaps(moment)}, every.issubset)
    worker.docker("rm", "--force", "meanwhile")
    figure("R8", "the leader and PostgreSQL's node die and come back", "agents held, gaps named", GOAL)


def leading(swarm: Swarm) -> str:
    lines = swarm.leader.docker("node", "ls", "--format", "{{.Hostname}} {{.ManagerStatus}}").splitlines()
    return next((line.split()[0] for line in lines if line.endswith(" Leader")), "")


def leader_known(swarm: Swarm) -> list[str]:
    return [row["hostname"] for row in swarm.answer(swarm.leader, "nodes")["nodes"] if row["leader"]]


def agent(engine: Engine) -> str:
    return engine.docker("ps", "--quiet", "--filter", "label=com.docker.swarm.service.name=mountbook_agent")


def test_a_node_dies_and_one_is_cut_off_and_the_collectors_move_by_themselves(swarm: Swarm, figure: Figure) -> None:
    dead, lonely = victims(swarm)
    well = [engine for engine in swarm.nodes if engine not in (dead, lonely)]
    passing = run(lonely, "passing")
    settled("one that will go is known", lambda: shop.found(swarm, swarm.leader, "name:passing"), [passing].__eq__)
    roles = {engine: "worker" if engine is swarm.nodes[3] else "manager" for engine in swarm.nodes}
    lost = {swarm.node_id(engine): Seen("down", roles[engine], swarm_state="down") for engine in (dead, lonely)}
    since, before = swarm.now(), {node: known(swarm, node) for node in lost}
    swarm.leader.docker("node", "update", "--label-rm", "mountbook.collector", swarm.node_id(swarm.nodes[0]))
    swarm.crash(dead)
    swarm.cut_off(lonely)
    names = sorted(engine.host.name for engine in well)
    settled("the collectors have moved", lambda: sorted(swarm.tasks("mountbook_collector")), names.__eq__)
    wanted = lost | {swarm.node_id(engine): Seen("observed", roles[engine]) for engine in well}
    watch.until(swarm, "two are down, the others are heard", wanted)
    settled("another manager leads", lambda: leading(swarm), lambda name: name in names)
    settled("the register knows who leads", lambda: leader_known(swarm), lambda names: names == [leading(swarm)])
    dark = swarm.now()
    # Whoever is not heard is not said to be gone.
    assert all(before.values())
    assert {node: known(swarm, node) for node in lost} == before
    done = swarm.ask(well[1], "where", "nobody-is-called-that")
    assert done.returncode == 4, done.stderr
    assert dead.host.name in done.stderr
    assert lonely.host.name in done.stderr
    lonely.docker("rm", "--force", passing)
    unheard = run(lonely, "unheard")
    swarm.plug_in(lonely)
    swarm.revive(dead)
    shop.all_is_well(swarm)
    settled("what came unheard is known", lambda: shop.found(swarm, swarm.leader, "name:unheard"), [unheard].__eq__)
    settled("what went unheard is gone", lambda: shop.found(swarm, swarm.leader, "name:passing"), [].__eq__)
    settled("both gaps are named", lambda: {node for node, _ in swarm.gaps(since)}, set(lost).issubset)
    unseen = swarm.answer(swarm.leader, "where", f"service:{shop.SERVICE}", "--at", dark)["coverage"]["silent"]
    assert {row["node"] for row in unseen} >= set(lost), unseen
    lonely.docker("rm", "--force", "unheard")
    figure("R8", "a node dies, one is cut off, another leads", "said within two heartbeats, gaps named", GOAL)


def victims(swarm: Swarm) -> tuple[Engine, Engine]:
    """Return who shall die, a collector's node, and who shall be cut off: the manager that leads, and the worker.

    The register's node has to stay; it does not lead any more since it died, unless it was elected once more.
    """
    collecting, name = swarm.tasks("mountbook_collector"), leading(swarm)
    leader = next((engine for engine in swarm.nodes[1:3] if engine.host.name == name), swarm.nodes[1])
    worker = swarm.nodes[3]
    return (leader, worker) if leader.host.name in collecting else (worker, leader)


def known(swarm: Swarm, node: str) -> list[str]:
    """Return every container that the register has of a node."""
    return sorted(row["container_id"] for row in swarm.answer(swarm.leader, "ls", "--node", node))


def run(engine: Engine, name: str) -> str:
    return engine.docker("run", "--detach", "--network", "none", "--name", name, IMAGE, "sleep", "100000")


def test_a_database_older_than_the_agents_and_an_engine_of_another_kind_forget_nothing(
    swarm: Swarm, lab: Lab, figure: Figure
) -> None:
    worker, changing = swarm.nodes[3], swarm.nodes[1]
    moment = swarm.now()
    (former,) = (row for row in shop.containers(swarm) if row["hostname"] == changing.host.name)
    swarm.backup()
    later = run(worker, "later")
    settled("what the backup lacks is known", lambda: shop.found(swarm, swarm.leader, "name:later"), [later].__eq__)
    since = swarm.now()
    changing.stop()
    changing.backend = "overlay2"
    changing.start()
    changing.make_image()
    changing.docker("load", "--quiet", "--input", str(images.archive(lab)))
    swarm.restore()
    shop.all_is_well(swarm)
    settled("what the backup lacks is known", lambda: shop.found(swarm, swarm.leader, "name:later"), [later].__eq__)
    settled("the gap is named", lambda: swarm.gaps(since), lambda gaps: (swarm.node_id(worker), "restored") in gaps)
    (now,) = (row for row in shop.containers(swarm) if row["hostname"] == changing.host.name)
    assert (former["backend"], now["backend"]) == ("vfs", "overlay2")
    row = node_row(swarm, changing)
    assert [backend["name"] for backend in row["backends"] if backend.get("current", True)] == ["overlay2"]
    # Two versions of it, before and after a change, may both be possible at that moment.
    past = swarm.answer(swarm.leader, "where", former["container_id"], "--at", moment)["containers"]
    assert {row["diff_path"] for row in past} == {former["diff_path"]}
    figure("R8", "a backup restored, a backend switched", "in step, the gap named, the past kept", GOAL)


def node_row(swarm: Swarm, engine: Engine) -> dict[str, Any]:
    rows: list[dict[str, Any]] = swarm.answer(swarm.leader, "nodes")["nodes"]
    return next(row for row in rows if row["node"] == swarm.node_id(engine))


def test_a_node_that_is_gone_for_good_has_left_and_what_it_held_is_remembered(swarm: Swarm, figure: Figure) -> None:
    gone = swarm.nodes[3]
    node = swarm.node_id(gone)
    before = known(swarm, node)
    swarm.crash(gone)
    swarm.leader.docker("node", "rm", "--force", node)
    settled("it has left", swarm.states, lambda states: states[node] == "left")
    settled(
        "nobody is missed", lambda: swarm.answer(swarm.leader, "nodes")["coverage"], lambda seen: bool(seen["complete"])
    )
    assert before
    assert known(swarm, node) == before
    figure("R8", "a node gone for good", "left, what it held kept", GOAL)
