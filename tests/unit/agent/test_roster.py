"""The roster: made from what a manager's engine says, and sent while the node is one."""

import msgspec

from agent.roster import SwarmNode, SwarmService, roster
from protocol.roster import RosterNode, RosterService

NODES = b"""[
  {"ID": "w1", "Version": {"Index": 40}, "CreatedAt": "2026-01-01T00:00:00Z",
   "Spec": {"Labels": {"tier": "front"}, "Role": "worker", "Availability": "drain"},
   "Description": {"Hostname": "two", "Platform": {"Architecture": "x86_64", "OS": "linux"},
     "Resources": {"NanoCPUs": 2000000000}, "Engine": {"EngineVersion": "28.5.2"}},
   "Status": {"State": "down", "Message": "heartbeat failure", "Addr": "10.0.0.2"}},
  {"ID": "m1", "Version": {"Index": 12}, "Spec": {"Role": "manager", "Availability": "active"},
   "Description": {"Hostname": "one\\u0000", "Platform": {"OS": "windows"}, "Engine": {"EngineVersion": "20.10.24"}},
   "Status": {"State": "ready", "Addr": "10.0.0.1"},
   "ManagerStatus": {"Leader": true, "Reachability": "reachable", "Addr": "10.0.0.1:2377"}}
]"""
SERVICES = b"""[
  {"ID": "s2", "Version": {"Index": 77}, "Spec": {"Name": "shop_web",
     "Labels": {"com.docker.stack.namespace": "shop"},
     "TaskTemplate": {"ContainerSpec": {"Image": "nginx:1.27", "Env": ["PASSWORD=hunter2"]}},
     "Mode": {"Replicated": {"Replicas": 3}}}},
  {"ID": "s1", "Version": {"Index": 5}, "Spec": {"Name": "agent", "Labels": null, "Mode": {"Global": {}},
     "TaskTemplate": {"ContainerSpec": {"Image": "mountbook/agent"}}}},
  {"ID": "s3", "Spec": {"Name": "none", "Mode": {"Replicated": {}}, "TaskTemplate": {}}}
]"""


def test_a_roster_is_made_of_nodes_and_services_in_the_order_of_their_ids() -> None:
    made = roster(
        msgspec.json.decode(NODES, type=list[SwarmNode]), msgspec.json.decode(SERVICES, type=list[SwarmService]), 0.5
    )
    assert (made.version, made.read_ago) == (77, 0.5)
    assert made.nodes[1] == RosterNode(
        node="w1",
        hostname="two",
        role="worker",
        availability="drain",
        state="down",
        address="10.0.0.2",
        engine="28.5.2",
        os="linux",
        arch="x86_64",
    )
    assert (made.nodes[0].node, made.nodes[0].leader, made.nodes[0].os) == ("m1", True, "windows")
    assert [service.service for service in made.services] == ["s1", "s2", "s3"]
    assert made.services[1] == RosterService(
        service="s2", name="shop_web", stack="shop", image="nginx:1.27", mode="replicated", replicas=3
    )
    assert [service.replicas for service in made.services] == [None, 3, 0]


def test_what_travels_holds_no_environment_and_no_nul() -> None:
    made = roster(
        msgspec.json.decode(NODES, type=list[SwarmNode]), msgspec.json.decode(SERVICES, type=list[SwarmService])
    )
    sent = msgspec.json.encode(made)
    assert b"hunter2" not in sent
    assert b"\\u0000" not in sent


def test_a_swarm_of_nothing_has_version_0() -> None:
    assert roster([], []).version == 0
