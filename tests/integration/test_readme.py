"""The README's commands, typed as they stand there, say what the README says they say."""

import os
import re
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parent.parent.parent
README: Final = (ROOT / "README.md").read_text()
PATIENCE: Final = 300.0
"""Seconds for `make up` to be ready: the first time it installs."""


@dataclass(frozen=True)
class Command:
    """A line after ``$``, and the lines that it prints."""

    line: str
    output: str

    def __str__(self) -> str:
        return self.line


def commands() -> list[Command]:
    """Return every command of the README's console blocks."""
    blocks = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    return [
        Command(line, output)
        for block in blocks
        for line, output in re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
    ]


def timeless(text: str) -> str:
    """Leave out what is another each time."""
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", "TIME", text)
    return re.sub(r"\d+ (second|minute|hour|day|week|month|year)s? ago", "AGO", text)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Address of the collector that the README's `make up` starts, with sample nodes; stopped by Ctrl-C."""
    with tempfile.TemporaryDirectory(prefix="mb-") as folder:
        Path(folder).chmod(0o755)
        said = Path(folder) / "said"
        arguments = f"ARGS=--sample --port 0 --data {folder}/register"
        with said.open("wb") as output:
            up = subprocess.Popen(
                ["make", "up", arguments], cwd=ROOT, stdout=output, stderr=output, start_new_session=True
            )
        try:
            yield _page(up, said)
        finally:
            if up.poll() is None:
                os.killpg(up.pid, signal.SIGINT)
            up.wait(60)
        assert "Stopped." in said.read_text()


def _page(up: "subprocess.Popen[bytes]", said: Path) -> str:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and up.poll() is None:
        if found := re.search(r"page +(http://[0-9.:]+)/", said.read_text()):
            return found[1]
        time.sleep(0.1)
    raise AssertionError(f"make up did not get ready:\n{said.read_text()}")


@pytest.mark.parametrize("command", [one for one in commands() if one.output], ids=str)
def test_a_command_prints_what_the_readme_shows(command: Command, address: str) -> None:
    done = subprocess.run(
        shlex.split(command.line),
        cwd=ROOT,
        env={**os.environ, "MOUNTBOOK_URL": address},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert timeless(done.stdout) == timeless(command.output)


def test_every_command_is_one_that_is_tested() -> None:
    untold = [command.line for command in commands() if not command.output]
    assert untold == ["make up", "make test"]
