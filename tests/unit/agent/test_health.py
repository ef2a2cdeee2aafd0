"""Signs of life."""

import time
from pathlib import Path

import msgspec
import pytest

from agent.health import STALE, Health, HealthFile


def test_an_agent_that_goes_round_is_well(tmp_path: Path) -> None:
    HealthFile(str(tmp_path)).beat("the collector has acknowledged everything")
    assert HealthFile(str(tmp_path)).verdict() == (
        True,
        "the agent goes round; the collector has acknowledged everything",
    )


@pytest.mark.parametrize("shift", [-STALE - 1, 60.0], ids=["too old", "of another boot"])
def test_an_old_sign_is_none(tmp_path: Path, shift: float) -> None:
    health = Health(time.clock_gettime(time.CLOCK_BOOTTIME) + shift, "")
    (tmp_path / "health.json").write_bytes(msgspec.json.encode(health))
    well, sentence = HealthFile(str(tmp_path)).verdict()
    assert not well
    assert "too old" in sentence


@pytest.mark.parametrize("content", [None, b"", b"{}"])
def test_no_sign_is_no_health(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "health.json").write_bytes(content)
    assert not HealthFile(str(tmp_path)).verdict()[0]


def test_without_a_directory_nothing_is_known_and_it_says_what_to_set() -> None:
    HealthFile("").beat("")
    well, sentence = HealthFile("").verdict()
    assert not well
    assert "MOUNTBOOK_STATE_DIR" in sentence


def test_a_volume_that_went_away_stops_nothing(tmp_path: Path) -> None:
    HealthFile(str(tmp_path / "gone")).beat("")
