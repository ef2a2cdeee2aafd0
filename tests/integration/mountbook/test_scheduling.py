"""The lines by which docs/operations.md makes reports on a schedule, run as they stand there."""

import asyncio
import os
import re
import shlex
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest_asyncio

from collector import identity
from collector.config import Config
from collector.store.engine import Database
from mountbook.errors import UNREACHABLE, USAGE
from protocol.reports import END
from tests.integration.collector.node import Node, Rows, container
from tests.integration.collector.serving import collector
from tests.operations import block

ROOT = Path(__file__).resolve().parents[3]


def cron_lines() -> list[str]:
    """Return what cron would give to ``sh -c``: the line behind its five times, with ``\\%`` as ``%``."""
    return [line.split(maxsplit=5)[5].replace("\\%", "%") for line in block("With cron").splitlines()]


def job() -> list[str]:
    """Return what runs in the container of the Swarm job: its entrypoint and its arguments."""
    for line in block("As a job of the Swarm").replace("\\\n", "").splitlines():
        words = shlex.split(line, comments=True)
        if words[:3] == ["docker", "service", "create"]:
            entrypoint = shlex.split(words[words.index("--entrypoint") + 1])
            image = next(place for place, word in enumerate(words) if word.startswith("mountbook/collector"))
            return [*entrypoint, *words[image + 1 :]]
    raise AssertionError("the document creates no service")


@dataclass(frozen=True)
class Machine:
    """Where the lines run: the document's addresses and places, as this machine has them."""

    url: str
    home: Path

    @property
    def reports(self) -> Path:
        return self.home / "reports"

    def names(self) -> list[str]:
        return sorted(os.listdir(self.reports))

    async def run(self, line: str) -> subprocess.CompletedProcess[str]:
        for documented, here in (
            ("https://mountbook.example", self.url),
            ("http://collector:8480", self.url),
            ("/etc/mountbook/auditor", str(self.home / "token")),
            ("/run/secrets/token", str(self.home / "token")),
            ("/srv/reports", str(self.reports)),
            (" /reports/", f" {self.reports}/"),
        ):
            line = line.replace(documented, here)
        environment = {"PATH": f"{self.home / 'bin'}:{os.environ['PATH']}", "HOME": str(self.home)}
        return await asyncio.to_thread(
            subprocess.run,
            ["/bin/sh", "-c", line],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest_asyncio.fixture
async def machine(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[Machine]:
    """A collector that demands tokens, whose register has a month to report of; and the command on the path."""
    node = Node(database)
    await node.hello()
    await node.snapshot(container(1))
    Rows(database_url).change("UPDATE nodes SET observed_since = observed_since - interval '70 days'")
    token = await identity.add(database, "auditor", comment="reports")
    (tmp_path / "token").write_text(f"{token}\n")
    for folder in ("reports", "bin"):
        (tmp_path / folder).mkdir()
    for name, runs in (("python", ""), ("mountbook", "-m mountbook ")):
        (tmp_path / "bin" / name).write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {runs}"$@"\n')
        (tmp_path / "bin" / name).chmod(0o755)
    async with collector(Config(database_url=database_url)) as session:
        yield Machine(str(session._base_url), tmp_path)


async def test_the_lines_of_cron_make_whole_reports(machine: Machine) -> None:
    for line in cron_lines():
        done = await machine.run(line)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
    names = machine.names()
    assert [re.sub(r"\d{4}-\d\d(-\d\d)?", "DATE", name) for name in names] == [
        "changes-DATE.csv",
        "coverage-DATE.csv",
        "coverage-DATE.pdf",
    ]
    ends = {f".{kind}": end for kind, end in END.items()}
    assert all(ends[Path(name).suffix].search((machine.reports / name).read_bytes()[-512:]) for name in names)


async def test_the_command_of_the_job_makes_a_whole_report(machine: Machine) -> None:
    done = await machine.run(shlex.join(job()))
    assert done.returncode == 0, done.stderr
    assert machine.names() == ["coverage.csv", "coverage.pdf"]


async def test_a_line_that_fails_says_why_and_leaves_the_report_of_before(machine: Machine) -> None:
    line = cron_lines()[0]
    (machine.reports / "kept.pdf").write_text("the one before")
    line = re.sub(r"coverage-\S+\.pdf", "kept.pdf", line)
    away = Machine("http://127.0.0.1:1", machine.home)
    done = await away.run(line)
    assert (done.returncode, "cannot be reached" in done.stderr) == (UNREACHABLE, True)
    (machine.home / "token").write_text("not-a-token\n")
    done = await machine.run(line)
    assert done.returncode == USAGE
    assert "token" in done.stderr
    assert machine.names() == ["kept.pdf"]
    assert (machine.reports / "kept.pdf").read_text() == "the one before"
