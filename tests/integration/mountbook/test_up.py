"""``mountbook up`` as a person uses it: a process that starts, answers, stops and starts again."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PATIENCE = 120.0


def make_directory() -> Path:
    """Make a directory that every user may pass, with a path short enough for a socket."""
    path = Path(tempfile.mkdtemp(prefix="mb-"))
    path.chmod(0o755)
    return path


@pytest.fixture
def data() -> Iterator[Path]:
    """A data directory that is not there yet."""
    path = make_directory()
    yield path / "data"
    shutil.rmtree(path)


@dataclass(slots=True)
class Up:
    """A running ``mountbook up``; ``said`` is what it wrote until it was ready."""

    process: subprocess.Popen[str]
    said: list[str]

    @property
    def url(self) -> str:
        """The collector's address."""
        return next(line.split()[1].rstrip("/") for line in self.said if line.startswith("  page"))

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(number)
        self.process.communicate(timeout=PATIENCE)
        return self.process.returncode

    def kill(self) -> None:
        """End it at once, if it has not ended."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


def command(*arguments: str, url: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "mountbook", *arguments],
        env=environment() | ({"MOUNTBOOK_URL": url} if url else {}),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


def environment() -> dict[str, str]:
    """Return an environment without settings of the person who runs the tests."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("MOUNTBOOK_", "DOCKER_"))}


def launch(data: Path, *arguments: str) -> Up:
    """Start ``up`` on a free port."""
    line = [sys.executable, "-m", "mountbook", "up", "--data", str(data), "--port", "0", *arguments]
    process = subprocess.Popen(
        line, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    return Up(process, [])


@pytest.fixture
def running(data: Path) -> Iterator[list[Up]]:
    """Every ``up`` of the test; none outlives it."""
    started: list[Up] = []
    yield started
    for up in started:
        up.kill()
    record = data / "sample" / "postgres" / "postmaster.pid"
    if record.exists():  # PostgreSQL was killed, or the test failed between a kill and the start that clears up
        with suppress(ProcessLookupError):
            os.kill(int(record.read_text().split()[0]), signal.SIGQUIT)


@dataclass(frozen=True, slots=True)
class Shared:
    """An ``up`` with sample nodes that several tests ask, and its data directory."""

    up: Up
    data: Path


@pytest.fixture(scope="module")
def shared() -> Iterator[Shared]:
    """One ``up`` for every test that only looks."""
    path = make_directory()
    up = launch(path / "data", "--sample")
    try:
        yield Shared(ready(up), path / "data")
        assert up.stop() == 0
    finally:
        up.kill()
        shutil.rmtree(path)


def ready(up: Up) -> Up:
    """Wait until it says how to stop it."""
    assert up.process.stdout is not None
    for line in up.process.stdout:
        up.said.append(line.rstrip("\n"))
        if line.startswith("Ctrl-C"):
            return up
    pytest.fail(f"it ended with {up.process.wait()}:\n" + "\n".join(up.said))


def start(running: list[Up], data: Path, *arguments: str) -> Up:
    """Start ``up`` and wait until it is ready."""
    running.append(launch(data, *arguments))
    return ready(running[-1])


def asked(url: str, *arguments: str) -> Any:
    """Return the JSON answer to a question; it must have been found."""
    done = command(*arguments, "--json", url=url)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_answers_where_and_whose_for_the_sample_nodes(shared: Shared) -> None:
    url = shared.up.url
    assert len(asked(url, "ls")) == 5
    [web] = asked(url, "where", "shop_web.1")["containers"]
    assert (web["hostname"], web["backend"], web["service"]) == ("sample-1", "overlay2", "shop_web")
    [answer] = asked(url, "whose", f"{web['diff_path']}/var/log/app.log")["answers"]
    assert [(owner["key"], owner["inside"]) for owner in answer["owners"]] == [
        (web["container_id"], "/var/log/app.log")
    ]
    replicas = asked(url, "where", "service:shop_web")["containers"]
    assert {row["backend"] for row in replicas} == {"overlay2", "aufs", "vfs"}
    assert {row["state"] for row in asked(url, "nodes")["nodes"]} == {"observed"}


def test_the_commands_it_proposes_find_something(shared: Shared) -> None:
    said = shared.up.said
    proposed = said[said.index("Try in another terminal:") + 1 :]
    lines = "\n".join(line.strip() for line in proposed if line.startswith("  "))
    assert re.search(r"^\S.* where shop_web\.\d$", lines, re.MULTILINE), lines
    done = subprocess.run(["sh", "-ec", lines], env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "shop_web" in done.stdout


def test_its_tokens_are_secret_and_never_shown(shared: Shared) -> None:
    tokens = list(shared.data.glob("sample/agents/*/token"))
    assert len(tokens) == 3
    assert {path.stat().st_mode & 0o777 for path in tokens} == {0o600}
    log = (shared.data / "sample" / "mountbook.log").read_text()
    for path in tokens:
        assert path.read_text().strip() not in "\n".join(shared.up.said) + log


def test_a_data_directory_in_use_is_refused_with_the_process_that_has_it(shared: Shared) -> None:
    second = command("up", "--data", str(shared.data), "--port", "0", "--sample")
    assert second.returncode == 2
    assert f"in use by another `mountbook up` (process {shared.up.process.pid})" in second.stderr


def test_what_it_holds_outlives_a_stop_a_kill_and_the_death_of_its_database(data: Path, running: list[Up]) -> None:
    up = start(running, data, "--sample")
    first = {row["container_id"]: row["began"] for row in asked(up.url, "ls")}
    assert up.stop(signal.SIGTERM) == 0
    assert not (data / "sample" / "postgres" / "postmaster.pid").exists(), "PostgreSQL was stopped as well"

    began = time.monotonic()
    up = start(running, data, "--sample")
    print(f"the second start took {time.monotonic() - began:.1f} s")
    assert {row["container_id"]: row["began"] for row in asked(up.url, "ls")} == first
    up.kill()

    up = start(running, data, "--sample")
    assert {row["container_id"]: row["began"] for row in asked(up.url, "ls")} == first
    os.kill(int((data / "sample" / "postgres" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    said, _ = up.process.communicate(timeout=PATIENCE)
    assert up.process.returncode == 2
    assert "PostgreSQL ended by itself" in said
    assert "Traceback" not in said


def test_a_port_that_is_taken_is_named_with_a_way_out(data: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = command("up", "--data", str(data), "--port", str(port), "--sample")
    assert done.returncode == 2
    assert f"Port {port} cannot be used" in done.stderr
    assert "--port" in done.stderr
    assert not data.exists(), "nothing was begun"


def test_a_database_that_cannot_be_reached_is_a_sentence(data: Path) -> None:
    url = "postgresql://nobody:hunter2@127.0.0.1:1/none"
    done = command("up", "--data", str(data), "--port", "0", "--sample", "--database", url)
    assert done.returncode == 2
    assert "database" in done.stderr
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr


def test_a_database_of_ones_own_takes_the_place_of_the_embedded_one(
    data: Path, running: list[Up], empty_database_url: str
) -> None:
    up = start(running, data, "--sample", "--database", empty_database_url)
    assert len(asked(up.url, "ls")) == 5
    assert not (data / "sample" / "postgres").exists()
    assert up.stop() == 0


def test_an_interrupt_while_it_starts_ends_it_quietly(data: Path, running: list[Up]) -> None:
    running.append(launch(data, "--sample"))
    process = running[-1].process
    assert process.stdout is not None
    assert "making a PostgreSQL" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, said
    assert "Stopped." in said
    assert not (data / "sample" / "postgres" / "postmaster.pid").exists()
