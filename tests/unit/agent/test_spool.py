"""What is kept of what nobody was told."""

from pathlib import Path

import msgspec
import pytest

from agent.spool import MAX_SPOOL, Spooled, SpoolFile, spooled
from protocol.entries import EntryKey, Kind

KEYS = {EntryKey(Kind.CONTAINER, "/var/lib/docker", f"{number:064x}"): bytes([number] * 32) for number in range(200)}


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    kept = spooled(3, 1, KEYS)
    SpoolFile(str(tmp_path)).save(kept)
    assert SpoolFile(str(tmp_path)).load() == kept
    assert [file.name for file in tmp_path.iterdir()] == ["spool.json"]
    assert kept.lost_by(1, KEYS) == 0


@pytest.mark.parametrize("content", [b"", b"{", b'{"lost":"x"}', b"\xff" * 10_000])
def test_a_damaged_file_counts_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "spool.json").write_bytes(content)
    assert SpoolFile(str(tmp_path)).load() == Spooled()


def test_nothing_is_kept_without_a_directory_or_on_a_volume_that_went_away(tmp_path: Path) -> None:
    for place in ("", str(tmp_path / "gone")):
        SpoolFile(place).save(spooled(1, 1, KEYS))
        assert SpoolFile(place).load() == Spooled()


@pytest.mark.parametrize("room", [0, 1_000, 10_000, MAX_SPOOL])
def test_it_never_outgrows_its_room_and_counts_what_does_not_fit(room: int) -> None:
    kept = spooled(3, 1, KEYS, room)
    assert len(msgspec.json.encode(kept)) <= room + 200
    assert len(kept.untold) + kept.overflow == len(KEYS)
    assert kept.lost_by(1, KEYS) == kept.overflow
    assert kept.lost_by(1, {}) == len(KEYS)


def test_in_another_hash_version_what_is_still_there_is_not_lost() -> None:
    kept = spooled(0, 1, KEYS)
    other = {key: bytes(32) for key in list(KEYS)[:150]}
    assert kept.lost_by(1, other) == 199  # but the one whose hash is all zeros
    assert kept.lost_by(2, other) == 50
