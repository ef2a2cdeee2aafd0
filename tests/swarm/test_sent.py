"""What a real agent sends of a real engine, byte by byte: no secret is in it, and its sizes are those of ``du``.

The same engines show what ``doctor`` says of them, at work and stopped.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from agent import service
from agent.config import Config
from protocol.entries import Container, Entry, Layer, Volume
from tests.swarm.engines import IMAGE, SNAPSHOTTERS, Engine, GraphDriver, Snapshotter
from tests.swarm.hosts import PATIENCE
from tests.swarm.lab import Lab
from tests.swarm.pythons import ROOT
from tests.swarm.recorder import Recorder

pytestmark = pytest.mark.lab

SECRET = "hunter2"
ODD = """
/bin/busybox truncate -s 64M /srv/sparse; echo end >>/srv/sparse
/bin/busybox dd if=/dev/zero of=/srv/one bs=10k count=5 2>/dev/null
/bin/busybox ln /srv/one /srv/two; /bin/busybox ln -s one /srv/link; /bin/busybox mkfifo /srv/fifo
"""
"""Files that are counted wrongly at once."""


@dataclass
class Heard:
    """What an agent sent of an engine: one with its socket, and another that only reads files."""

    engine: Engine
    recorders: list[Recorder] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    """All that the first one told before anything was removed."""

    @property
    def sent(self) -> bytes:
        return b"\n".join(line for recorder in self.recorders for line in recorder.sent)


@pytest.fixture(scope="module", params=("overlay2", "overlayfs"))
def heard(lab: Lab, request: pytest.FixtureRequest) -> Iterator[Heard]:
    backend: GraphDriver | Snapshotter = request.param
    engine = lab.engine(backend, release="trixie" if backend in SNAPSHOTTERS else None)
    plant(engine)
    yield asyncio.run(listen(engine))
    lab.retire(engine)


def plant(engine: Engine) -> None:
    """Give the engine containers with secrets wherever one can be, and with files that are hard to count."""
    docker = engine.docker
    secrets = ("--env", f"PASSWORD={SECRET}-variable", "--health-cmd", f"check --token {SECRET}-health")
    volume = ("--opt", "type=tmpfs", "--opt", "device=tmpfs", "--opt", f"o=size=1m,context={SECRET}")
    docker("volume", "create", "--label", "tier=data", *volume, "options")
    context = engine.host.folder / "context"
    context.mkdir()
    (context / "Dockerfile").write_text(f"FROM {IMAGE}\nARG TOKEN\nENV KEY={SECRET}-image\nRUN echo $TOKEN >/srv/t\n")
    build = ("build", "--quiet", "--network=none", "--build-arg", f"TOKEN={SECRET}-argument", "--tag", "secret:1")
    docker(*build, str(context), environment={"DOCKER_BUILDKIT": "1"})
    docker("create", "--name", "made", "--label", "tier=front", *secrets, "--log-opt", "env=PASSWORD", "secret:1", "sh")
    command = ("sh", "-c", f"{ODD}echo {SECRET}-logged; exec sleep 1000")
    docker("run", "-d", "--name", "open", "--volume", "data:/data", *secrets, "secret:1", *command)
    docker("exec", "--env", f"PASSWORD={SECRET}-exec", "open", "sh", "-c", f"echo {SECRET}-exec >/data/file")
    docker("swarm", "init", "--advertise-addr", "127.0.0.1")
    secret = engine.host.folder / "secret"
    secret.write_text(f"{SECRET}-file")
    docker("secret", "create", "password", str(secret))
    docker("config", "create", "settings", str(secret))
    spec = ("--env", f"PASSWORD={SECRET}-service", "--secret", "password", "--config", "settings")
    docker(
        "service", "create", "--name", "shop", "--detach", "--replicas=0", *spec, IMAGE, "sleep", f"{SECRET}-argument"
    )


async def listen(engine: Engine) -> Heard:
    """Let an agent report the engine while containers come and go, and then one that has no socket."""
    heard = Heard(engine)
    async with reporting(engine, engine.url) as recorder:
        heard.recorders.append(recorder)
        await until("all is told", lambda: {"made", "open"} <= _names(recorder))
        heard.entries = list(recorder.register.entries.values())
        await until("the roster is told", lambda: bool(recorder.rosters))
        await until("everything is measured", lambda: trees(heard).keys() <= recorder.measured.keys())
        await asyncio.to_thread(engine.docker, "rename", "made", "renamed")
        await until("a change is told", lambda: "renamed" in _names(recorder))
        await asyncio.to_thread(engine.docker, "rm", "renamed")
        await until("a removal is told", lambda: "renamed" not in _names(recorder))
        await until("a heartbeat is heard", lambda: "heartbeat" in recorder.names)
    async with reporting(engine, "") as recorder:
        heard.recorders.append(recorder)
        await until("files alone are told", lambda: "open" in _names(recorder))
    return heard


@asynccontextmanager
async def reporting(engine: Engine, docker_host: str) -> AsyncIterator[Recorder]:
    """Run an agent as its container on the engine's host would, and give what it reports to."""
    recorder = Recorder()
    async with recorder.serving() as address:
        config = Config(
            collectors=(address,),
            token="token",
            docker_host=docker_host,
            host_root=str(engine.host.path("")),
            relist=1.0,
            measure_share=1.0,
            usage=0.2,
            roster=0.2,
            start_spread=0.0,
        )
        agent = asyncio.create_task(service.run(config))
        try:
            yield recorder
        finally:
            agent.cancel()
            with suppress(asyncio.CancelledError):
                await agent


