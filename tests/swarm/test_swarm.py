"""Mountbook's own stack on a Swarm of four engines of four kinds: what an operator asks, from any node."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from tests.swarm import images
from tests.swarm.engines import IMAGE, Engine
from tests.swarm.hosts import wait_until
from tests.swarm.lab import Lab
from tests.swarm.swarm import Swarm

pytestmark = pytest.mark.lab

PATIENCE: Final = 180.0
SHOP: Final = f"""
version: "3.8"
services:
  web:
    image: {IMAGE}
    command: [sleep, "100000"]
    stop_grace_period: 0s
    labels: {{shop.owner: ada}}
    deploy: {{mode: global, endpoint_mode: dnsrr}}
"""


@pytest.fixture(scope="module")
def swarm(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarm]:
    archive = images.archive(lab)
    swarm = Swarm(lab)
    engines = [lab.engine(backend) for backend in ("overlay2", "vfs", "btrfs")]
    engines.append(lab.engine("overlayfs", release="trixie"))
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda engine: engine.docker("load", "--quiet", "--input", str(archive)), engines))
    for engine in engines:
        swarm.add(engine, manager=engine is not engines[-1])
    swarm.make_secrets()
    leader = swarm.node_id(swarm.leader)
    swarm.leader.docker("node", "update", "--label-add", "mountbook.postgres=true", leader)
    swarm.deploy()
    shop = tmp_path_factory.mktemp("shop") / "shop.yml"
    shop.write_text(SHOP)
    swarm.deploy(shop, "shop")
    wait_until("every node reports", lambda: list(swarm.states().values()) == ["observed"] * 4, PATIENCE, pause=1.0)
    wait_until("every node's shop is known", lambda: len(shop_containers(swarm)) == 4, PATIENCE, pause=1.0)
    yield swarm
    swarm.close()


def shop_containers(swarm: Swarm) -> list[dict[str, Any]]:
    done = swarm.ask(swarm.leader, "ls", "--filter", "service=shop_web", "--filter", "state=running", "--json")
    rows: list[dict[str, Any]] = json.loads(done.stdout) if done.returncode == 0 else []
    return rows


def engine_of(swarm: Swarm, container: dict[str, Any]) -> Engine:
    return next(engine for engine in swarm.nodes if engine.host.name == container["hostname"])


def found(swarm: Swarm, engine: Engine, reference: str, *more: str) -> list[str]:
    return sorted(row["container_id"] for row in swarm.answer(engine, "where", reference, *more)["containers"])


def test_every_node_reports_and_the_roster_names_them_all(swarm: Swarm) -> None:
    wait_until("a roster is there", lambda: bool(swarm.answer(swarm.leader, "nodes")["rosters"]))
    answer = swarm.answer(swarm.leader, "nodes")
    rows = {row["node"]: row for row in answer["nodes"]}
    assert set(rows) == {swarm.node_id(engine) for engine in swarm.nodes}
    assert [row["leader"] for row in rows.values()].count(True) == 1
    assert sorted(row["role"] for row in rows.values()) == ["manager"] * 3 + ["worker"]
    assert sorted(row["backends"][0]["name"] for row in rows.values()) == ["btrfs", "overlay2", "overlayfs", "vfs"]
    (roster,) = answer["rosters"]
    assert (roster["nodes"], roster["cluster"]) == (4, "swarm")
    assert answer["coverage"]["complete"]


def test_every_container_is_found_from_every_node_by_each_of_its_names(swarm: Swarm) -> None:
    containers = shop_containers(swarm)
    everywhere = sorted(container["container_id"] for container in containers)
    for asking, container in zip(swarm.nodes, containers, strict=True):
        alone = [container["container_id"]]
        assert found(swarm, asking, container["container_id"][:12]) == alone
        assert found(swarm, asking, container["name"]) == alone
        assert found(swarm, asking, f"task:{container['task']}") == alone
        assert found(swarm, asking, "service:shop_web") == everywhere
        assert found(swarm, asking, "stack:shop") == everywhere
        assert set(everywhere) <= set(found(swarm, asking, f"image:{IMAGE}"))
        assert found(swarm, asking, "shop.owner=ada") == everywhere


def test_the_seed_question_is_answered_on_every_backend(swarm: Swarm) -> None:
    for container in shop_containers(swarm):
        engine = engine_of(swarm, container)
        engine.docker("exec", container["container_id"], "sh", "-c", "echo $HOSTNAME >/srv/proof")
        (row,) = swarm.answer(swarm.nodes[-1], "where", container["container_id"])["containers"]
        assert row["mount_id"], row
        proof = engine.host.path(f"{row['diff_path']}/srv/proof").read_text().strip()
        assert container["container_id"].startswith(proof), row["backend"]
        (answer,) = swarm.answer(swarm.leader, "whose", f"{row['diff_path']}/srv/proof", "--node", row["node"])[
            "answers"
        ]
        assert [(owner["key"], owner["inside"]) for owner in answer["owners"]] == [
            (container["container_id"], "/srv/proof")
        ]


def test_a_service_scaled_up_and_away_keeps_its_history(swarm: Swarm) -> None:
    words = ("--restart-condition", "none", "--endpoint-mode", "dnsrr", "--stop-grace-period", "0s", "--detach")
    swarm.leader.docker("service", "create", "--name", "burst", "--replicas", "1", *words, IMAGE, "sleep", "100000")
    swarm.leader.docker("service", "scale", "--detach", "burst=40")
    wait_until("forty are known", lambda: running(swarm, "burst") == 40, PATIENCE, pause=1.0)
    full = datetime.now(UTC).isoformat()
    before = found(swarm, swarm.leader, "service:burst", "--at", full)
    swarm.leader.docker("service", "scale", "--detach", "burst=0")
    wait_until(
        "none is left", lambda: swarm.ask(swarm.leader, "where", "service:burst").returncode == 1, PATIENCE, pause=1.0
    )
    # Two versions of a container, before and after its start, may both be possible at one moment: each ID counts once.
    assert set(found(swarm, swarm.nodes[-1], "service:burst", "--at", full)) == set(before)
    assert len(set(before)) >= 40
    swarm.leader.docker("service", "rm", "burst")


def running(swarm: Swarm, service: str) -> int:
    done = swarm.ask(swarm.leader, "ls", "-q", "--filter", f"service={service}", "--filter", "state=running")
    return len(done.stdout.split())


def test_collectors_are_updated_one_after_the_other_and_nothing_is_lost(swarm: Swarm) -> None:
    before = sorted(row["container_id"] for row in shop_containers(swarm))
    swarm.leader.docker("service", "update", "--detach", "--force", "mountbook_collector")
    swarm.leader.docker("service", "update", "--detach", "--force", "mountbook_agent")
    words = ("service", "inspect", "mountbook_collector", "--format", "{{.UpdateStatus.State}}")
    wait_until("the update is complete", lambda: swarm.leader.docker(*words) == "completed", PATIENCE, pause=1.0)
    wait_until("every node reports", lambda: list(swarm.states().values()) == ["observed"] * 4, PATIENCE, pause=1.0)
    assert sorted(row["container_id"] for row in shop_containers(swarm)) == before
    rows = swarm.answer(swarm.leader, "nodes")["nodes"]
    assert not any(row["conflict"] for row in rows), "an updated agent was taken for a second one"


def test_deploy_on_a_worker_says_where_the_managers_are_and_changes_nothing(swarm: Swarm) -> None:
    done = swarm.administer(swarm.nodes[-1], "deploy", "--loaded")
    assert done.returncode == 2
    assert "This engine is a worker" in done.stderr
    assert "10.99.0.1" in done.stderr


def test_deploy_refuses_what_would_not_work_and_changes_nothing(swarm: Swarm) -> None:
    words = ("service", "inspect", "mountbook_collector", "--format", "{{.Version.Index}}")
    before = swarm.leader.docker(*words)
    for given, said in (
        ((), "is on this machine only, and the Swarm has 3 other nodes"),
        (("--loaded", "--subnet", "172.17.0.0/24"), "overlaps"),
        (("--loaded", "--database", "postgresql://me@db/mb"), "has the label mountbook.postgres"),
    ):
        done = swarm.administer(swarm.leader, "deploy", *given)
        assert (done.returncode, said in done.stderr, "Nothing was changed." in done.stderr) == (2, True, True), done
    assert swarm.leader.docker(*words) == before


def test_deploy_run_again_keeps_the_secrets_and_says_that_every_node_reports(swarm: Swarm) -> None:
    made = swarm.leader.docker("secret", "ls", "--quiet")
    done = swarm.administer(swarm.leader, "deploy", "--loaded")
    assert done.returncode == 0, done.stderr
    assert "4 of 4 nodes report." in done.stderr
    assert swarm.leader.docker("secret", "ls", "--quiet") == made


def test_a_drained_node_and_one_that_came_back_under_a_new_id_are_called_so(swarm: Swarm) -> None:
    drained, wandering = swarm.nodes[2], swarm.nodes[3]
    old = swarm.node_id(wandering)
    swarm.leader.docker("node", "update", "--availability", "drain", swarm.node_id(drained))
    wandering.docker("swarm", "leave")
    wait_until(
        "the one is drained", lambda: swarm.states().get(swarm.node_id(drained)) == "drained", PATIENCE, pause=1.0
    )
    wait_until("the other is down", lambda: swarm.states().get(old) == "down", PATIENCE, pause=1.0)
    done = swarm.ask(swarm.leader, "where", "nobody-is-called-that")
    assert done.returncode == 4, done.stderr
    assert drained.host.name in done.stderr
    swarm.leader.docker("node", "update", "--availability", "active", swarm.node_id(drained))
    swarm.rejoin(wandering)
    new = swarm.node_id(wandering)
    assert new != old
    wanted = {swarm.node_id(engine): "observed" for engine in swarm.nodes} | {old: "superseded"}
    wait_until("all are right again", lambda: swarm.states() == wanted, PATIENCE, pause=1.0)
    assert swarm.answer(swarm.leader, "nodes")["coverage"]["complete"]
