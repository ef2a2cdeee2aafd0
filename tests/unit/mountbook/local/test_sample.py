"""The sample nodes: one Swarm on three backends, made once."""

from pathlib import Path

from mountbook.local import sample
from mountbook.local.scan import scan
from protocol.answers import ContainerRow


def rows_of(node: sample.SampleNode) -> list[ContainerRow]:
    return scan(node.root / "var/lib/docker", containerd_root=None, host_root=sample.DATA_ROOT).containers


def test_a_service_has_a_replica_on_each_of_three_backends(tmp_path: Path) -> None:
    nodes = sample.prepare(tmp_path / "nodes")
    web = [row for node in nodes for row in rows_of(node) if row.service == "shop_web"]
    assert {row.backend for row in web} == {"overlay2", "aufs", "vfs"}
    assert {row.stack for row in web} == {"shop"}
    assert sorted(row.task.rpartition(".")[0] for row in web) == ["shop_web.1", "shop_web.2", "shop_web.3"]


def test_every_container_says_the_node_that_it_is_on(tmp_path: Path) -> None:
    for node in sample.prepare(tmp_path / "nodes"):
        assert (node.root / "etc/hostname").read_text() == f"{node.hostname}\n"
        tasks = [row for row in rows_of(node) if row.service]
        assert {row.labels["com.docker.swarm.node.id"] for row in tasks} == {node.node}


def test_there_is_a_volume_a_stopped_one_off_and_a_layer_of_nobody(tmp_path: Path) -> None:
    first, second, _ = sample.prepare(tmp_path / "nodes")
    [db] = [row for row in rows_of(first) if row.service == "shop_db"]
    assert {mount.name for mount in db.mounts} == {"shop_db-data"}
    [once] = [row for row in rows_of(second) if not row.service]
    assert (once.state, once.exit_code) == ("exited", 137)
    found = scan(first.root / "var/lib/docker", containerd_root=None, host_root=sample.DATA_ROOT)
    assert len(found.orphans) == 1
    assert {layer.use for layer in found.layers} == {"image"}


def test_they_are_made_once_and_what_is_done_to_them_stays(tmp_path: Path) -> None:
    first = sample.prepare(tmp_path / "nodes")
    (first[0].root / "etc/motd").write_text("kept")
    again = sample.prepare(tmp_path / "nodes")
    assert again == first
    assert (again[0].root / "etc/motd").read_text() == "kept"


def test_an_interrupted_making_is_begun_again(tmp_path: Path) -> None:
    (tmp_path / "nodes.unfinished/sample-1/etc").mkdir(parents=True)
    assert len(sample.prepare(tmp_path / "nodes")) == 3
    assert not (tmp_path / "nodes.unfinished").exists()
