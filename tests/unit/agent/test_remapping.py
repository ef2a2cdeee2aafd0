import pytest

from agent.config import Config
from agent.remapping import in_user_namespace, sentence
from protocol.messages import Engine


@pytest.mark.parametrize(
    ("uid_map", "inside"),
    [
        ("         0          0 4294967295\n", False),
        ("         0     200000      65536\n", True),
        ("         0       1000          1\n         1     100000      65536\n", True),
        ("", False),
    ],
)
def test_a_user_namespace_is_told_by_its_map(uid_map: str, inside: bool) -> None:
    assert in_user_namespace(uid_map) is inside


def test_the_sentence_has_the_whole_line_to_run_instead() -> None:
    config = Config(collectors=("http://collector:9000",), node="n1id", cluster="shop")
    said = sentence(config, Engine(), "/var/lib/docker/200000.200000")
    assert said.startswith("/var/lib/docker/200000.200000: unreadable")
    assert "docker run" in said
    assert "--userns=host" in said
    assert "MOUNTBOOK_URL=http://COLLECTOR:9000" in said
    assert "MOUNTBOOK_NODE=n1id" in said
    assert "--volume /var/lib/docker:/host/var/lib/docker:ro,rslave" in said


def test_what_the_agent_does_not_know_is_to_be_filled_in() -> None:
    said = sentence(Config(collectors=()), Engine(swarm_node="n2id"), "/srv/docker")
    assert "MOUNTBOOK_NODE=n2id" in said
    assert "MOUNTBOOK_CLUSTER=CLUSTER" in said
    assert "--volume /srv/docker:/host/srv/docker:ro,rslave" in said
