"""The position that outlives the agent."""

from pathlib import Path

import pytest

from agent.position import Position, PositionFile
from protocol.messages import Acknowledged

POSITION = Position(Acknowledged("7-0123456789abcdef", 12, 1_790_000_000.25))


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    PositionFile(str(tmp_path)).save(POSITION)
    assert PositionFile(str(tmp_path)).load() == POSITION
    assert [file.name for file in tmp_path.iterdir()] == ["position.json"]


@pytest.mark.parametrize("content", [b"", b"{", b'{"generation":"x"}', b"\xff" * 10_000])
def test_a_damaged_file_counts_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "position.json").write_bytes(content)
    assert PositionFile(str(tmp_path)).load() is None


def test_nothing_is_kept_without_a_directory() -> None:
    PositionFile("").save(POSITION)
    assert PositionFile("").load() is None


def test_a_volume_that_went_away_stops_nothing(tmp_path: Path) -> None:
    PositionFile(str(tmp_path / "gone")).save(POSITION)
