"""The images for both processors: built with the handbook's own line, pushed to a registry, and run from there.

Those for arm64 run under emulation, on this machine's kernel.
"""

import json
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from migrations.run import upgrade
from mountbook.local import postgres
from protocol.version import RELEASE
from tests.swarm import emulation, images, registry
from tests.swarm.debian import Architecture
from tests.swarm.engines import IMAGE
from tests.swarm.hosts import wait_until
from tests.swarm.lab import Lab, sweep
from tests.swarm.registry import ARCHITECTURES, Publisher

pytestmark = pytest.mark.lab

MACHINES: Final[dict[Architecture, tuple[str, int]]] = {"amd64": ("x86_64", 62), "arm64": ("aarch64", 183)}
"""What the kernel calls a processor, and its number in a program's file (elf.h)."""
EXTRAS: Final = {"agent": "agent", "agent-hardened": "agent", "collector": "collector"}
BOTH: Final = pytest.mark.parametrize("architecture", ARCHITECTURES)
EVERY: Final = pytest.mark.parametrize("target", EXTRAS)
UID: Final = 65532
DAC_READ_SEARCH: Final = 1 << 2
STACK: Final = ("--cap-drop=ALL", "--cap-add=DAC_READ_SEARCH", "--read-only", "--no-healthcheck")
"""How stack.yml starts agents. Health checks are asked for by the test: emulated they are work."""
GRANTED: Final = ("--rm", "--entrypoint=python", *STACK)

LOOK_INSIDE: Final = """
import ctypes, importlib.metadata, json, pathlib, struct, sys
compiled = list(pathlib.Path(sys.prefix).rglob("*.so*"))
for file in compiled:
    ctypes.CDLL(str(file))
print(json.dumps({
    "machines": {
        str(file): struct.unpack_from("<H", file.read_bytes(), 18)[0]
        for file in [*compiled, pathlib.Path(sys.executable)]
    },
    "packages": {
        one.metadata["Name"].lower().replace("_", "-"): one.version for one in importlib.metadata.distributions()
    },
}))
"""
WHO: Final = """
import json, os, sys
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status") if ":\\t" in line)
print(json.dumps({
    "machine": os.uname().machine,
    "uid": os.getuid(),
    "capabilities": int(status["CapEff"], 16),
    "secret": open("/secret").read(),
    "writes": os.access("/secret", os.W_OK),
}))
"""

