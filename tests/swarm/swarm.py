"""A Swarm of the lab's engines, with Mountbook's own stack on it."""

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TypeVar

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
PATIENCE: Final = 240.0
"""Seconds until something that takes ten or twenty is given up: other work may be on this machine."""
_NETWORK: Final = "10.99.0"
_PAUSE: Final = 0.5
_UNREACHABLE: Final = 3
"""Exit status of a command that reached no collector."""
T = TypeVar("T")


def settled(what: str, look: Callable[[], T], good: Callable[[T], bool], seconds: float = PATIENCE) -> T:
    """Look again and again until what is seen is good, and return it. A look that fails is looked at again.

    Raises:
        LabError: it is not, after so many seconds; the message says what was seen last.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            seen = look()
        except LabError as exc:
            last: object = exc
        else:
            if good(seen):
                return seen
            last = seen
        if time.monotonic() > deadline:
            raise LabError(f"after {seconds:.0f} s still not so: {what}; seen last: {last}")
        time.sleep(_PAUSE)


class Swarm:
    """Engines on one network; the first one begins it. ``nodes`` are in the order of their addresses."""

    def __init__(self, lab: Lab) -> None:
        self._switch = lab.host()
        self._on_switch("ip", "link", "add", "br0", "type", "bridge")
        self._on_switch("ip", "link", "set", "br0", "up")
        self.nodes: list[Engine] = []
        self.admin_token = secrets.token_hex(32)
        self._managers: list[Engine] = []
        self._away: set[Engine] = set()

    @property
    def leader(self) -> Engine:
        """A manager that can be asked: the first one that neither crashed nor is cut off."""
        return next(engine for engine in self._managers if engine not in self._away)

    @property
    def present(self) -> list[Engine]:
        """The nodes that neither crashed nor are cut off."""
        return [engine for engine in self.nodes if engine not in self._away]

    def engine(self, hostname: str) -> Engine:
        """Return the node of this name."""
        return next(engine for engine in self.nodes if engine.host.name == hostname)

    def add(self, engine: Engine, *, manager: bool = False) -> None:
        """Connect an engine and let it join; the first one begins the Swarm."""
        self._connect(engine.host)
        if self.nodes:
            self._join(engine, len(self.nodes) + 1, "manager" if manager else "worker")
        else:
            engine.docker("swarm", "init", "--advertise-addr", f"{_NETWORK}.1", "--task-history-limit", "1")
        if manager or not self.nodes:
            self._managers.append(engine)
        self.nodes.append(engine)

    def rejoin(self, engine: Engine) -> None:
        """Let a worker that left join again: Swarm gives it a new node ID."""
        self._join(engine, self.nodes.index(engine) + 1, "worker")

    def cut_off(self, engine: Engine) -> None:
        """Pull out a node's cable."""
        self._away.add(engine)
        self._on_switch("ip", "link", "set", f"v{self.nodes.index(engine) + 1}", "down")

    def plug_in(self, engine: Engine) -> None:
        """Put it back."""
        self._on_switch("ip", "link", "set", f"v{self.nodes.index(engine) + 1}", "up")
        self._away.discard(engine)

    def crash(self, engine: Engine) -> None:
        """Let a node die: nobody hears from it that it does."""
        self.cut_off(engine)
        engine.crash()

    def revive(self, engine: Engine) -> None:
        """Start the engine of a node that died."""
        self.plug_in(engine)
        self._away.add(engine)
        engine.start()
        self._away.discard(engine)

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

    def tasks(self, service: str) -> list[str]:
        """Return the names of the nodes on which a task of the service runs, and can be heard."""
        words = ("service", "ps", service, "--filter", "desired-state=running")
        lines = self.leader.docker(*words, "--format", "{{.Node}} {{.CurrentState}}").splitlines()
        names = [line.split()[0] for line in lines if line.split()[1] == "Running"]
        return [name for name in names if self.engine(name) not in self._away]

    def collectors(self) -> list[str]:
        """Return the addresses of the collectors that run, each on the port of its node."""
        numbers = {engine.host.name: number for number, engine in enumerate(self.nodes, 1)}
        return [f"http://{_NETWORK}.{numbers[name]}:8480" for name in self.tasks("mountbook_collector")]

    def ask(self, engine: Engine, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run ``mountbook`` on the network of an engine's host, against the first collector that can be reached.

        Raises:
            LabError: none can be, for a minute.
        """

        def asked() -> "subprocess.CompletedProcess[str] | None":
            for url in self.collectors():
                done = self.run(engine, [sys.executable, "-m", "mountbook", *words], MOUNTBOOK_URL=url)
                if done.returncode != _UNREACHABLE:
                    return done
            return None

        done = settled("a collector answers", asked, lambda done: done is not None, 60.0)
        assert done is not None
        return done

    def administer(self, engine: Engine, *words: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run ``mountbook`` where docker's command speaks to this engine."""
        # Debian's own docker: another one that comes first in PATH may want plugins.
        path = f"/usr/bin:{os.environ['PATH']}"
        command = [sys.executable, "-m", "mountbook", *words]
        return self.run(engine, command, DOCKER_HOST=engine.url, PATH=path, **environment)

    def run(
        self, engine: Engine, command: Sequence[str], given: str = "", **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command with this machine's files on the network of an engine's host; ``given`` is its input."""
        return subprocess.run(
            ["nsenter", f"--target={engine.host.init}", "--net", *command],
            capture_output=True,
            text=True,
            check=False,
            input=given,
            env={
                **engine.host.environment,
                "PYTHONPATH": str(ROOT),
                "MOUNTBOOK_TOKEN": self.admin_token,
                "MOUNTBOOK_HEARTBEAT": HEARTBEAT,
                **environment,
            },
        )

    def answer(self, engine: Engine, *words: str) -> Any:
        """Return the command's answer as an object; that nothing was found is one.

        Raises:
            LabError: it has none; the message is the command's own.
        """
        done = self.ask(engine, *words, "--json")
        try:
            return json.loads(done.stdout)
        except json.JSONDecodeError:
            raise LabError(f"mountbook {' '.join(words)} ended with {done.returncode}: {done.stderr}") from None

    def states(self) -> dict[str, str]:
        """Return every node's state by its ID."""
        return {node["node"]: node["state"] for node in self.answer(self.leader, "nodes")["nodes"]}

    def now(self) -> str:
        """Return the register's time: this machine's, as all are one."""
        return datetime.now(UTC).isoformat()

    def gaps(self, since: str) -> set[tuple[str, str]]:
        """Return the gaps that ended since a moment, as the coverage report names them: node IDs, and reasons."""
        done = self.ask(self.leader, "report", "coverage", "--since", since, "--format", "json")
        if done.returncode != 0:
            raise LabError(f"there is no coverage report: {done.stderr}")
        rows = json.loads(done.stdout)["rows"]
        return {(row["node"], row["reason"]) for row in rows if row["before"] not in (None, "it lasts")}

    def sql(self, statement: str) -> list[list[str]]:
        """Run a statement where the register is; return its rows.

        Raises:
            LabError: there is no PostgreSQL now, or it refuses.
        """
        words = ("exec", self.postgres(), "psql", "-U", "mountbook", "-qAt", "-F", "\t", "-c", statement, "mountbook")
        return [line.split("\t") for line in self.nodes[0].docker(*words).splitlines()]

    def backup(self) -> None:
        """Let PostgreSQL keep all that the register has."""
        words = ("exec", self.postgres(), "pg_dump", "-U", "mountbook", "-Fc", "-f", "/tmp/backup", "mountbook")
        self.nodes[0].docker(*words)

    def restore(self) -> None:
        """Put the register back to the backup, under the agents' and collectors' feet."""
        inside = ("exec", self.postgres())
        self.nodes[0].docker(*inside, "dropdb", "-U", "mountbook", "--force", "mountbook")
        self.nodes[0].docker(*inside, "createdb", "-U", "mountbook", "mountbook")
        words = ("pg_restore", "-U", "mountbook", "--exit-on-error", "-d", "mountbook", "/tmp/backup")
        self.nodes[0].docker(*inside, *words)

    def postgres(self) -> str:
        """Return the container of PostgreSQL, which has its node's label: the first one's."""
        words = ("ps", "--quiet", "--filter", "label=com.docker.swarm.service.name=mountbook_postgres")
        running = self.nodes[0].docker(*words).split()
        if len(running) != 1:
            raise LabError(f"{len(running)} containers of PostgreSQL run")
        return running[0]

    def close(self) -> None:
        """Kill every engine: one that stops in order has its tasks begun anew elsewhere. Hosts take the rest along."""
        for engine in self.nodes:
            engine.kill()

    def _join(self, engine: Engine, number: int, role: str) -> None:
        token = self.leader.docker("swarm", "join-token", "--quiet", role)
        address = f"{_NETWORK}.{self.nodes.index(self.leader) + 1}:2377"
        engine.docker("swarm", "join", "--advertise-addr", f"{_NETWORK}.{number}", "--token", token, address)

    def _connect(self, host: Host) -> None:
        """Give a host an interface at the switch."""
        number = len(self.nodes) + 1
        outside = f"v{number}"
        peer = ("type", "veth", "peer", "name", "eth0", "netns", str(host.init))
        self._on_switch("ip", "link", "add", outside, *peer)
        self._on_switch("ip", "link", "set", outside, "master", "br0", "up")
        _inside(host, "ip", "address", "add", f"{_NETWORK}.{number}/24", "dev", "eth0")
        _inside(host, "ip", "link", "set", "eth0", "up")

    def _on_switch(self, *command: str) -> None:
        _inside(self._switch, *command)


def _inside(host: Host, *command: str) -> None:
    """Run this machine's command on a host's network.

    Raises:
        LabError: it failed; the message is its own.
    """
    words = ["nsenter", f"--target={host.init}", "--net", *command]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LabError(f"on {host.name}, {' '.join(command)}: {done.stderr.strip()}")
