"""The data directory of ``up``: one command at a time, and a sentence for everything else."""

import os
from pathlib import Path

import pytest

from mountbook.errors import UserError
from mountbook.local import datadir


def test_it_is_made_with_the_directories_above_it_and_closed_to_others(tmp_path: Path) -> None:
    with datadir.claimed(tmp_path / "a" / "b") as data:
        assert data.is_dir()
        assert data.stat().st_mode & 0o066 == 0, "others neither read nor write it"


def test_a_second_command_is_told_who_has_it(tmp_path: Path) -> None:
    with (
        datadir.claimed(tmp_path),
        pytest.raises(UserError, match=rf"in use by another `mountbook up` \(process {os.getpid()}\)"),
        datadir.claimed(tmp_path),
    ):
        pytest.fail("it was claimed twice")


def test_it_is_free_again_when_the_command_is_done(tmp_path: Path) -> None:
    for _ in range(2):
        with datadir.claimed(tmp_path):
            assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def test_a_file_in_its_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UserError, match="is not a directory"), datadir.claimed(path):
            pytest.fail("a file was claimed")


def test_a_directory_that_cannot_be_made_says_what_to_do() -> None:
    with (
        pytest.raises(UserError, match=r"/proc/mountbook cannot be written .*--data"),
        datadir.claimed(Path("/proc/mountbook")),
    ):
        pytest.fail("/proc was written")


def test_a_link_is_followed_to_where_the_data_lies(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with datadir.claimed(tmp_path / "link") as data:
        assert data == (tmp_path / "real").resolve()


def test_the_default_follows_xdg_for_ordinary_users_and_is_fixed_for_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/srv/home/data")
    expected = "/var/lib/mountbook" if os.geteuid() == 0 else "/srv/home/data/mountbook"
    assert datadir.default() == Path(expected)
