"""The token: where it comes from, and who else could read it."""

from pathlib import Path

import pytest

from agent.config import Config
from agent.credential import exposure, read_token
from agent.errors import ConfigError


def config(file: Path) -> Config:
    return Config(collectors=("http://a",), token_file=str(file))


def test_the_file_is_read_without_its_line_break(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret\n")
    assert read_token(config(tmp_path / "token")) == "secret"


@pytest.mark.parametrize("content", [b"", b"\n", b"caf\xc3\xa9", b"two\nlines"])
def test_a_file_without_a_token_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(ConfigError, match="token file"):
        read_token(config(tmp_path / "token"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        read_token(config(tmp_path / "token"))


@pytest.mark.parametrize(("mode", "warns"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True)])
def test_a_file_that_others_can_read_is_warned_of(tmp_path: Path, mode: int, warns: bool) -> None:
    (tmp_path / "token").write_text("secret")
    (tmp_path / "token").chmod(mode)
    assert ("chmod 0600" in exposure(config(tmp_path / "token"))) is warns
