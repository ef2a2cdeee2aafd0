"""What ``up`` says before it begins."""

import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mountbook.errors import UserError
from mountbook.local import up
from tests.unit.mountbook.local.users import ordinary_user


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory for an engine's socket, which DOCKER_HOST names."""
    with tempfile.TemporaryDirectory(prefix="mb-") as path:
        os.chmod(path, 0o755)
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}/s")
        yield Path(path)


def test_a_socket_that_may_not_be_used_ends_it_with_the_docker_group(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as engine:
        engine.bind(str(folder / "s"))
        engine.listen()
        (folder / "s").chmod(0)
        with (
            ordinary_user(),
            pytest.raises(UserError, match=r"(?s)may not use .*usermod -aG docker.*--sample"),
        ):
            up.run(folder / "data", 0, None, False, print)
    assert not (folder / "data").exists(), "nothing was begun"


def test_without_an_engine_it_says_so_and_goes_on_with_sample_nodes(folder: Path) -> None:
    # A file in the place of the data directory ends it right after.
    (folder / "data").write_text("")
    said: list[str] = []
    with pytest.raises(UserError, match="is not a directory"):
        up.run(folder / "data", 0, None, False, said.append)
    assert said == [
        f"There is no Docker engine on this machine (no socket {folder}/s). Here are three sample nodes instead."
    ]


def test_a_port_for_root_only_or_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(UserError, match=rf"Port {port} cannot be used .*ss -ltnp .*--port"):
            up.run(tmp_path, port, None, True, print)
