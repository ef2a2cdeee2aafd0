"""Is there an engine, and may it be asked?"""

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mountbook.local.engines import Reach, look, rootless, sentence
from tests.unit.mountbook.local.users import ordinary_user


@pytest.fixture
def folder() -> Iterator[Path]:
    """A directory with a path short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="mb-") as path:
        yield Path(path)


def test_a_listening_socket_is_ready(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "s"))
        server.listen()
        found = look(f"unix://{folder}/s")
    assert found.reach is Reach.READY
    assert found.path == f"{folder}/s"


def test_a_socket_that_nobody_listens_on_is_silent(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "s"))
    found = look(f"unix://{folder}/s")
    assert found.reach is Reach.SILENT
    assert "not running" in sentence(found)


def test_a_path_without_a_socket_is_no_engine(folder: Path) -> None:
    assert look(f"unix://{folder}/none").reach is Reach.ABSENT
    (folder / "file").write_text("")
    assert look(f"unix://{folder}/file/below").reach is Reach.ABSENT


def test_an_engine_over_the_network_is_not_this_machine() -> None:
    found = look("tcp://10.0.0.5:2376")
    assert found.reach is Reach.REMOTE
    assert "tcp://10.0.0.5:2376" in sentence(found)


def test_a_forbidden_socket_names_the_docker_group(folder: Path) -> None:
    # Root may use any socket: only another user can be refused one.
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "s"))
        server.listen()
        os.chmod(folder / "s", 0)
        os.chmod(folder, 0o755)
        with ordinary_user():
            found = look(f"unix://{folder}/s")
    assert found.reach is Reach.FORBIDDEN
    assert "usermod -aG docker" in sentence(found)


def test_rootless_engines_are_found_the_users_own_first(folder: Path) -> None:
    for name in ("7", str(os.geteuid()), "elsewhere"):
        (folder / "users" / name).mkdir(parents=True)
        (folder / "users" / name / "docker.sock").touch()
    (folder / "users/8").mkdir()
    own, users = folder / "users/elsewhere", str(folder / "users")
    found = rootless({"XDG_RUNTIME_DIR": str(own)}, users)
    assert found[:2] == [f"unix://{own}/docker.sock", f"unix://{users}/{os.geteuid()}/docker.sock"]
    assert sorted(found[2:]) == [f"unix://{users}/7/docker.sock"]
    assert rootless({}, str(folder / "nowhere")) == []
