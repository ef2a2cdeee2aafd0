"""A Swarm of the lab's engines, with Mountbook's own stack on it."""

import json
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from tests.swarm.engines import Engine
from tests.swarm.hosts import Host, LabError
from tests.swarm.images import ROOT
from tests.swarm.lab import Lab

SECRETS: Final = ("mountbook_postgres_password", "mountbook_join_secret", "mountbook_admin_token")
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

    def deploy(self, file: Path = ROOT / "stack.yml", stack: str = "mountbook", **settings: str) -> None:
        """Deploy a stack."""
        words = ("stack", "deploy", "--resolve-image", "never", "--compose-file", str(file), stack)
        self.leader.docker(*words, environment=settings)

    def ask(self, engine: Engine, *words: str, at: int = 1) -> "subprocess.CompletedProcess[str]":
        """Run ``mountbook`` on an engine's host against the collector on the node numbered ``at``."""
        return engine.host.run(
            sys.executable,
            "-m",
            "mountbook",
            *words,
            check=False,
            PYTHONPATH=str(ROOT),
            MOUNTBOOK_URL=f"http://{_NETWORK}.{at}:8480",
            MOUNTBOOK_TOKEN=self.admin_token,
        )

    def answer(self, engine: Engine, *words: str, at: int = 1) -> Any:
        """Return the command's answer as an object.

        Raises:
            LabError: it has none; the message is the command's own.
        """
        done = self.ask(engine, *words, "--json", at=at)
        if done.returncode != 0:
            raise LabError(f"mountbook {' '.join(words)} ended with {done.returncode}: {done.stderr}")
        return json.loads(done.stdout)

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
