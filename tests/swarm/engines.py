"""Engines of a lab: a real ``dockerd`` on a host."""

import json
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal, get_args

from tests.swarm.hosts import PATIENCE, Host, LabError, Process, wait_until

IMAGE: Final = "busybox:lab"
GraphDriver = Literal["overlay2", "overlay", "vfs", "fuse-overlayfs", "btrfs"]
Snapshotter = Literal["overlayfs", "native"]
GRAPH_DRIVERS: Final[tuple[GraphDriver, ...]] = get_args(GraphDriver)
SNAPSHOTTERS: Final[tuple[Snapshotter, ...]] = get_args(Snapshotter)

_CLIENT: Final = "/usr/bin/docker"
"""Debian's own: another one that comes first in PATH may want plugins."""


class Engine:
    """A Docker engine on a host. ``data_root`` is what it calls its data root."""

    data_root = "/var/lib/docker"

    def __init__(self, host: Host, backend: GraphDriver | Snapshotter, cgroup: str) -> None:
        """Describe it; ``start`` starts it. A snapshotter means the containerd image store.

        ``cgroup`` is the control group of its containers.
        """
        self.host = host
        self.backend = backend
        self.socket = host.folder / "docker.sock"
        self.log = host.folder / "dockerd.log"
        self._cgroup = cgroup
        self._process: Process | None = None
        if backend in SNAPSHOTTERS:
            settings = {"features": {"containerd-snapshotter": True}}
            (host.folder / "etc/docker/daemon.json").write_text(json.dumps(settings))

    @property
    def url(self) -> str:
        """The engine's address from outside the host; inside it is the usual one."""
        return f"unix://{self.socket}"

    @property
    def process(self) -> Process:
        """The running engine.

        Raises:
            LabError: it does not run.
        """
        if self._process is None:
            raise LabError(f"the engine on {self.host.name} does not run")
        return self._process

    def start(self, *options: str) -> None:
        """Start it and wait until it answers.

        Raises:
            LabError: it ended, or does not answer in time; the message holds the end of its log.
        """
        command = ["dockerd", "-H", "unix:///var/run/docker.sock", "-H", self.url, "--storage-driver", self.backend]
        command += ["--cgroup-parent", self._cgroup, *options]
        process = self.host.start(*command, log=self.log)
        self._process = process
        wait_until(f"{self.host.name}'s engine answers", lambda: self._answers() or not process.running)
        if not process.running:
            raise LabError(f"the engine on {self.host.name} did not start:\n{self.log.read_text()[-2000:]}")

    def docker(
        self,
        *arguments: str,
        stdin: int = subprocess.DEVNULL,
        fails: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> str:
        """Run docker's own command against this engine and return what it printed, stripped.

        Raises:
            LabError: it failed and not ``fails``, or the other way round; the message is its own.
        """
        done = subprocess.run(
            [_CLIENT, "-H", self.url, *arguments],
            capture_output=True,
            text=True,
            check=False,
            stdin=stdin,
            env={**self.host.environment, **(environment or {})},
        )
        if (done.returncode != 0) != fails:
            raise LabError(f"docker {' '.join(arguments)} on {self.host.name}: {done.stderr.strip()}")
        return done.stdout.strip()

    def begin(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start docker's own command against this engine, and wait for nothing; what it prints is lost."""
        return subprocess.Popen(
            [_CLIENT, "-H", self.url, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=self.host.environment,
        )

    def make_image(self, name: str = IMAGE) -> str:
        """Make an image of one layer with busybox in it, and return its ID: nothing can be pulled here."""
        busybox = shutil.which("busybox")
        if busybox is None:
            raise LabError("there is no busybox: apt-get install busybox-static")
        with tempfile.TemporaryDirectory(dir=self.host.folder) as folder:
            tree = Path(folder)
            for directory in ("bin", "etc", "tmp", "srv"):
                (tree / directory).mkdir()
            shutil.copy(busybox, tree / "bin/busybox")
            for applet in ("sh", "sleep", "cat", "touch", "mkdir", "echo"):
                (tree / "bin" / applet).symlink_to("busybox")
            tree.chmod(0o755)
            with subprocess.Popen(["tar", "-C", folder, "-c", "."], stdout=subprocess.PIPE) as tar:
                assert tar.stdout is not None
                return self.docker("import", "-", name, stdin=tar.stdout.fileno())

    def stop(self) -> None:
        """Stop the containers, then the engine, as an orderly shut-down does."""
        if self._process is not None and self._process.running:
            running = self.docker("ps", "-q").split()
            if running:
                self.docker("kill", *running)
            self._process.stop()

    def kill(self) -> None:
        """Kill -9 the engine; its containers run on."""
        self.process.stop(signal.SIGKILL)

    def crash(self) -> None:
        """Kill -9 the engine, its containers and whatever else runs on the host."""
        self.host.crash()
        self.process.holder.wait(PATIENCE)

    def _answers(self) -> bool:
        try:
            self.docker("version", "--format", "{{.Server.Version}}")
        except LabError:
            return False
        return True
