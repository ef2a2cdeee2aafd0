"""A collector with given answers, and the command run against it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mountbook.cli import cli
from tests.unit.mountbook.fake_collector import FakeCollector, serving

Run = Callable[..., Result]


@pytest.fixture
def collector() -> Iterator[FakeCollector]:
    with serving() as fake:
        yield fake


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home directory, and nothing of Mountbook in the environment."""
    for name in ("MOUNTBOOK_URL", "MOUNTBOOK_TOKEN", "MOUNTBOOK_DATABASE", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def run(collector: FakeCollector, home: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command as typed, against the collector."""
    monkeypatch.setenv("MOUNTBOOK_URL", collector.url)

    def run(*args: str, stdin: bytes | None = None) -> Result:
        return CliRunner().invoke(cli, list(args), input=stdin)

    return run
