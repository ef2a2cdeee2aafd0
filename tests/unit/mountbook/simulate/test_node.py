from pathlib import Path
from random import Random

import pytest

from mountbook.simulate.node import SimulatedNode, World
from protocol.entries import Container, EntryKey, Kind, ResolvedBy


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(7, str(tmp_path))


def test_a_full_look_finds_everything_and_no_problem(world: World) -> None:
    found = SimulatedNode(world, 0, 5).look(None, 1.0, 1)
    counts = {kind: sum(key.kind is kind for key in found.entries) for kind in Kind}
    assert counts == {Kind.CONTAINER: 5, Kind.LAYER: 20, Kind.IMAGE: 4, Kind.VOLUME: 2, Kind.BIND: 0}
    assert found.complete == dict.fromkeys(Kind, True)
    assert found.problems == ()


def test_containers_are_resolved_as_on_a_real_node(world: World) -> None:
    found = SimulatedNode(world, 0, 5).look(None, 1.0, 1)
    containers = [entry for entry in found.entries.values() if isinstance(entry, Container)]
    assert {container.resolved_by for container in containers} == {ResolvedBy.LAYERDB}
    assert all(container.diff_path and container.labels and container.paths for container in containers)
    assert len({container.mount_id for container in containers}) == 5


def test_the_same_seed_gives_the_same_node(world: World) -> None:
    one, two = (SimulatedNode(world, 3, 5) for _ in range(2))
    assert one.id == two.id
    assert one.look(None, 1.0, 1).hashes == two.look(None, 1.0, 1).hashes


def test_another_node_has_other_containers(world: World) -> None:
    one, two = SimulatedNode(world, 0, 5), SimulatedNode(world, 1, 5)
    assert one.id != two.id
    assert not set(one.container_ids()) & set(two.container_ids())


def test_a_limited_look_sees_what_changed_and_what_is_gone(world: World) -> None:
    node, random = SimulatedNode(world, 0, 3), Random(1)
    states = set()
    for _ in range(50):
        change = node.change(random)
        assert change is not None
        found = node.look(frozenset({change.container_id}), 1.0, 1)
        assert found.asked == frozenset({EntryKey(Kind.CONTAINER, "/var/lib/docker", change.container_id)})
        (seen,) = [*(entry.state for entry in found.entries.values() if isinstance(entry, Container)), ""][:1]
        assert seen == change.state
        states.add(change.state)
        assert 2 <= len(node.container_ids()) <= 3
    assert states == {"running", "exited", ""}


def test_what_is_spared_does_not_change(world: World) -> None:
    node = SimulatedNode(world, 0, 3)
    assert node.change(Random(1), node.container_ids()) is None
