"""A real rootless engine: its mounts are in a namespace that only its process shows."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agent.config import Config
from agent.lookout import Lookout
from agent.observation import Observation
from protocol.entries import Container, Kind, ResolvedBy
from tests.swarm.engines import IMAGE, SNAPSHOTTERS, GraphDriver, Snapshotter
from tests.swarm.lab import Lab
from tests.swarm.pythons import ROOT
from tests.swarm.rootless import RootlessEngine

pytestmark = pytest.mark.lab

HIDDEN = "/run/hidden"


@pytest.fixture(scope="module", params=("overlay2", "overlayfs"))
def engine(lab: Lab, request: pytest.FixtureRequest) -> Iterator[RootlessEngine]:
    backend: GraphDriver | Snapshotter = request.param
    host = lab.host(release="trixie" if backend in SNAPSHOTTERS else None)
    engine = RootlessEngine(host, backend)
    engine.start()
    engine.make_image()
    engine.docker("run", "-d", "--name", "web", "--network=none", IMAGE, "sleep", "1000")
    engine.docker("exec", "web", "sh", "-c", "echo written >/srv/file")
    engine.docker("create", "--name", "made", "--network=none", IMAGE, "true")
    yield engine
    engine.stop()


def look(docker_host: str, data_root: str = "") -> Observation:
    """Look as an agent does that runs on the machine, outside the engine's namespaces."""
    config = Config(collectors=("http://127.0.0.1:1",), docker_host=docker_host, data_root=data_root)
    with Lookout(config) as lookout, closing(lookout.subscribe()):
        return lookout.look(None, 1)


def by_name(observed: Observation) -> dict[str, Container]:
    return {one.name: one for one in observed.entries.values() if isinstance(one, Container)}


def test_every_container_is_resolved_and_the_mounts_are_the_engines(engine: RootlessEngine) -> None:
    observed = look(engine.url)
    assert observed.problems == ()
    assert observed.complete == dict.fromkeys(Kind, True)
    found = by_name(observed)
    assert set(found) == {"web", "made"}
    snapshots = engine.backend in SNAPSHOTTERS
    assert found["web"].resolved_by == (ResolvedBy.MOUNTINFO if snapshots else ResolvedBy.LAYERDB)
    assert found["made"].resolved_by == (ResolvedBy.SNAPSHOT_DB if snapshots else ResolvedBy.LAYERDB)
    assert found["web"].root == engine.data_root
    assert Path(f"{found['web'].diff_path}/srv/file").read_text() == "written\n"


def run(engine: RootlessEngine, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "mountbook", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DOCKER_HOST": engine.url, **environment}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_doctor_says_through_what_the_mounts_are_seen(engine: RootlessEngine) -> None:
    answer: dict[str, Any] = json.loads(run(engine, "doctor", "--json", "--url", "http://127.0.0.1:9").stdout)
    checks = {check["name"]: check for check in answer["checks"]}
    assert {check["name"] for check in answer["checks"] if check["status"] == "problem"} == {"collector"}
    assert "rootless" in checks["mapping"]["found"]
    assert f"/proc/{engine.process.pid}/root" in checks["mounts"]["found"]
    assert checks["containers"]["found"].startswith("2 (")


def test_scan_reads_its_data_root(engine: RootlessEngine) -> None:
    found = json.loads(run(engine, "scan", engine.data_root, "--json").stdout)
    assert {one["name"] for one in found["containers"]} == {"web", "made"}
    assert all(one["diff_path"] for one in found["containers"])
    done = run(engine, "scan", str(engine.home))
    assert done.returncode == 2
    assert f"Did you mean {engine.data_root}?" in done.stderr


def test_what_is_mounted_in_its_namespace_alone_is_read_through_it(engine: RootlessEngine) -> None:
    pid = str(engine.process.pid)
    enter = ["nsenter", f"--target={pid}", "--user", "--mount", "--setuid=0", "--setgid=0"]
    script = f"mkdir {HIDDEN}; mount --bind {engine.data_root} {HIDDEN}"
    subprocess.run([*enter, "sh", "-c", script], check=True, capture_output=True)
    assert not Path(HIDDEN).exists()
    found = by_name(look(engine.url, HIDDEN))
    assert {name: one.root for name, one in found.items()} == {"web": HIDDEN, "made": HIDDEN}
    if engine.backend in SNAPSHOTTERS:
        return
    assert all(one.resolved_by is ResolvedBy.LAYERDB for one in found.values())
