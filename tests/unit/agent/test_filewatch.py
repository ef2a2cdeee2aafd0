"""Hints from the times of files."""

import os
from pathlib import Path

import pytest

from agent.filewatch import Changes, FileWatch

NOTHING = Changes(frozenset(), False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A data root with one container and one image."""
    write(tmp_path, "one", 1)
    (tmp_path / "image/overlay2/layerdb/sha256").mkdir(parents=True)
    (tmp_path / "image/overlay2/repositories.json").write_text("{}")
    (tmp_path / "volumes").mkdir()
    return tmp_path


def write(root: Path, container_id: str, at: int) -> None:
    """Write a container's configuration with a modification time of so many nanoseconds."""
    folder = root / "containers" / container_id
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.v2.json").write_text("{}")
    os.utime(folder / "config.v2.json", ns=(at, at))


def watch(root: Path) -> FileWatch:
    made = FileWatch(str(root))
    made.poll()
    return made


def test_the_first_look_finds_everything_changed(root: Path) -> None:
    assert FileWatch(str(root)).poll() == Changes(frozenset({"one"}), True)


def test_nothing_changes_by_itself(root: Path) -> None:
    assert watch(root).poll() == NOTHING


def test_a_configuration_that_was_replaced_names_its_container(root: Path) -> None:
    files = watch(root)
    write(root, "one", 2)
    assert files.poll() == Changes(frozenset({"one"}), False)


def test_a_container_that_came_or_went_is_named(root: Path) -> None:
    files = watch(root)
    write(root, "two", 1)
    assert files.poll().containers == {"two"}
    (root / "containers/two/config.v2.json").unlink()
    assert files.poll().containers == {"two"}


@pytest.mark.parametrize("path", ["image/overlay2/repositories.json", "image/overlay2/layerdb/sha256", "volumes"])
def test_an_image_a_layer_or_a_volume_is_something_else(root: Path, path: str) -> None:
    files = watch(root)
    os.utime(root / path, ns=(9, 9))
    assert files.poll() == Changes(frozenset(), True)


def test_a_root_that_is_not_there_has_nothing(tmp_path: Path) -> None:
    assert FileWatch(str(tmp_path / "absent")).poll() == NOTHING
