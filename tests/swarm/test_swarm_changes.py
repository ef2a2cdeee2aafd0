"""What changes in a Swarm in order: nodes drained, demoted, left and joined again; Mountbook itself updated."""

from functools import partial

import pytest

from tests.figures import Figure
from tests.swarm import shop, watch
from tests.swarm.journal import Journal
from tests.swarm.load import Load
from tests.swarm.swarm import Swarm, settled
from tests.swarm.watch import Seen

pytestmark = pytest.mark.lab

GOAL = "the register says so; history intact or its gap named; nothing invented"


def test_nodes_that_are_drained_demoted_or_came_back_under_a_new_id_are_called_so(
    swarm: Swarm, journal: Journal, figure: Figure
) -> None:
    demoted, drained, wandering = swarm.nodes[1:]
    ids = {engine: swarm.node_id(engine) for engine in swarm.nodes}
    (former,) = (row["container_id"] for row in shop.containers(swarm) if row["node"] == ids[wandering])
    moment = swarm.now()
    swarm.leader.docker("node", "update", "--availability", "drain", ids[drained])
    swarm.leader.docker("node", "demote", ids[demoted])
    wandering.docker("swarm", "leave")
    wanted = {
        ids[swarm.leader]: Seen("observed", "manager"),
        ids[demoted]: Seen("observed", "worker"),
        ids[drained]: Seen("drained", "manager", "drain"),
        ids[wandering]: Seen("down", swarm_state="down"),
    }
    watch.until(swarm, "one is drained, one demoted, one left", wanted)
    shop.nothing_is_invented(swarm)
    done = swarm.ask(swarm.leader, "where", "nobody-is-called-that")
    assert done.returncode == 4, done.stderr
    assert drained.host.name in done.stderr
    assert wandering.host.name in done.stderr
    swarm.leader.docker("node", "update", "--availability", "active", ids[drained])
    swarm.leader.docker("node", "promote", ids[demoted])
    swarm.rejoin(wandering)
    old, new = ids[wandering], swarm.node_id(wandering)
    assert new != old
    wanted = {ids[engine]: Seen("observed", "manager") for engine in (swarm.leader, demoted, drained)}
    wanted |= {new: Seen("observed"), old: Seen("superseded", swarm_state="down")}
    watch.until(swarm, "all are right again", wanted)
    shop.all_is_well(swarm)
    # What the old ID had ended with it, and is remembered; the host's name means the node that is there.
    assert shop.found(swarm, swarm.leader, former) == []
    # Two versions of it, before and after a change, may both be possible at that moment.
    past = swarm.answer(swarm.leader, "where", former, "--at", moment, "--node", wandering.host.name)["containers"]
    assert {row["node"] for row in past} == {old}
    assert swarm.answer(swarm.leader, "history", former)["versions"][-1]["ended"] is not None
    last = swarm.answer(swarm.leader, "history", former, "--node", old)["versions"][-1]
    changes = swarm.answer(swarm.leader, "changes", "--since", moment, "--node", old, "--filter", f"id={former}")
    assert (changes[-1]["at"], changes[-1]["ended"], changes[-1]["after"]) == (last["ended"], last["why"], None)
    assert {row["node"] for row in swarm.answer(swarm.leader, "ls", "--node", wandering.host.name)} == {new}
    figure("R8", "drain, demote, leave, rejoin as another", "said within two heartbeats, the past kept", GOAL)


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
