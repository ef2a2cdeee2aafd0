"""Whether a Swarm can take the stack: every obstacle is a sentence with what to do."""

from dataclasses import replace

import msgspec
import pytest

from mountbook.deploy.checks import Wanted, missing_secrets, postgres_node, problems, remarks
from mountbook.deploy.facts import SECRETS, Facts, Info, Node
from mountbook.deploy.layouts import Layout

LEADER = Node(id="m1", hostname="one", role="manager", address="10.0.0.1", engine="28.5.2")
WORKER = Node(id="w1", hostname="two", address="10.0.0.2", engine="20.10.24+dfsg1")
WANTED = Wanted(subnet="10.222.0.0/16", port=8480, images=("mountbook/agent:latest", "mountbook/collector:latest"))


def info(**fields: object) -> Info:
    swarm = {"LocalNodeState": "active", "NodeID": "m1", "ControlAvailable": True, "Cluster": {"ID": "c1"}}
    given = {"Swarm": swarm | dict(fields.pop("swarm", {}) or {}), "DockerRootDir": "/var/lib/docker"}  # type: ignore[call-overload]
    return msgspec.convert({**given, **fields}, Info)


GOOD = Facts(info=info(), nodes=(LEADER, WORKER), secrets=frozenset(SECRETS))


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
        ({"DockerRootDir": "/var/lib/docker/100000.100000"}, "--userns=host"),
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


def test_a_data_root_elsewhere_wants_a_layout_and_the_right_one() -> None:
    facts = replace(GOOD, info=info(DockerRootDir="/srv/docker"))
    (said,) = problems(facts, WANTED)
    assert "--layout one=/srv/docker" in said
    assert problems(facts, replace(WANTED, layouts={"m1": Layout("/srv/docker")})) == []
    (said,) = problems(facts, replace(WANTED, layouts={"m1": Layout("/srv/other")}))
    assert "is /srv/docker, not /srv/other" in said


def test_a_layout_is_not_given_up_where_the_stacks_agent_would_see_nothing() -> None:
    labels = {"mountbook.agent": "false", "mountbook.layout": "/srv/docker"}
    facts = replace(GOOD, info=info(DockerRootDir="/srv/docker"), nodes=(replace(LEADER, labels=labels), WORKER))
    (said,) = problems(facts, WANTED)
    assert "--layout one=/srv/docker" in said


def test_layouts_that_only_capitals_tell_apart_are_refused() -> None:
    (said,) = problems(GOOD, replace(WANTED, layouts={"w1": Layout("/srv/a"), "w2": Layout("/srv/A")}))
    assert "/srv/A and /srv/a" in said


def test_what_is_bound_lies_on_a_shared_mount() -> None:
    shared = "23 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
    private = "24 23 8:2 / /var rw,relatime - ext4 /dev/sda2 rw\n"
    assert problems(replace(GOOD, mounts=shared), WANTED) == []
    (said,) = problems(replace(GOOD, mounts=shared + private), WANTED)
    assert "mount --make-rshared /" in said
    elsewhere = replace(GOOD, mounts=shared + private, info=info(DockerRootDir="/srv/docker"))
    assert problems(elsewhere, replace(WANTED, layouts={"m1": Layout("/srv/docker")})) == []


def test_a_node_that_no_overlay_network_would_reach_is_named_with_the_ports() -> None:
    (said,) = problems(replace(GOOD, deaf=frozenset({"w1"})), WANTED)
    assert all(word in said for word in ("two", "10.0.0.2", "7946/tcp", "7946/udp", "4789/udp", "2377/tcp"))


@pytest.mark.parametrize("theirs", ["10.222.5.0/24", "10.0.0.0/8", "10.222.0.0/16"])
def test_a_subnet_that_is_taken_names_the_network(theirs: str) -> None:
    (said,) = problems(replace(GOOD, subnets=(("shop_default", theirs), ("other", "10.1.0.0/16"))), WANTED)
    assert "shop_default" in said
    assert "--subnet" in said


def test_a_subnet_that_holds_a_node_names_it() -> None:
    (said,) = problems(replace(GOOD, nodes=(LEADER, replace(WORKER, address="10.222.0.7"))), WANTED)
    assert "two's own address 10.222.0.7" in said


def test_a_subnet_that_is_none_is_named() -> None:
    (said,) = problems(GOOD, replace(WANTED, subnet="10.222.0.1/16"))
    assert "10.222.0.0/16" in said


def test_a_subnet_of_the_other_kind_of_address_is_no_obstacle() -> None:
    assert problems(replace(GOOD, subnets=(("six", "fd00::/64"),)), WANTED) == []


def test_a_port_that_is_taken_names_the_service() -> None:
    (said,) = problems(replace(GOOD, ports={8480: "shop_web"}), WANTED)
    assert "shop_web" in said
    assert "--port" in said


def test_a_port_that_something_outside_the_swarm_has_names_the_node() -> None:
    (said,) = problems(replace(GOOD, listening=frozenset({"w1"})), WANTED)
    assert "On two something else listens on port 8480" in said
    assert "--port" in said
    assert "mountbook.collector=false two" in said


def test_an_image_that_only_this_machine_has_is_refused_when_there_are_other_nodes() -> None:
    facts = replace(GOOD, local_images=frozenset(WANTED.images))
    assert len(problems(facts, WANTED)) == 2
    assert "--push" in problems(facts, WANTED)[0]
    assert problems(facts, replace(WANTED, loaded=True)) == []
    assert problems(replace(facts, nodes=(LEADER,)), WANTED) == []


def test_the_password_of_a_database_that_is_there_cannot_be_made_up() -> None:
    none = replace(GOOD, secrets=frozenset())
    assert problems(none, WANTED) == []
    (said,) = problems(none, replace(WANTED, external_database=True))
    assert "docker secret create mountbook_postgres_password -" in said
    (said,) = problems(replace(none, volumes=frozenset({"mountbook_postgres"})), WANTED)
    assert "docker volume rm mountbook_postgres" in said
    elsewhere = (LEADER, replace(WORKER, labels={"mountbook.postgres": "true"}))
    assert problems(replace(none, nodes=elsewhere, volumes=frozenset({"mountbook_postgres"})), WANTED) == []


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
