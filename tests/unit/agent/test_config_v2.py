"""A container's own record: what is read of it, what is not, and what becomes of one that cannot be used."""

import json
from pathlib import Path
from typing import Any

import pytest

from agent import config_v2
from agent.backends.files import UnreadableError
from agent.config_v2 import State, moment
from protocol.entries import Mount

ZERO = "0001-01-01T00:00:00Z"
STARTED = "2026-01-05T08:00:01.5Z"


def written(directory: Path, content: object, file: str = "config.v2.json") -> str:
    (directory / file).write_text(json.dumps(content))
    return str(directory)


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (State(running=True, started_at=STARTED), "running"),
        (State(running=True, paused=True, started_at=STARTED), "paused"),
        (State(running=True, restarting=True, started_at=STARTED), "restarting"),
        (State(removal_in_progress=True, dead=True, started_at=STARTED), "removing"),
        (State(dead=True, started_at=STARTED), "dead"),
        (State(started_at=ZERO), "created"),
        (State(), "created"),
        (State(started_at=STARTED, exit_code=1), "exited"),
    ],
)
def test_the_state_has_the_engines_word(state: State, word: str) -> None:
    assert state.word == word


def test_a_time_that_was_never_set_is_no_time() -> None:
    assert moment(ZERO) == ""
    assert moment("0001-01-01T00:00:00.000000000Z") == ""
    assert moment(STARTED) == STARTED


def test_what_is_wanted_is_read_and_the_environment_is_not(tmp_path: Path) -> None:
    content: dict[str, Any] = {
        "ID": "c" * 64,
        "Name": "/web",
        "Driver": "overlay2",
        "Image": "sha256:" + "a" * 64,
        "Created": STARTED,
        "State": {"Running": False, "OOMKilled": True, "ExitCode": 137, "StartedAt": STARTED, "FinishedAt": STARTED},
        "Config": {"Image": "web:1", "Labels": {"a": "b"}, "Env": ["PASSWORD=hunter2"]},
    }
    record = config_v2.load(written(tmp_path, content))
    assert record is not None
    assert (record.name, record.driver, record.image, record.created) == (
        "/web",
        "overlay2",
        "sha256:" + "a" * 64,
        STARTED,
    )
    assert (record.state.oom_killed, record.state.exit_code, record.state.word) == (True, 137, "exited")
    assert (record.config.image, record.config.labels) == ("web:1", {"a": "b"})
    assert "hunter2" not in repr(record)


def test_of_a_listed_container_only_its_life_is_read(tmp_path: Path) -> None:
    content = {"Driver": "vfs", "Created": STARTED, "State": {"ExitCode": 3}, "Config": {"Labels": 7}}
    life = config_v2.load_life(written(tmp_path, content))
    assert life is not None
    assert (life.driver, life.created, life.state.exit_code) == ("vfs", STARTED, 3)


def test_no_record_is_none(tmp_path: Path) -> None:
    assert config_v2.load(str(tmp_path)) is None
    assert config_v2.load_life(str(tmp_path)) is None


@pytest.mark.parametrize(
    "content",
    [b"", b"[", b"null", b"[]", b'{"State": 7}', b'{"Name": "\xff"}', b'{"Name": "\\ud800"}', b"[" * 200_000, b"\x00"],
    ids=["empty", "half", "null", "list", "wrong type", "no text", "half a pair", "deep", "NUL"],
)
def test_a_record_that_cannot_be_used_says_so(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.v2.json").write_bytes(content)
    with pytest.raises(UnreadableError, match="is no container's record"):
        config_v2.load(str(tmp_path))


def test_a_record_without_end_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "config.v2.json").write_bytes(b" " * (config_v2.LIMIT + 1))
    with pytest.raises(UnreadableError, match="holds more than"):
        config_v2.load(str(tmp_path))


def test_mounts_are_as_the_engine_lists_them(tmp_path: Path) -> None:
    points = {
        "/z": {"Type": "volume", "Name": "data", "Destination": "/z", "Driver": "local", "RW": True},
        "/nfs": {"Type": "volume", "Name": "far", "Destination": "/nfs", "Driver": "plugin", "RW": True},
        "/b": {"Type": "bind", "Source": "/srv/b", "Destination": "/b", "RW": False, "Propagation": "rslave"},
        "/old": {"Source": "/srv/old", "Destination": "/old", "RW": True, "Relabel": "Z"},
    }
    record = config_v2.load(written(tmp_path, {"MountPoints": points}))
    assert record is not None
    assert record.mounts("/var/lib/docker") == (
        Mount(type="bind", destination="/b", source="/srv/b", rw=False, propagation="rslave"),
        Mount(type="volume", destination="/nfs", name="far", driver="plugin"),
        Mount(type="bind", destination="/old", source="/srv/old", mode="Z"),
        Mount(
            type="volume",
            destination="/z",
            name="data",
            source="/var/lib/docker/volumes/data/_data",
            driver="local",
        ),
    )


def test_the_volumes_of_an_engine_before_1_7_are_mounts_too(tmp_path: Path) -> None:
    record = config_v2.load(written(tmp_path, {"Volumes": {"/data": "/srv/x"}}, "config.json"), "config.json")
    assert record is not None
    assert record.mounts("/var/lib/docker") == (Mount(type="bind", destination="/data", source="/srv/x"),)
