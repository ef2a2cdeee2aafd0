"""A Swarm of the lab's engines, with Mountbook's own stack on it."""

import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from tests.swarm.engines import Engine
from tests.swarm.hosts import Host, LabError
from tests.swarm.images import ROOT
from tests.swarm.lab import Lab

SECRETS: Final = (
    "mountbook_postgres_password",
    "mountbook_join_secret",
    "mountbook_admin_token",
    "mountbook_signing_key",
)
HEARTBEAT: Final = "4"
"""Seconds between heartbeats on this Swarm, so that tests need not wait for long."""
_NETWORK: Final = "10.99.0"


class Swarm:
    """Engines on one network; the first one leads. ``nodes`` are by hostname."""

    def __init__(self, lab: Lab) -> None:
        self._switch = lab.host()
        _run(["nsenter", f"--target={self._switch.init}", "--net", "ip", "link", "add", "br0", "type", "bridge"])
        _run(["nsenter", f"--target={self._switch.init}", "--net", "ip", "link", "set", "br0", "up"])
        self.nodes: list[Engine] = []
        self.admin_token = secrets.token_hex(32)

    @property
    def leader(self) -> Engine:
        """The first manager."""
        return self.nodes[0]

    def add(self, engine: Engine, *, manager: bool = False) -> None:
        """Connect an engine and let it join; the first one begins the Swarm."""
        address = self._connect(engine.host)
        if not self.nodes:
            engine.docker("swarm", "init", "--advertise-addr", address, "--task-history-limit", "1")
        else:
            token = self.leader.docker("swarm", "join-token", "--quiet", "manager" if manager else "worker")
            engine.docker("swarm", "join", "--advertise-addr", address, "--token", token, f"{_NETWORK}.1:2377")
        self.nodes.append(engine)

    def rejoin(self, engine: Engine) -> None:
        """Let a worker that left join again: Swarm gives it a new node ID."""
        token = self.leader.docker("swarm", "join-token", "--quiet", "worker")
        address = f"{_NETWORK}.{self.nodes.index(engine) + 1}"
        engine.docker("swarm", "join", "--advertise-addr", address, "--token", token, f"{_NETWORK}.1:2377")

    def node_id(self, engine: Engine) -> str:
        """Return the Swarm's ID of the node."""
        return engine.docker("info", "--format", "{{.Swarm.NodeID}}")

    def make_secrets(self) -> None:
        """Make what the stack needs."""
        for name in SECRETS:
            value = self.admin_token if name == SECRETS[2] else secrets.token_hex(32)
            with subprocess.Popen(["printf", "%s", value], stdout=subprocess.PIPE) as printed:
                assert printed.stdout is not None
                self.leader.docker("secret", "create", name, "-", stdin=printed.stdout.fileno())

    def deploy(self, file: Path = ROOT / "stack.yml", stack: str = "mountbook") -> None:
        """Deploy a stack."""
        words = ("stack", "deploy", "--resolve-image", "never", "--compose-file", str(file), stack)
        self.leader.docker(*words, environment={"MOUNTBOOK_HEARTBEAT": HEARTBEAT})

    def collectors(self) -> list[str]:
        """Return the addresses of the collectors that run, each on the port of its node."""
        words = ("service", "ps", "mountbook_collector", "--filter", "desired-state=running")
        names = {engine.host.name: number for number, engine in enumerate(self.nodes, 1)}
        tasks = self.leader.docker(*words, "--format", "{{.Node}} {{.CurrentState}}").splitlines()
        running = [line.split()[0] for line in tasks if line.split()[1] == "Running"]
        return [f"http://{_NETWORK}.{names[name]}:8480" for name in running]

    def ask(self, engine: Engine, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run ``mountbook`` on the network of an engine's host, against the first collector there is."""
        urls = self.collectors()
        if not urls:
            raise LabError("no collector runs")
        return self._run(engine, *words, MOUNTBOOK_URL=urls[0])

    def administer(self, engine: Engine, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run ``mountbook`` where docker's command speaks to this engine."""
        # Debian's own docker: another one that comes first in PATH may want plugins.
        path = f"/usr/bin:{os.environ['PATH']}"
        return self._run(engine, *words, DOCKER_HOST=engine.url, PATH=path, **environment)

    def _run(self, engine: Engine, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["nsenter", f"--target={engine.host.init}", "--net", sys.executable, "-m", "mountbook", *words],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            env={
                **engine.host.environment,
                "PYTHONPATH": str(ROOT),
                "MOUNTBOOK_TOKEN": self.admin_token,
                "MOUNTBOOK_HEARTBEAT": HEARTBEAT,
                **environment,
            },
        )

    def answer(self, engine: Engine, *words: str) -> Any:
        """Return the command's answer as an object.

        Raises:
            LabError: it has none; the message is the command's own.
        """
        done = self.ask(engine, *words, "--json")
        if done.returncode != 0:
            raise LabError(f"mountbook {' '.join(words)} ended with {done.returncode}: {done.stderr}")
        return json.loads(done.stdout)

    def states(self) -> dict[str, str]:
        """Return every node's state by its ID, empty while no collector answers."""
        try:
            return {node["node"]: node["state"] for node in self.answer(self.leader, "nodes")["nodes"]}
        except LabError:
            return {}

    def close(self) -> None:
        """Kill every engine: one that stops in order has its tasks begun anew elsewhere. Hosts take the rest along."""
        for engine in self.nodes:
            engine.kill()

    def _connect(self, host: Host) -> str:
        """Give a host an interface at the switch, and return its address."""
        number = len(self.nodes) + 1
        outside, address = f"v{number}", f"{_NETWORK}.{number}"
        switch = ["nsenter", f"--target={self._switch.init}", "--net", "ip", "link"]
        _run([*switch, "add", outside, "type", "veth", "peer", "name", "eth0", "netns", str(host.init)])
        _run([*switch, "set", outside, "master", "br0", "up"])
        inside = ["nsenter", f"--target={host.init}", "--net", "ip"]
        _run([*inside, "address", "add", f"{address}/24", "dev", "eth0"])
        _run([*inside, "link", "set", "eth0", "up"])
        return address


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LabError(f"{' '.join(command)}: {done.stderr.strip()}")
