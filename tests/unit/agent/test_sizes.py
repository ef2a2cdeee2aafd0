"""What directories cost."""

import os
import subprocess
from pathlib import Path

import pytest

from agent.sizes import Pace, Size, file_system, measure


def du(path: Path) -> int:
    """Return what coreutils say the tree costs, in bytes."""
    done = subprocess.run(["du", "-sx", "--block-size=1", str(path)], check=True, capture_output=True, text=True)
    return int(done.stdout.split()[0])


def test_a_tree_costs_what_du_says(tmp_path: Path) -> None:
    for number in range(30):
        folder = tmp_path / f"d{number % 7}" / "e"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"f{number}").write_bytes(b"x" * number * 1000)
    size = measure(str(tmp_path))
    assert size == Size(du(tmp_path), 1 + 14 + 30)


def test_a_file_with_two_names_counts_once(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 100_000)
    alone = measure(str(tmp_path))
    os.link(tmp_path / "a", tmp_path / "b")
    assert measure(str(tmp_path)) == alone


def test_a_sparse_file_counts_its_blocks(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    assert measure(str(tmp_path)).bytes < 1 << 20


def test_links_are_counted_and_never_followed(tmp_path: Path) -> None:
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "loop").symlink_to(tmp_path)
    (tmp_path / "inside" / "away").symlink_to("/")
    assert measure(str(tmp_path)).inodes == 4


def test_a_single_file_is_a_tree_of_one(tmp_path: Path) -> None:
    file = tmp_path / "disk.img"
    file.write_bytes(b"x" * 9000)
    assert measure(str(file)) == Size(du(file), 1)


def test_nothing_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        measure(str(tmp_path / "gone"))


def test_a_tree_deeper_than_any_path_is_measured_as_far_as_it_goes(tmp_path: Path) -> None:
    top = os.open(tmp_path, os.O_RDONLY)
    for _ in range(450):
        os.mkdir("d", dir_fd=top)
        below = os.open("d", os.O_RDONLY, dir_fd=top)
        os.close(top)
        top = below
    os.close(top)
    size = measure(str(tmp_path))
    subprocess.run(["rm", "-rf", str(tmp_path / "d")], check=True)
    assert size.inodes == 401
    assert "deeper than 400" in size.problems[0]


def test_names_that_are_not_utf8_are_measured(tmp_path: Path) -> None:
    os.mkdir(os.fsencode(tmp_path) + b"/caf\xe9")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9/x")).write_text("x")
    assert measure(str(tmp_path)).inodes == 3


def test_pace_sleeps_in_proportion_to_the_cpu_time_used() -> None:
    used = iter([0.0, 0.3, 0.3, 0.4, 0.4])
    slept: list[float] = []
    pace = Pace(0.25, cpu=lambda: next(used), sleep=slept.append)
    pace.breathe()
    pace.breathe()
    assert slept == pytest.approx([0.9, 0.3])


def test_a_share_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        Pace(0)


def test_a_file_system_has_room_and_a_device(tmp_path: Path) -> None:
    room = file_system(str(tmp_path))
    assert room.device == tmp_path.stat().st_dev
    assert 0 < room.free_bytes <= room.total_bytes
