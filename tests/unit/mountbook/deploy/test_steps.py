"""Deployment's words: image names, the file, and the command for an agent outside the stack."""

from mountbook.deploy.facts import Node
from mountbook.deploy.plan import Plan, stack_file
from mountbook.deploy.waiting import by_hand


def test_the_stacks_file_is_found() -> None:
    assert "services:" in stack_file().read_text()


def test_pushed_images_are_named_after_the_registry() -> None:
    plan = Plan(image="mountbook", tag="1.2", push="registry.example:5000/ops/")
    assert plan.names(plan.prefix) == (
        "registry.example:5000/ops/mountbook/agent:1.2",
        "registry.example:5000/ops/mountbook/collector:1.2",
    )
    assert Plan(image="ghcr.example/mb").prefix == "ghcr.example/mb"


def test_the_line_for_an_agent_by_hand_names_its_node_and_root() -> None:
    line = by_hand(Node(id="n1id", hostname="n1"), Plan(cluster="c1", port=9000), "/srv/docker")
    for word in (
        "--userns=host",
        "--cap-drop ALL --cap-add DAC_READ_SEARCH",
        "MOUNTBOOK_NODE=n1id",
        "MOUNTBOOK_CLUSTER=c1",
        "MOUNTBOOK_URL=http://COLLECTOR:9000",
        "/srv/docker:/host/srv/docker:ro,rslave mountbook/agent:latest",
    ):
        assert word in line, word
    assert all(part.endswith("\\") for part in line.splitlines()[:-1])
