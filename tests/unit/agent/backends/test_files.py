"""Small files of a data root: what is read, and what is refused without hanging or filling memory."""

import os
from pathlib import Path

import pytest

from agent.backends.base import Problems
from agent.backends.files import UnreadableError, directories, is_name, is_sha256, names, read, read_id
from protocol.entries import Kind

ID = "0123456789abcdef" * 4


def write(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize("text", [ID, f"{ID}-init", f"sha256:{ID}", "k3z8q1x7c5v2b9n4m6l0p8o2i", "f" * 255])
def test_an_id_is_read_with_and_without_its_line_feed(tmp_path: Path, text: str) -> None:
    assert read_id(write(tmp_path / "id", text.encode())) == text
    assert read_id(write(tmp_path / "id", f"{text}\n\n".encode())) == text


def test_no_file_and_an_empty_one_hold_no_id_yet(tmp_path: Path) -> None:
    assert read_id(str(tmp_path / "none")) is None
    assert read_id(write(tmp_path / "empty", b"")) is None
    assert read_id(write(tmp_path / "line", b"\n")) is None


@pytest.mark.parametrize(
    "content",
    [
        b"..",
        b".",
        b".hidden",
        b"a/b",
        b"../../etc",
        b"a b",
        b"a\nb",
        b"a\x00b",
        b"caf\xc3\xa9",
        b"\xff",
        b"f" * 256,
        b"\t",
    ],
)
def test_what_is_no_id_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UnreadableError):
        read_id(write(tmp_path / "id", content))


def test_a_mebibyte_is_refused_without_being_read(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="300 bytes or more"):
        read_id(write(tmp_path / "id", b"f" * (1 << 20)))


def test_a_fifo_a_directory_a_link_and_a_loop_are_refused_and_nothing_hangs(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "directory").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    write(tmp_path / "target", ID.encode())
    (tmp_path / "link").symlink_to("target")
    for name in ("fifo", "directory", "loop", "link"):
        with pytest.raises(UnreadableError):
            read_id(str(tmp_path / name))
        with pytest.raises(UnreadableError):
            read(str(tmp_path / name))


@pytest.mark.parametrize("size", [0, 1, 16 * 1024 - 1, 16 * 1024, 16 * 1024 + 1, 100_000, 200_000])
def test_a_file_is_read_whole_up_to_the_limit(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    path = write(tmp_path / "file", content)
    assert read(path, 200_000) == content
    if size:
        with pytest.raises(UnreadableError, match=f"more than {size - 1} bytes"):
            read(path, size - 1)


def test_ids_and_names_are_told_apart() -> None:
    assert is_sha256(ID)
    assert not is_sha256(ID.upper())
    assert not is_sha256(ID[:-1])
    assert not is_sha256(f"{ID}\n")
    assert is_name(ID)
    assert not is_name("")


def test_links_and_files_beside_directories_are_problems(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    write(tmp_path / "file", b"")
    problems = Problems()
    assert directories(str(tmp_path), problems, Kind.LAYER) == ["real"]
    assert len(problems.sentences) == 2
    assert not problems.incomplete


def test_a_directory_that_is_missing_is_empty_and_one_that_cannot_be_listed_is_not(tmp_path: Path) -> None:
    problems = Problems()
    assert names(str(tmp_path / "none"), problems, Kind.LAYER) == []
    assert not problems.incomplete
    assert names(write(tmp_path / "file", b""), problems, Kind.LAYER) == []
    assert problems.incomplete == {Kind.LAYER}
