"""Agents of nodes whose data lies elsewhere: how a layout is said, kept, found out, and rendered."""

import re

import pytest

from mountbook.deploy.facts import Node
from mountbook.deploy.layouts import LABEL, Layout, asked, kept, read_option, rendered, reported
from mountbook.deploy.plan import stack_file
from mountbook.errors import UserError
from protocol.answers import NodeRow

SRV = Layout("/srv/docker")
BOTH = Layout("/srv/docker", "/srv/containerd")
NODES = (Node(id="m1", hostname="one"), Node(id="w1", hostname="two"), Node(id="w2", hostname="two"))


@pytest.mark.parametrize(
    ("said", "layout"),
    [("one=/srv/docker", SRV), ("one=/srv/docker/", SRV), ("one=/srv/docker:/srv/containerd", BOTH)],
)
def test_an_option_names_a_node_and_where_its_data_lies(said: str, layout: Layout) -> None:
    assert read_option(said) == ("one", layout)
    assert Layout.read(layout.label) == layout


def test_an_option_gives_a_node_back() -> None:
    assert read_option("one=default") == ("one", None)


@pytest.mark.parametrize("said", ["one", "=/srv", "one=", "one=srv", "one=/a b", "one=/a/../b", "one=/a:b", "one=/$x"])
def test_an_option_that_names_neither_is_refused(said: str) -> None:
    with pytest.raises(UserError, match="write"):
        read_option(said)


def test_nodes_are_asked_for_by_id_or_by_a_hostname_that_is_one_nodes_own() -> None:
    assert asked(NODES, [("one", SRV), ("w2", None)]) == {"m1": SRV, "w2": None}
    with pytest.raises(UserError, match="no node 'three'"):
        asked(NODES, [("three", SRV)])
    with pytest.raises(UserError, match="2 nodes are called 'two'"):
        asked(NODES, [("two", SRV)])


def test_a_layout_is_kept_in_the_nodes_label() -> None:
    labelled = Node(id="m1", hostname="one", labels={LABEL: BOTH.label})
    assert kept((labelled, *NODES[1:])) == {"m1": BOTH}
    with pytest.raises(UserError, match=r"mountbook\.layout of one"):
        kept((Node(id="m1", hostname="one", labels={LABEL: "nowhere"}),))


def row(node: str, root: str, *, readable: bool = False, driver: str = "overlay2", state: str = "observed") -> NodeRow:
    engine = {"data_root": root, "socket": True, "readable": readable, "driver": driver}
    return NodeRow(cluster="c", node=node, hostname=node, state=state, since=None, seen=None, engine=engine)  # type: ignore[arg-type]


def test_what_agents_report_of_roots_they_cannot_read_becomes_layouts() -> None:
    rows = {
        "elsewhere": row("elsewhere", "/srv/docker"),
        "store": row("store", "/srv/docker", driver="overlayfs"),
        "readable": row("readable", "/srv/docker", readable=True),
        "default": row("default", "/var/lib/docker"),
        "remapped": row("remapped", "/var/lib/docker/100000.100000"),
        "strange": row("strange", "/srv/my docker"),
        "away": row("away", "/srv/docker", state="silent"),
        "known": row("known", "/srv/docker"),
    }
    assert reported(rows, {"known": SRV}) == {
        "elsewhere": SRV,
        "store": Layout("/srv/docker", "/var/lib/containerd"),
    }


def test_each_layout_is_an_agent_with_its_own_binds_on_its_own_nodes() -> None:
    text = rendered(stack_file().read_text(), [SRV, BOTH, SRV])
    first, second = re.split(r"^  (?=agent-)", text, flags=re.MULTILINE)[1:]
    assert first.startswith(f"{SRV.service}:")
    assert second.startswith(f"{BOTH.service}:")
    assert "/var/lib," not in text
    assert "/var/lib/docker" not in text
    for part, layout in ((first, SRV), (second, BOTH)):
        assert "target: /host/srv/docker, read_only: true, bind: {propagation: rslave}" in part
        assert "{type: tmpfs, target: /host/srv/docker/swarm, tmpfs: {size: 4096}}" in part
        assert f"'node.labels.mountbook.layout == {layout.label}'" in part
        assert "mountbook.agent != false" not in part
    assert "containerd" not in first
    assert "target: /host/srv/containerd, read_only: true" in second
    assert "MOUNTBOOK_CONTAINERD_ROOT: /srv/containerd" in second


def test_a_layouts_agent_is_otherwise_the_stacks_own() -> None:
    stack = stack_file().read_text()
    agent = stack[stack.index("  agent:\n") : stack.index("  # Takes what")].splitlines()
    ours = set(rendered(stack, [SRV]).splitlines())
    missing = [line for line in agent if line not in ours and not line.lstrip().startswith("#") and line]
    assert [line.split()[0] for line in missing] == ["agent:", "-", "-", "placement:"]


def test_a_hardened_layout_sees_nothing_that_is_mounted_below_and_has_no_socket() -> None:
    text = rendered(stack_file().read_text(), [BOTH], hardened=True)
    assert "/agent-hardened:" in text
    assert "type: bind, source: /dev/null, target: /var/run/docker.sock" in text
    assert "rslave" not in text
    for path in ("/srv/docker", "/srv/containerd"):
        (volume,) = re.findall(rf"^  (agent-\S+): .*device: {path}}}}}$", text, re.MULTILINE)
        assert f"{{type: volume, source: {volume}, target: /host{path}, read_only: true" in text
    assert text.count('o: "bind,ro,private"') == 2


def test_two_layouts_never_share_a_services_name() -> None:
    names = {Layout(path).service for path in ("/srv/docker", "/srv-docker", "/srv/" + "d" * 80, "/srv/" + "d" * 81)}
    assert len(names) == 4
    assert all(len(f"mountbook_{name}") <= 63 for name in names)
