"""The agent as a process: what it prints, and how it ends."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agent.config import ENVIRONMENT
from agent.health import HealthFile
from protocol.version import RELEASE

ROOT = Path(__file__).resolve().parents[3]


def start(*arguments: str, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "agent", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(*arguments: str, **environment: str) -> tuple[int, str, str]:
    with start(*arguments, **environment) as process:
        output, errors = process.communicate(timeout=60)
        return process.returncode, output, errors


def test_help_names_every_variable() -> None:
    status, output, _ = run("--help")
    assert (status, [name for name in ENVIRONMENT if name not in output]) == (0, [])


def test_version_is_the_release() -> None:
    assert run("--version")[1] == f"mountbook agent {RELEASE}\n"


def test_every_problem_of_the_configuration_is_a_line_and_none_a_traceback() -> None:
    status, output, errors = run(MOUNTBOOK_RELIST="soon")
    assert (status, output, len(errors.splitlines())) == (2, "", 3)
    assert "Traceback" not in errors


@pytest.mark.parametrize(("alive", "status"), [(True, 0), (False, 1)])
def test_check_says_whether_the_agent_goes_round(tmp_path: Path, alive: bool, status: int) -> None:
    if alive:
        HealthFile(str(tmp_path)).beat("fine")
    said, output, errors = run("--check", MOUNTBOOK_STATE_DIR=str(tmp_path))
    assert (said, errors) == (status, "")
    assert output.endswith("\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_quietly(tmp_path: Path, number: signal.Signals) -> None:
    process = start(
        MOUNTBOOK_URL="http://127.0.0.1:1",
        MOUNTBOOK_TOKEN="t",
        MOUNTBOOK_DATA_ROOT=str(tmp_path),
        MOUNTBOOK_START_SPREAD="0",
        DOCKER_HOST="",
    )
    with process:
        assert process.stderr is not None
        first = process.stderr.readline()
        assert "no collector answers" in first, first
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in errors
