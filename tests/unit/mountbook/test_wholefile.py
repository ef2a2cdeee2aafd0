import os
import stat
from pathlib import Path

import pytest

from mountbook.errors import UserError
from mountbook.wholefile import WholeFile


def test_a_file_takes_its_name_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    path.write_text("before")
    with WholeFile(str(path)) as file:
        file.write(b"one ")
        file.write(b"two")
        assert path.read_text() == "before"
        file.keep()
    assert path.read_text() == "one two"
    assert os.listdir(tmp_path) == ["report.csv"]


def test_without_being_kept_it_leaves_nothing(tmp_path: Path) -> None:
    with WholeFile(str(tmp_path / "report.csv")) as file:
        file.write(b"half")
    assert os.listdir(tmp_path) == []


def test_its_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with WholeFile(str(tmp_path / "r")) as file:
            file.keep()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "r").stat().st_mode) == 0o640


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("before")
    (tmp_path / "link").symlink_to("target")
    with WholeFile(str(tmp_path / "link")) as file:
        file.write(b"after")
        file.keep()
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "after"


def test_a_pipe_is_written_to_as_it_is(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with WholeFile(str(pipe)) as file:
            file.write(b"through")
            file.keep()
        assert os.read(reader, 100) == b"through"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@pytest.mark.parametrize(("name", "words"), [("", "is a directory"), ("none/r.csv", "make its directory first")])
def test_where_no_file_can_be_the_error_says_what_to_do(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(UserError, match=words), WholeFile(str(tmp_path / name)):
        pass


def test_a_device_that_is_full_is_an_error_in_words() -> None:
    with pytest.raises(UserError, match="make room there"), WholeFile("/dev/full") as file:
        file.write(b"x")
