"""A thousand random questions about the past agree with what the engines themselves said when it happened.

Services are scaled, a node leaves and joins again as another (in the tests before), an agent stops for a while, and the
database is put back to a backup.
"""

import json
import random
import sys
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from tests.swarm import shop
from tests.swarm.engines import IMAGE
from tests.swarm.journal import Journal
from tests.swarm.swarm import HEARTBEAT, Swarm, settled

pytestmark = pytest.mark.lab

MOMENTS: Final = 84
PATHS: Final = 8
SERVICE: Final = "memory"
_AGENT: Final = "label=com.docker.swarm.service.name=mountbook_agent"


def test_a_report_over_an_agents_outage_names_exactly_that(swarm: Swarm, journal: Journal) -> None:
    shop.all_is_well(swarm)
    # What agents lost while they were updated they tell in their next heartbeat: that is no part of this outage.
    told = datetime.fromisoformat(swarm.now()) + timedelta(seconds=float(HEARTBEAT))
    settled("every agent has told what it lost", lambda: heard(swarm), lambda times: min(times) > told)
    engine = swarm.nodes[1]
    node, agent = swarm.node_id(engine), engine.docker("ps", "--quiet", "--filter", _AGENT)
    begin = swarm.now()
    engine.docker("pause", agent)
    paused = swarm.now()
    settled("the node is silent", swarm.states, lambda states: states[node] == "silent")
    back = swarm.now()
    engine.docker("unpause", agent)
    settled("the node is heard", swarm.states, lambda states: states[node] == "observed")
    end = swarm.now()
    done = swarm.ask(swarm.leader, "report", "coverage", "--since", begin, "--until", end, "--format", "json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["rows"]
    missed = [row for row in rows if row["node"] == node]
    assert [row["reason"] for row in missed] == ["silent"], missed
    after, before = missed[0]["after"], missed[0]["before"]
    assert datetime.fromisoformat(after) < datetime.fromisoformat(paused)
    assert datetime.fromisoformat(back) < datetime.fromisoformat(before) < datetime.fromisoformat(end)
    others = {swarm.node_id(other): "observed" for other in swarm.nodes if other is not engine}
    assert {row["node"]: row["reason"] for row in rows if row["node"] != node} == others


def heard(swarm: Swarm) -> list[datetime]:
    """Return when each node of the Swarm was last heard."""
    rows = swarm.answer(swarm.leader, "nodes")["nodes"]
    there = set(map(swarm.node_id, swarm.nodes))
    return [datetime.fromisoformat(row["since"]) for row in rows if row["node"] in there]


def test_a_thousand_random_questions_about_the_past(swarm: Swarm, journal: Journal) -> None:
    chance = random.Random(20260131)
    words = ("--endpoint-mode", "dnsrr", "--stop-grace-period", "0s", "--detach")
    swarm.leader.docker("service", "create", "--name", SERVICE, "--replicas", "6", *words, IMAGE, "sleep", "100000")
    scaled(swarm, journal, 6)
    scaled(swarm, journal, 2)
    swarm.backup()
    lost = swarm.now()
    scaled(swarm, journal, 8)
    swarm.restore()
    every = {(swarm.node_id(engine), "restored") for engine in swarm.nodes}
    settled("it is known what was lost", lambda: swarm.gaps(lost), every.issubset)
    shop.all_is_well(swarm)
    scaled(swarm, journal, 0)
    end = datetime.now(UTC)
    swarm.leader.docker("service", "rm", SERVICE)
    journal.close()
    asked = questions(
        chance, journal.begin, end, sorted(path for life in journal.lives.values() for path in life.paths)
    )
    answers = remembered(swarm, asked)
    assert len(answers) * (len(swarm.nodes) + PATHS) >= 1000
    observed = sum(compare(journal, one, answer) for one, answer in zip(asked, answers, strict=True))
    assert observed > len(answers) * len(swarm.nodes) // 3, "hardly any node was observed: that proves nothing"


def scaled(swarm: Swarm, journal: Journal, replicas: int) -> None:
    """Scale the service, and wait until the register knows it."""
    swarm.leader.docker("service", "scale", "--detach", f"{SERVICE}={replicas}")
    words = ("ls", "-q", "--filter", f"service={SERVICE}", "--filter", "state=running")
    settled(f"{replicas} are known", lambda: len(swarm.ask(swarm.leader, *words).stdout.split()), replicas.__eq__)
    journal.look()


def questions(chance: random.Random, first: datetime, last: datetime, paths: list[str]) -> list[dict[str, Any]]:
    return [
        {
            "at": (first + chance.random() * (last - first)).astimezone(UTC).isoformat(),
            "paths": chance.sample(paths, min(PATHS, len(paths))),
        }
        for _ in range(MOMENTS)
    ]


def remembered(swarm: Swarm, asked: list[dict[str, Any]]) -> list[dict[str, Any]]:
    done = swarm.run(
        swarm.leader,
        [sys.executable, "-m", "tests.swarm.memories"],
        json.dumps(asked),
        MOUNTBOOK_URL=swarm.collectors()[0],
    )
    assert done.returncode == 0, done.stderr
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


def compare(journal: Journal, asked: dict[str, Any], answer: dict[str, Any]) -> int:
    """Compare the answers about one moment with what the engines said; return how many hosts were observed."""
    at = datetime.fromisoformat(asked["at"]).timestamp()
    observed = set(answer["observed"])
    named = {(host, key) for host, key, _ in answer["containers"]}
    for host, key, certain in answer["containers"]:
        life = journal.lives.get(key)
        assert not certain or (life is not None and life.host == host and life.perhaps(at)), (asked["at"], host, key)
    for key, life in journal.lives.items():
        if life.surely(at) and life.host in observed and not life.passing:
            assert (life.host, key) in named, (asked["at"], life.host, key)
    for path in asked["paths"]:
        owners = answer["owners"][path]
        for host, key, certain in owners:
            life = journal.lives.get(key)
            assert not certain or (life is not None and path in life.paths and life.perhaps(at)), (
                asked["at"],
                host,
                path,
            )
        for key, life in journal.lives.items():
            if path in life.paths and life.surely(at) and life.host in observed and not life.passing:
                assert [life.host, key] in [[host, owner] for host, owner, _ in owners], (asked["at"], path)
    return len(observed & {life.host for life in journal.lives.values()})
