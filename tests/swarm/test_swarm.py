"""Mountbook's own stack on a Swarm of four engines of four kinds: what an operator asks, from any node."""

import json
import sys
from collections import defaultdict
from functools import partial

import pytest

from protocol.entries import LABEL_SERVICE, LABEL_STACK, LABEL_TASK
from tests.swarm import shop
from tests.swarm.engines import IMAGE, Engine
from tests.swarm.swarm import Swarm, settled

pytestmark = pytest.mark.lab


def test_every_node_reports_and_the_roster_names_them_all(swarm: Swarm) -> None:
    answer = settled(
        "a roster is there, and every node observed",
        lambda: swarm.answer(swarm.leader, "nodes"),
        lambda answer: bool(answer["rosters"]) and answer["coverage"]["complete"],
    )
    rows = {row["node"]: row for row in answer["nodes"]}
    assert set(rows) == {swarm.node_id(engine) for engine in swarm.nodes}
    assert [row["leader"] for row in rows.values()].count(True) == 1
    assert sorted(row["role"] for row in rows.values()) == ["manager"] * 3 + ["worker"]
    assert sorted(row["backends"][0]["name"] for row in rows.values()) == ["btrfs", "overlay2", "overlayfs", "vfs"]
    (roster,) = answer["rosters"]
    assert (roster["nodes"], roster["cluster"]) == (4, "swarm")


def test_every_container_is_found_from_every_node_by_each_of_its_names(swarm: Swarm) -> None:
    """The engines say what there is, those of Mountbook's own stack and those that have ended included."""
    for asking in swarm.nodes:
        expected, answers = settled(
            f"all that the engines know is found from {asking.host.name}",
            partial(names_and_answers, swarm, asking),
            lambda seen: seen[0] == seen[1],
        )
        assert len(expected[f"service:{shop.SERVICE}"]) == 4
        assert answers[f"image:{IMAGE}"]


def names_and_answers(swarm: Swarm, asking: Engine) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Return which containers have each name, as the engines say, and as the register answers on a node."""
    names = defaultdict(set)
    for engine in swarm.nodes:
        for record in shop.records(engine):
            labels = record["Config"]["Labels"]
            names[record["Id"][:12]].add(record["Id"])
            names[f"name:{record['Name'].removeprefix('/')}"].add(record["Id"])
            names[f"image:{record['Config']['Image']}"].add(record["Id"])
            for kind, label in (("task", LABEL_TASK), ("service", LABEL_SERVICE), ("stack", LABEL_STACK)):
                if label in labels:
                    names[f"{kind}:{labels[label]}"].add(record["Id"])
            for label, value in labels.items():
                names[f"label:{label}={value}"].add(record["Id"])
    expected = {reference: sorted(ids) for reference, ids in names.items()}
    command = [sys.executable, "-m", "tests.swarm.questions"]
    done = swarm.run(asking, command, json.dumps(list(expected)), MOUNTBOOK_URL=swarm.collectors()[0])
    assert done.returncode == 0, done.stderr
    return expected, json.loads(done.stdout)


def test_the_seed_question_is_answered_on_every_backend(swarm: Swarm) -> None:
    for container in shop.containers(swarm):
        engine = swarm.engine(container["hostname"])
        engine.docker("exec", container["container_id"], "sh", "-c", "echo $HOSTNAME >/srv/proof")
        (row,) = swarm.answer(swarm.nodes[-1], "where", container["container_id"])["containers"]
        assert row["mount_id"], row
        proof = engine.host.path(f"{row['diff_path']}/srv/proof").read_text().strip()
        assert container["container_id"].startswith(proof), row["backend"]
        words = ("whose", f"{row['diff_path']}/srv/proof", "--node", row["node"])
        (answer,) = swarm.answer(swarm.leader, *words)["answers"]
        owners = [(owner["key"], owner["inside"]) for owner in answer["owners"]]
        assert owners == [(container["container_id"], "/srv/proof")]


def test_a_service_scaled_up_and_away_keeps_its_history(swarm: Swarm) -> None:
    words = ("--restart-condition", "none", "--endpoint-mode", "dnsrr", "--stop-grace-period", "0s", "--detach")
    swarm.leader.docker("service", "create", "--name", "burst", "--replicas", "1", *words, IMAGE, "sleep", "100000")
    first = settled("one is known", lambda: running(swarm, "burst"), lambda names: len(names) == 1)
    one = swarm.now()
    swarm.leader.docker("service", "scale", "--detach", "burst=40")
    all_of_them = settled("forty are known", lambda: running(swarm, "burst"), lambda names: len(names) == 40)
    full = swarm.now()
    swarm.leader.docker("service", "scale", "--detach", "burst=0")
    settled("none is left", lambda: shop.found(swarm, swarm.leader, "service:burst"), lambda ids: ids == [])
    assert certain(swarm, "service:burst", one) == first
    # A node may not have been listed again between that moment and their end: then they are possible, no more.
    assert shop.found(swarm, swarm.nodes[-1], "service:burst", "--at", full) == all_of_them
    swarm.leader.docker("service", "rm", "burst")


def certain(swarm: Swarm, reference: str, moment: str) -> list[str]:
    """Return what was there at a moment for certain, running; what a node had not told by then may have been there."""
    rows = swarm.answer(swarm.nodes[-1], "where", reference, "--at", moment)["containers"]
    return sorted(row["container_id"] for row in rows if row["certain"] and row["state"] == "running")


def running(swarm: Swarm, service: str) -> list[str]:
    rows = swarm.answer(swarm.leader, "where", f"service:{service}")["containers"]
    return sorted(row["container_id"] for row in rows if row["state"] == "running")


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
