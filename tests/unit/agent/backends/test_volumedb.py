"""Volumes that only the engine's records name, read with no engine."""

import json
from pathlib import Path

import pytest

from agent.backends.discover import look
from agent.inventory import Inventory, take
from mountbook.local.dataroots import BuiltRoot, DataRootSpec, VolumeSpec, build
from protocol.entries import Kind, Volume
from tests.unit.agent.backends.bolt_writer import Tree, tree, write

SECRET = "hunter2"
RECORDS = {
    "data": {"Name": "data", "Driver": "local", "Labels": {"tier": "back"}, "Options": {"o": f"password={SECRET}"}},
    "shared": {"Name": "shared", "Driver": "nfs:latest", "Labels": None, "Options": {"password": SECRET}},
    "going": {"Name": "going", "Driver": "local"},
}


@pytest.fixture
def built(tmp_path: Path) -> BuiltRoot:
    spec = DataRootSpec(driver="overlay2", volumes=(VolumeSpec(name="data"), VolumeSpec(name="plain")))
    return build(tmp_path / "docker", spec)


def record(built: BuiltRoot, values: dict[str, bytes]) -> None:
    (built.path / "volumes/metadata.db").write_bytes(write(Tree({b"volumes": tree(values)})))


def inventory(built: BuiltRoot) -> Inventory:
    return take(look("/var/lib/docker", local=str(built.path)), None)


def volumes(found: Inventory) -> dict[str, Volume]:
    return {one.key: one for one in found.entries if isinstance(one, Volume)}


def test_drivers_and_labels_are_those_that_the_engine_wrote_down(built: BuiltRoot) -> None:
    record(built, {name: json.dumps(value).encode() for name, value in RECORDS.items()})
    found = inventory(built)
    assert {key: (one.driver, one.labels) for key, one in volumes(found).items()} == {
        "data": ("local", {"tier": "back"}),
        "plain": ("local", {}),
        "shared": ("nfs:latest", {}),
    }
    assert volumes(found)["shared"].paths == ()
    assert volumes(found)["data"].paths
    assert found.complete[Kind.VOLUME]


def test_no_option_of_a_volume_is_read(built: BuiltRoot) -> None:
    record(built, {name: json.dumps(value).encode() for name, value in RECORDS.items()})
    assert SECRET not in repr(inventory(built))


def test_one_record_of_garbage_leaves_the_others(built: BuiltRoot) -> None:
    record(built, {"shared": json.dumps(RECORDS["shared"]).encode(), "bad": b"{half"})
    found = inventory(built)
    assert set(volumes(found)) == {"data", "plain", "shared"}
    assert any("'bad'" in problem and "metadata.db" in problem for problem in found.problems)
    assert not found.complete[Kind.VOLUME]


def test_records_that_cannot_be_read_leave_the_directories(built: BuiltRoot) -> None:
    (built.path / "volumes/metadata.db").write_bytes(b"no database")
    found = inventory(built)
    assert set(volumes(found)) == {"data", "plain"}
    assert any("metadata.db" in problem for problem in found.problems)
    assert not found.complete[Kind.VOLUME]
