"""Whether a Swarm can take the stack: every obstacle is a sentence with what to do."""

from dataclasses import replace

import msgspec
import pytest

from mountbook.deploy.checks import Wanted, missing_secrets, postgres_node, problems, remarks
from mountbook.deploy.facts import SECRETS, Facts, Info, Node

LEADER = Node(id="m1", hostname="one", role="manager", address="10.0.0.1", engine="28.5.2")
WORKER = Node(id="w1", hostname="two", address="10.0.0.2", engine="20.10.24+dfsg1")
WANTED = Wanted(subnet="10.222.0.0/16", port=8480, images=("mountbook/agent:latest", "mountbook/collector:latest"))


def info(**fields: object) -> Info:
    swarm = {"LocalNodeState": "active", "NodeID": "m1", "ControlAvailable": True, "Cluster": {"ID": "c1"}}
    given = {"Swarm": swarm | dict(fields.pop("swarm", {}) or {}), "DockerRootDir": "/var/lib/docker"}  # type: ignore[call-overload]
    return msgspec.convert({**given, **fields}, Info)


GOOD = Facts(info=info(), nodes=(LEADER, WORKER))


def test_a_good_swarm_has_no_problem() -> None:
    assert problems(GOOD, WANTED) == []
    assert remarks(GOOD) == []


def test_an_engine_outside_a_swarm_is_told_how_to_make_one() -> None:
    (said,) = problems(replace(GOOD, info=info(swarm={"LocalNodeState": "inactive"})), WANTED)
    assert "docker swarm init" in said


def test_a_worker_names_the_managers() -> None:
    swarm = {"ControlAvailable": False, "RemoteManagers": [{"NodeID": "m1", "Addr": "10.0.0.1:2377"}]}
    (said,) = problems(Facts(info=info(swarm=swarm)), WANTED)
    assert "is a worker" in said
    assert "10.0.0.1:2377" in said


def test_without_a_quorum_nothing_else_is_asked() -> None:
    (said,) = problems(replace(GOOD, nodes=(), no_quorum="the swarm does not have a leader"), WANTED)
    assert "more than half" in said


@pytest.mark.parametrize(("engine", "fits"), [("19.03.15", False), ("", False), ("20.10.0", True), ("29.1.2", True)])
def test_an_engine_too_old_for_services_is_named(engine: str, fits: bool) -> None:
    said = problems(replace(GOOD, nodes=(LEADER, replace(WORKER, engine=engine))), WANTED)
    assert bool(said) is not fits
    assert all("two" in line and "upgrade" in line for line in said)


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"DockerRootDir": "/srv/docker"}, "/srv/docker"),
        ({"SecurityOptions": ["name=seccomp,profile=default", "name=userns"]}, "--userns=host"),
        ({"SecurityOptions": ["name=selinux"]}, "label=disable"),
    ],
)
def test_an_engine_that_the_agent_could_not_read_is_named_unless_the_agent_is_kept_off(
    fields: dict[str, object], word: str
) -> None:
    facts = replace(GOOD, info=info(**fields))
    (said,) = problems(facts, WANTED)
    assert word in said
    assert "mountbook.agent=false" in said
    kept_off = replace(LEADER, labels={"mountbook.agent": "false"})
    assert problems(replace(facts, nodes=(kept_off, WORKER)), WANTED) == []


@pytest.mark.parametrize("theirs", ["10.222.5.0/24", "10.0.0.0/8", "10.222.0.0/16"])
def test_a_subnet_that_is_taken_names_the_network(theirs: str) -> None:
    (said,) = problems(replace(GOOD, subnets=(("shop_default", theirs), ("other", "10.1.0.0/16"))), WANTED)
    assert "shop_default" in said
    assert "--subnet" in said


def test_a_subnet_that_is_none_is_named() -> None:
    (said,) = problems(GOOD, replace(WANTED, subnet="10.222.0.1/16"))
    assert "10.222.0.0/16" in said


def test_a_subnet_of_the_other_kind_of_address_is_no_obstacle() -> None:
    assert problems(replace(GOOD, subnets=(("six", "fd00::/64"),)), WANTED) == []


def test_a_port_that_is_taken_names_the_service() -> None:
    (said,) = problems(replace(GOOD, ports={8480: "shop_web"}), WANTED)
    assert "shop_web" in said
    assert "--port" in said


def test_an_image_that_only_this_machine_has_is_refused_when_there_are_other_nodes() -> None:
    facts = replace(GOOD, local_images=frozenset(WANTED.images))
    assert len(problems(facts, WANTED)) == 2
    assert "--push" in problems(facts, WANTED)[0]
    assert problems(facts, replace(WANTED, loaded=True)) == []
    assert problems(replace(facts, nodes=(LEADER,)), WANTED) == []


def test_the_register_has_one_disk() -> None:
    one, two = (replace(node, labels={"mountbook.postgres": "true"}) for node in (LEADER, WORKER))
    assert postgres_node(replace(GOOD, nodes=(one, WORKER))) == one
    assert problems(replace(GOOD, nodes=(one, WORKER)), WANTED) == []
    assert "2 nodes have the label" in problems(replace(GOOD, nodes=(one, two)), WANTED)[0]
    assert "Give it back" in problems(replace(GOOD, deployed=True), WANTED)[0]
    external = replace(WANTED, external_database=True)
    assert "beside the external one" in problems(replace(GOOD, nodes=(one, WORKER)), external)[0]
    assert problems(replace(GOOD, deployed=True), external) == []


def test_windows_and_nodes_that_are_away_are_remarked_on() -> None:
    windows = replace(WORKER, id="x1", hostname="win", os="windows")
    away = replace(WORKER, id="x2", hostname="away", state="down")
    said = remarks(replace(GOOD, nodes=(LEADER, windows, away)))
    assert [("win" in line, "away" in line) for line in said] == [(True, False), (False, True)]
    assert not windows.runs_tasks
    assert not away.runs_tasks


def test_only_missing_secrets_are_made() -> None:
    assert missing_secrets(replace(GOOD, secrets=frozenset(SECRETS[:1])), SECRETS) == list(SECRETS[1:])
