"""What BuildKit claims among the layers of a graph driver, and its leases in containerd."""

from pathlib import Path

import pytest

from agent.backends import buildkit
from agent.backends.base import DataRoot
from tests.unit.agent.backends.bolt_writer import Tree, tree, write

CHAIN = "sha256:" + "5" * 64
STEP, CONTAINER = "g5xe10hn1ig6of7uuxeptj7s6", "c" * 64


@pytest.fixture
def root(tmp_path: Path) -> DataRoot:
    (tmp_path / "buildkit").mkdir()
    return DataRoot(str(tmp_path), "/var/lib/docker")


def database(root: DataRoot, name: str, content: Tree) -> Path:
    path = Path(root.local) / "buildkit" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(write(content))
    return path


def test_snapshots_and_what_they_were_committed_from_are_claimed_and_images_are_not(root: DataRoot) -> None:
    snapshots = {
        "mutable": {"parent": CHAIN.encode()},
        "record": {"committed": b"directory", "chainid": CHAIN.encode()},
        CHAIN: {},
        "imported": {"size": b"12"},
    }
    database(root, "snapshots.db", tree(snapshots))
    assert buildkit.claims(root) == frozenset({"mutable", "record", "directory", "imported"})


@pytest.mark.parametrize("name", ["metadata_v2.db", "metadata.db"])
def test_records_of_the_cache_are_claimed(root: DataRoot, name: str) -> None:
    database(
        root, name, tree({"_main": {"one": {}, "two": {"cache.parent": b'{"value":"one"}'}}, "_index": {"x": b""}})
    )
    assert buildkit.claims(root) == frozenset({"one", "two"})


def test_leases_of_the_cache_are_claimed(root: DataRoot) -> None:
    leases = {"lease": {"snapshots": {"default": {"held": b"", CHAIN: b""}}}, "empty": {}}
    database(root, "containerdmeta.db", tree({"v1": {"buildkit": {"leases": leases}}}))
    assert buildkit.claims(root) == frozenset({"held", CHAIN})


def test_the_layers_of_a_step_that_runs_now_are_claimed(root: DataRoot, tmp_path: Path) -> None:
    for name, mount in ((STEP, "running"), (CONTAINER, "container's")):
        mounts = tmp_path / "image/overlay2/layerdb/mounts" / name
        mounts.mkdir(parents=True)
        (mounts / "mount-id").write_text(mount)
        (mounts / "init-id").write_text(f"{mount}-init")
    assert buildkit.claims(root) == frozenset({"running", "running-init"})


def test_without_records_nothing_is_claimed(tmp_path: Path) -> None:
    assert buildkit.claims(DataRoot(str(tmp_path), "/var/lib/docker")) == frozenset()
    assert buildkit.leases(str(tmp_path), "overlayfs") == frozenset()


@pytest.mark.parametrize("name", ["snapshots.db", "metadata_v2.db", "containerdmeta.db"])
def test_records_that_cannot_be_read_are_told_apart_from_none(root: DataRoot, name: str) -> None:
    database(root, name, Tree()).write_bytes(b"garbage" * 4000)
    assert buildkit.claims(root) is None


def test_a_lease_belongs_to_its_record_also_when_it_is_on_a_view_of_it(root: DataRoot) -> None:
    database(root, "containerd-overlayfs/metadata_v2.db", tree({"_main": {"record": {}}}))
    records = buildkit.leases(root.local, "overlayfs")
    assert records == frozenset({b"record"})
    assert buildkit.is_lease_of(records, b"record")
    assert buildkit.is_lease_of(records, b"record-view")
    assert buildkit.is_lease_of(records, b"record-variants")
    assert not buildkit.is_lease_of(records, b"records")
    assert not buildkit.is_lease_of(records, CONTAINER.encode())
    database(root, "containerd-overlayfs/metadata_v2.db", Tree()).write_bytes(b"")
    assert buildkit.leases(root.local, "overlayfs") is None
