"""When a directory that nothing names is an orphan."""

import os
import time
from pathlib import Path

import pytest

from agent.backends.unclaimed import Moment, classify
from protocol.entries import LayerUse


@pytest.fixture
def leaked(tmp_path: Path) -> Path:
    (tmp_path / "layer/diff/var/log").mkdir(parents=True)
    (tmp_path / "layer/diff/var/log/old").write_text("x")
    return tmp_path / "layer"


def use(leaked: Path, moment: Moment) -> LayerUse:
    return classify(leaked.name, [str(leaked)], claimed=frozenset(), doubt="", moment=moment)[0]


def test_one_that_nothing_touched_for_the_grace_period_is_an_orphan(leaked: Path) -> None:
    assert use(leaked, Moment(time.time() + 601)) is LayerUse.ORPHAN
    assert use(leaked, Moment(time.time() + 599)) is LayerUse.UNCLAIMED


def test_one_that_is_written_to_deep_inside_is_in_use(leaked: Path) -> None:
    born = time.time()
    while time.time() < born + 0.05:
        pass
    with (leaked / "diff/var/log/old").open("a") as file:
        file.write("y")
        os.fsync(file.fileno())
    # Only the file changed: every directory above it is as old as the tree.
    written = (leaked / "diff/var/log/old").stat().st_ctime
    assert (leaked / "diff/var/log").stat().st_ctime < written
    between = (written + (leaked / "diff/var/log").stat().st_ctime) / 2
    assert use(leaked, Moment(between + 600)) is LayerUse.UNCLAIMED
    assert use(leaked, Moment(written + 600.001)) is LayerUse.ORPHAN


def test_a_link_inside_is_not_followed(leaked: Path, tmp_path: Path) -> None:
    (leaked / "loop").symlink_to(leaked)
    (tmp_path / "fresh").mkdir()
    (leaked / "away").symlink_to(tmp_path / "fresh")
    assert use(leaked, Moment(time.time() + 601)) is LayerUse.ORPHAN
