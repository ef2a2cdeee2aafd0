"""Names that no engine gives: with line breaks, with bytes that are no text, endless, and links that lead around."""

import os
from pathlib import Path

import msgspec
import pytest

from agent.backends.discover import look
from agent.inventory import Inventory, take
from mountbook.local.dataroots import BuiltRoot, ContainerSpec, DataRootSpec, ImageSpec, VolumeSpec, build
from protocol.entries import Container, Layer, LayerUse, ResolvedBy, Volume

NAMES = [b"line\nbreak", b"\xff\xfe", b"tab\there", b"\x1b[31mred", "ü".encode() * 100, b"n" * 255]


@pytest.fixture(params=["overlay2", "vfs", "btrfs"])
def built(tmp_path: Path, request: pytest.FixtureRequest) -> BuiltRoot:
    """A data root with such names wherever a name is read, beside a container that is whole."""
    spec = DataRootSpec(
        driver=request.param,
        images=(ImageSpec(name="web:1", layers=({"a": "1"},)),),
        containers=(ContainerSpec(name="web", image="web:1"),),
        volumes=(VolumeSpec(name="data"),),
    )
    built = build(tmp_path / "docker", spec)
    home = {"overlay2": b"overlay2", "vfs": b"vfs/dir", "btrfs": b"btrfs/subvolumes"}[built.driver]
    store = b"image/" + built.driver.encode() + b"/layerdb/"
    root = os.fsencode(built.path)
    for name in NAMES:
        for where in (home, b"containers", b"volumes", store + b"mounts", store + b"sha256"):
            os.makedirs(os.path.join(root, where, name, b"_data"))
    for where in (home, b"containers", b"volumes", store + b"mounts", store + b"sha256"):
        os.symlink(b".", os.path.join(root, where, b"around"))
        os.symlink(b"loop", os.path.join(root, where, b"loop"))
    return built


def inventory(built: BuiltRoot) -> Inventory:
    return take(look("/var/lib/docker", local=str(built.path), driver=built.driver, now=4e9), None, now=4e9)


def test_the_rest_is_found_and_each_name_is_a_problem_or_an_orphan(built: BuiltRoot) -> None:
    found = inventory(built)
    (web,) = (one for one in found.entries if isinstance(one, Container) and one.name == "web")
    assert (web.resolved_by, web.mount_id, web.reason) == (ResolvedBy.LAYERDB, built.container("web").mount_id, "")
    assert len([one for one in found.entries if isinstance(one, Container)]) == 1
    orphans = [one for one in found.entries if isinstance(one, Layer) and one.use is LayerUse.ORPHAN]
    assert len(orphans) == len(NAMES)
    assert {one.key for one in found.entries if isinstance(one, Volume)} >= {"data", "line\nbreak"}
    for where in ("containers/", "layerdb/mounts/", "layerdb/sha256/"):
        assert sum(where in problem for problem in found.problems) >= len(NAMES), where


def test_all_of_it_can_be_sent(built: BuiltRoot) -> None:
    found = inventory(built)
    text = msgspec.json.encode((found.entries, found.problems)).decode()
    assert "\x00" not in text
    assert msgspec.json.decode(text)
