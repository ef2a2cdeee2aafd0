"""What changes in a Swarm in order: nodes drained, demoted, left and joined again; Mountbook itself updated."""

from functools import partial

import pytest

from tests.swarm import shop
from tests.swarm.load import Load
from tests.swarm.swarm import Swarm, settled

pytestmark = pytest.mark.lab


def test_nodes_that_are_drained_demoted_or_came_back_under_a_new_id_are_called_so(swarm: Swarm) -> None:
    demoted, drained, wandering = swarm.nodes[1:]
    old = swarm.node_id(wandering)
    swarm.leader.docker("node", "update", "--availability", "drain", swarm.node_id(drained))
    swarm.leader.docker("node", "demote", swarm.node_id(demoted))
    wandering.docker("swarm", "leave")
    wanted = {
        swarm.node_id(swarm.leader): ("observed", "manager", "active"),
        swarm.node_id(demoted): ("observed", "worker", "active"),
        swarm.node_id(drained): ("drained", "manager", "drain"),
        old: ("down", "worker", "active"),
    }
    settled("each is called what it is", lambda: roles(swarm), wanted.__eq__)
    done = swarm.ask(swarm.leader, "where", "nobody-is-called-that")
    assert done.returncode == 4, done.stderr
    assert drained.host.name in done.stderr
    assert wandering.host.name in done.stderr
    swarm.leader.docker("node", "update", "--availability", "active", swarm.node_id(drained))
    swarm.leader.docker("node", "promote", swarm.node_id(demoted))
    swarm.rejoin(wandering)
    assert swarm.node_id(wandering) != old
    shop.all_is_well(swarm)
    wanted = {swarm.node_id(engine): ("observed", "manager", "active") for engine in swarm.nodes}
    wanted |= {swarm.node_id(wandering): ("observed", "worker", "active"), old: ("superseded", "worker", "active")}
    settled("all are right again", lambda: roles(swarm), wanted.__eq__)


def roles(swarm: Swarm) -> dict[str, tuple[str, str, str]]:
    rows = swarm.answer(swarm.leader, "nodes")["nodes"]
    return {row["node"]: (row["state"], row["role"], row["availability"]) for row in rows}


def test_collectors_and_agents_are_updated_under_load_and_nothing_is_lost(swarm: Swarm) -> None:
    before = [row["container_id"] for row in shop.containers(swarm)]
    since = swarm.now()
    with Load(swarm, asking=swarm.nodes[1], churning=swarm.nodes[3]) as load:
        for service in ("mountbook_collector", "mountbook_agent"):
            # The stack waits longer, to see whether what it updated keeps running.
            hurry = ("--update-delay", "0s", "--update-monitor", "2s")
            swarm.leader.docker("service", "update", "--detach", "--force", *hurry, service)
        for service in ("mountbook_collector", "mountbook_agent"):
            words = ("service", "inspect", service, "--format", "{{.UpdateStatus.State}}")
            settled(f"{service} is updated", partial(swarm.leader.docker, *words), "completed".__eq__)
    shop.all_is_well(swarm)
    assert [row["container_id"] for row in shop.containers(swarm)] == before
    assert load.answers, load.refusals
    assert all(answer == before for answer in load.answers), load.answers
    settled(
        "what came under load is known", lambda: shop.found(swarm, swarm.leader, "name:churn-last"), [load.last].__eq__
    )
    gone = f"label:{load.LABEL}=passing"
    settled("what went under load is gone", lambda: shop.found(swarm, swarm.leader, gone), [].__eq__)
    named = {(swarm.node_id(engine), "agent-restart") for engine in swarm.nodes}
    settled("every gap is named", lambda: swarm.gaps(since), named.issubset)
    rows = swarm.answer(swarm.leader, "nodes")["nodes"]
    assert not any(row["conflict"] for row in rows), "an updated agent was taken for a second one"
    swarm.nodes[3].docker("rm", "--force", "churn-last")
