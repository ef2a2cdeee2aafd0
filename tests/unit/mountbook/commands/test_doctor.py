"""``mountbook doctor``."""

from pathlib import Path

import msgspec
import pytest

from mountbook.local.doctor import Examined
from tests.unit.mountbook.conftest import Run
from tests.unit.mountbook.fake_collector import FakeCollector


@pytest.fixture(autouse=True)
def no_engine(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{home}/docker.sock")
    monkeypatch.setenv("MOUNTBOOK_DATA_ROOT", str(home / "docker"))
    monkeypatch.delenv("MOUNTBOOK_HOST_ROOT", raising=False)


def test_doctor_lists_every_check_and_what_to_do(run: Run, collector: FakeCollector, home: Path) -> None:
    collector.nodes()
    result = run("doctor")
    assert result.exit_code == 1
    assert result.stdout.startswith("CHECK ")
    assert f"{collector.url} is ready and hears 1 of 2 nodes" in result.stdout
    assert f"{home}/docker is not there" in result.stdout
    assert "data root: set MOUNTBOOK_DATA_ROOT" in result.stderr
    assert result.stderr.splitlines()[-1].endswith("problems")


def test_doctor_as_json_says_whether_all_is_well(run: Run) -> None:
    result = run("doctor", "--json", "--url", "http://127.0.0.1:9")
    examined = msgspec.json.decode(result.stdout, type=Examined)
    assert (result.exit_code, examined.well) == (1, False)
    assert {check.name for check in examined.checks if check.status == "problem"} >= {
        "engine",
        "data root",
        "collector",
    }