RUN_THAT_DIES: Final = """
import os, signal
from tests.swarm import emulation
from tests.swarm.lab import Lab
lab = Lab()
rule = emulation.arm64(lab.host(), lab.folder.name)  # kept: its end would remove the rule
rule.__enter__()
print(lab.folder.name, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def publisher(lab: Lab) -> Iterator[Publisher]:
    """A publisher that has followed the handbook: every image, for both processors, is in its registry."""
    if not Path(emulation.QEMU).exists():
        pytest.skip("arm64 is emulated: apt-get install qemu-user-static")
    handbook = (images.ROOT / "docs/operations.md").read_text()
    (line,) = re.findall(r"`docker buildx (build [^`]+) \.`", handbook)
    with registry.publisher(lab) as publisher:
        for target in images.TARGETS:
            words = line.replace("agent", target).replace("REF", publisher.registry).split()
            # The lab's engine has no network for builds but this machine's.
            publisher.buildx(*words, "--network=host", str(images.ROOT))
        yield publisher


@EVERY
def test_one_name_in_the_registry_is_an_image_for_each_processor(publisher: Publisher, target: str) -> None:
    index = publisher.inspect(target, "--raw")
    platforms = {f"{one['platform']['os']}/{one['platform']['architecture']}" for one in index["manifests"]}
    assert platforms - {"unknown/unknown"} == {
        "linux/amd64",
        "linux/arm64",
    }  # that one is what buildx says of the build
    configurations = publisher.inspect(target, "--format", "{{json .Image}}")
    for architecture in ARCHITECTURES:
        image = configurations[f"linux/{architecture}"]
        assert image["architecture"] == architecture
        assert image["config"]["Labels"]["org.opencontainers.image.title"] == "Mountbook"
        assert image["config"].get("User", "") == ("" if target == "agent" else f"{UID}:{UID}")
        assert image["config"]["Entrypoint"] == ["python", "-m", EXTRAS[target]]


@BOTH
@EVERY
def test_an_image_holds_its_own_packages_for_its_own_processor(
    publisher: Publisher, target: str, architecture: Architecture
) -> None:
    inside = json.loads(publisher.run(target, architecture, "-c", LOOK_INSIDE, options=GRANTED))
    others = {file: number for file, number in inside["machines"].items() if number != MACHINES[architecture][1]}
    assert not others
    assert len(inside["machines"]) > 10
    lock = (images.ROOT / f"lock/runtime-{EXTRAS[target]}.txt").read_text()
    locked = dict(re.findall(r"^([a-z0-9-]+)==(\S+) ;(?! python_full_version < '3\.13')", lock, re.MULTILINE))
    assert inside["packages"] == {**locked, "mountbook": RELEASE}


@BOTH
def test_the_hardened_agent_reads_what_is_closed_to_its_user_and_writes_nothing(
    publisher: Publisher, architecture: Architecture
) -> None:
    secret = publisher.engine.host.folder / "secret"
    secret.write_text("only root's")
    secret.chmod(0o600)
    options = (*GRANTED, "--volume", f"{secret}:/secret")
    found = json.loads(publisher.run("agent-hardened", architecture, "-c", WHO, options=options))
    assert found == {
        "machine": MACHINES[architecture][0],
        "uid": UID,
        "capabilities": DAC_READ_SEARCH,
        "secret": "only root's",
        "writes": False,
    }


def test_arm64_agents_tell_an_arm64_collector_where_a_container_is(publisher: Publisher) -> None:
    engine, folder = publisher.engine, publisher.engine.host.folder
    engine.make_image()
    web = engine.docker("run", "--detach", "--network=none", "--name=web", IMAGE, "sleep", "1000")
    for name in ("join", "admin"):
        (folder / name).write_text(f"a-long-secret-to-{name}")
    data = folder / "register"
    data.mkdir()
    server = postgres.start(data)
    try:
        # The collector's user may enter, too.
        (data / "run").chmod(0o755)
        (data / "run/.s.PGSQL.5432").chmod(0o777)
        address = registry.free_address()
        shared = ("--volume", f"{folder}:{folder}:ro", f"--env=MOUNTBOOK_JOIN_SECRET_FILE={folder}/join")
        database = (*shared, f"--env=MOUNTBOOK_DATABASE={server.url}")
        upgrade(server.url)
        own = (f"--env=MOUNTBOOK_PORT={address.rpartition(':')[2]}", f"--env=MOUNTBOOK_ADMIN_TOKEN_FILE={folder}/admin")
        publisher.run("collector", "arm64", options=("--detach", *STACK, *database, *own))
        told = {"URL": f"http://{address}", "START_SPREAD": "0", "HOST_ROOT": "/host"}
        started = ("--detach", *STACK, *shared, "--volume=/var/lib:/host/var/lib:ro,rslave")
        agents = {"agent": ["--volume=/var/run/docker.sock:/var/run/docker.sock:ro"], "agent-hardened": []}
        for target, more in agents.items():
            settings = [f"--env=MOUNTBOOK_{name}={value}" for name, value in {**told, "NODE": target}.items()]
            names = (f"--name={target}", f"--volume={target}:/state")
            publisher.run(target, "arm64", options=(*started, *names, *settings, *more))

        def found(node: str) -> list[dict[str, Any]]:
            known = {"MOUNTBOOK_URL": f"http://{address}", "MOUNTBOOK_TOKEN": (folder / "admin").read_text()}
            command = [sys.executable, "-m", "mountbook", "where", "web", "--node", node, "--json"]
            environment = {**engine.host.environment, "PYTHONPATH": str(images.ROOT), **known}
            done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
            return list(json.loads(done.stdout)["containers"]) if done.returncode == 0 else []

        def knows(node: str) -> bool:
            return bool(found(node))

        for agent in agents:
            # Emulated, each of the three takes 20 s of a core until it runs.
            wait_until(f"{agent} has told where the container is", partial(knows, agent), 600, pause=1)
            (container,) = found(agent)
            assert container["container_id"] == web
            assert engine.host.path(container["diff_path"]).is_dir()
            assert "the agent goes round" in engine.docker("exec", agent, "python", "-m", "agent", "--check")
        with urllib.request.urlopen(f"http://{address}/healthz", timeout=60) as answer:
            assert answer.status == 200
    finally:
        server.stop()


def test_a_killed_test_run_leaves_no_rule_for_arm64(publisher: Publisher) -> None:
    died = subprocess.run([sys.executable, "-c", RUN_THAT_DIES], capture_output=True, text=True, check=False)
    rule = publisher.engine.host.path(f"/proc/sys/fs/binfmt_misc/{died.stdout.strip()}")
    assert rule.is_file(), died.stderr
    sweep()
    assert not rule.exists()
