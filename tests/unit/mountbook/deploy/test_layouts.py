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


STACK = stack_file().read_text()


def agents(layouts: list[Layout], *, hardened: bool = False) -> dict[str, str]:
    """Return the text of every agent's service by its name."""
    text = rendered(STACK, layouts, hardened=hardened)
    found = re.findall(r"^  (agent\S*):\n((?:    .*\n)+)", text, re.MULTILINE)
    return {name: lines for name, lines in found if "image:" in lines}


def test_each_layout_is_an_agent_with_its_own_binds_on_its_own_nodes() -> None:
    own, first, second = agents([SRV, BOTH, SRV]).values()
    assert own in STACK, "the stack's own agent is left as it is"
    for part, layout in ((first, SRV), (second, BOTH)):
        assert "target: /host/srv/docker, read_only: true, bind: {propagation: rslave}" in part
        assert "{type: tmpfs, target: /host/srv/docker/swarm, tmpfs: {size: 4096}}" in part
        assert f"'node.labels.mountbook.layout == {layout.label}'" in part
        assert "mountbook.agent != false" not in part
        assert "/var/lib" not in part
    assert "containerd" not in first
    assert "target: /host/srv/containerd, read_only: true" in second
    assert "MOUNTBOOK_DATA_ROOT: /srv/docker\n" in first
    assert "MOUNTBOOK_CONTAINERD_ROOT: /srv/containerd\n" in second


def test_a_layouts_agent_is_otherwise_the_stacks_own() -> None:
    own, other = (text.splitlines() for text in agents([SRV]).values())
    missing = [line.split()[:2] for line in own if line not in other and not line.lstrip().startswith("#")]
    assert missing == [["-", "{type:"], ["-", "{type:"], ["logging:", "&logging"], ["placement:", "{constraints:"]]


def test_nothing_but_agents_is_changed() -> None:
    rest = rendered(STACK, [SRV, BOTH])
    for name, text in agents([SRV, BOTH]).items():
        rest = rest.replace(f"  {name}:\n{text}\n", "")
    assert rest == re.sub(r"^  agent:\n(?:    .*\n)+\n", "", STACK, flags=re.MULTILINE)


def test_hardened_agents_see_nothing_that_is_mounted_below_and_have_no_socket() -> None:
    text = rendered(STACK, [BOTH], hardened=True)
    for agent in agents([BOTH], hardened=True).values():
        assert "/agent-hardened:" in agent
        assert "source: /dev/null, target: /var/run/docker.sock" in agent
        assert "propagation: rslave" not in agent
    for path in ("/var/lib", "/srv/docker", "/srv/containerd"):
        (volume,) = re.findall(rf'^  (\S+): \{{.*o: "bind,ro,private", device: {path}\}}\}}$', text, re.MULTILINE)
        assert text.count(f"{{type: volume, source: {volume}, target: /host{path}, read_only: true") == 1
    assert "\nvolumes:\n  agent-" in text
    assert "\n  agent: {}\n" in text


def test_two_layouts_never_share_a_services_name() -> None:
    names = {Layout(path).service for path in ("/srv/docker", "/srv-docker", "/srv/" + "d" * 80, "/srv/" + "d" * 81)}
    assert len(names) == 4
    assert all(len(f"mountbook_{name}") <= 63 for name in names)