async def until(what: str, happened: Callable[[], bool]) -> None:
    """Return as soon as something has happened.

    Raises:
        AssertionError: it has not, for ``PATIENCE`` seconds.
    """
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                if happened():
                    return
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"after {PATIENCE:.0f} s still not so: {what}") from None


def _names(recorder: Recorder) -> set[str]:
    return {one.name for one in recorder.register.entries.values() if isinstance(one, Container)}


def trees(heard: Heard) -> dict[tuple[str, str], Path]:
    """Return the directories that are measured, by the entry's key and the part."""
    found = {}
    for one in heard.entries:
        if isinstance(one, Container) and one.diff_path:
            found[one.key, "writable"] = heard.engine.host.path(one.diff_path)
            found[one.key, "container-dir"] = heard.engine.host.path(f"{one.root}/containers/{one.key}")
        elif isinstance(one, Layer) and one.diff_path:
            found[one.key, "layer"] = heard.engine.host.path(one.diff_path)
        elif isinstance(one, Volume) and one.key == "data":
            found[one.key, "volume"] = heard.engine.host.path(one.mountpoint)
    return found


def test_no_secret_of_a_container_is_in_what_leaves_the_node(heard: Heard) -> None:
    names = {name for recorder in heard.recorders for name in recorder.names}
    assert names == {"hello", "snapshot", "delta", "heartbeat", "usage", "roster"}
    for known in (b'"tier":"front"', b'"shop"', b'"options"', b'"renamed"'):
        assert known in heard.sent
    for word in (SECRET, "PASSWORD", "KEY", "TOKEN", "size=1m", "health-cmd"):
        assert word.encode() not in heard.sent


def test_what_is_measured_is_what_du_says(heard: Heard) -> None:
    compared = {"writable": 0, "container-dir": 0, "layer": 0, "volume": 0}
    for (key, part), tree in trees(heard).items():
        if tree.exists():  # one container was removed
            one = heard.recorders[0].measured[key, part]
            assert (one.bytes, one.inodes, one.partial) == (*du(tree), False), (part, tree)
            compared[part] += 1
    assert all(compared.values()), compared


def du(tree: Path) -> tuple[int, int]:
    """Return bytes in blocks, and inodes."""
    found = [
        subprocess.run(["du", "-sx", unit, str(tree)], capture_output=True, text=True, check=True).stdout.split()[0]
        for unit in ("--block-size=1", "--inodes")
    ]
    return int(found[0]), int(found[1])


def doctor(engine: Engine) -> tuple[int, dict[str, dict[str, Any]]]:
    """Run ``mountbook doctor`` as in an agent's container, and return how it ended and its checks by name."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "DOCKER_HOST": engine.url,
        "MOUNTBOOK_HOST_ROOT": str(engine.host.path("")),
    }
    command = [sys.executable, "-m", "mountbook", "doctor", "--json", "--url", "http://127.0.0.1:9"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, {check["name"]: check for check in json.loads(done.stdout)["checks"]}


def test_doctor_says_what_is_seen_and_what_is_in_the_way(heard: Heard) -> None:
    engine = heard.engine
    status, checks = doctor(engine)
    assert {name for name, check in checks.items() if check["status"] == "problem"} == {"collector"}, checks
    assert status == 1
    assert "127.0.0.1:9" in checks["collector"]["found"]
    kind = "snapshotter" if engine.backend in SNAPSHOTTERS else "graph driver"
    assert f"{kind} {engine.backend}, data root {engine.data_root}" in checks["engine"]["found"]
    assert checks["data root"]["found"].startswith(f"{engine.data_root} (here ")
    assert engine.backend in checks["backends"]["found"]
    way = "mountinfo" if engine.backend in SNAPSHOTTERS else "layerdb"
    assert checks["containers"]["found"] == f"1 (1 by {way}), 0 unresolved; 0 orphans"


def test_doctor_says_what_is_known_of_a_stopped_engine(heard: Heard) -> None:
    engine = heard.engine
    engine.stop()
    status, checks = doctor(engine)
    assert status == 1
    assert "There is no Docker engine" in checks["engine"]["found"]
    assert "without its socket" in checks["engine"]["advice"]
    way = "snapshot-db" if engine.backend in SNAPSHOTTERS else "layerdb"
    assert checks["containers"]["found"] == f"1 (1 by {way}), 0 unresolved; 0 orphans"
