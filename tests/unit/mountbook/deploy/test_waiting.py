"""What is said of nodes that do not report, and of those that see less than they should."""

from typing import Any

import pytest

from mountbook.deploy.causes import cause
from mountbook.deploy.facts import Node
from mountbook.deploy.plan import Plan
from mountbook.deploy.waiting import short_sight
from protocol.answers import NodeRow

NODE = Node(id="n1id", hostname="n1")


@pytest.mark.parametrize(
    ("state", "error", "said"),
    [
        ("", "", "no task yet"),
        ("rejected", '"path is mounted on / but it is not a shared or slave mount"', "mount --make-rshared /"),
        ("failed", "mkdir /rootfs/host/var/lib/docker/swarm: read-only file system", "--layout NODE=ROOT"),
        ("rejected", '"bind source path does not exist: /srv/docker"', "correct its --layout"),
        ("rejected", '"No such image: mountbook/agent:latest"', "--push"),
        ("starting", "", "its agent is starting (docker service logs mountbook_agent)"),
        ("failed", '"task: non-zero exit (2)"', "non-zero exit (2)"),
        ("running", "", "4789/udp, 7946/tcp and 7946/udp"),
    ],
)
def test_a_task_that_does_not_report_says_what_to_do(state: str, error: str, said: str) -> None:
    assert said in cause(state, error, heard=True)


def test_without_a_collector_nothing_is_said_of_ports() -> None:
    assert "is not known" in cause("running", "", heard=False)


def row(problems: list[str] | None = None, **engine: Any) -> NodeRow:
    return NodeRow(
        cluster="c",
        node="n1id",
        hostname="n1",
        state="observed",
        since=None,
        seen=None,
        engine=engine,
        problems=problems or [],
    )


def test_an_agent_that_reads_its_data_root_needs_no_word() -> None:
    assert short_sight(NODE, row(readable=True), Plan()) == ""


def test_a_remapped_engine_gets_the_line_that_opts_out() -> None:
    said = short_sight(NODE, row(data_root="/var/lib/docker/100000.100000"), Plan(cluster="c1"))
    assert "mountbook.agent=false n1" in said
    assert "--userns=host" in said
    assert "--volume /var/lib/docker:/host/var/lib/docker:ro,rslave" in said


def test_a_data_root_that_cannot_be_read_is_named_with_the_reason() -> None:
    said = short_sight(NODE, row(["/host/var/lib/docker: Permission denied"], data_root="/var/lib/docker"), Plan())
    assert "Permission denied" in said
    assert "SELinux" in said
