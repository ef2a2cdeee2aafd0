"""A rootless engine of a lab: ``dockerd --rootless`` in a user, mount and network namespace of its own.

What RootlessKit does for it is done here: identifiers are mapped as /etc/subuid would, XDG_RUNTIME_DIR and the state
directory are the user's.
"""

import json
import os
from pathlib import Path
from typing import Final

from tests.swarm.engines import SNAPSHOTTERS, Engine, GraphDriver, Snapshotter
from tests.swarm.hosts import Host, LabError, Process, wait_until

USER: Final = 1234
_MAPPED: Final = f"0 {USER} 1\n1 100000 65535\n"
_START: Final = "mount -t tmpfs none /run; ip link set lo up; exec dockerd --rootless --group=root "


class RootlessEngine(Engine):
    """An engine that a user runs without being root. ``data_root`` is below the user's home directory."""

    def __init__(self, host: Host, backend: GraphDriver | Snapshotter) -> None:
        """Describe it; ``start`` starts it."""
        super().__init__(host, backend, "")
        self.home = host.folder / "home"
        runtime = self.home / "run"
        for directory in (self.home, runtime, self.home / "bin", self.home / ".config/docker"):
            directory.mkdir(parents=True)
        for directory in (self.home, *self.home.rglob("*")):
            os.chown(directory, USER, USER)
        (self.home / "bin/rootlesskit-docker-proxy").symlink_to("/bin/true")
        if backend in SNAPSHOTTERS:
            settings = {"features": {"containerd-snapshotter": True}}
            (self.home / ".config/docker/daemon.json").write_text(json.dumps(settings))
        self.socket = runtime / "docker.sock"
        self.data_root = f"{self.home}/.local/share/docker"
        self._holder: Process | None = None

    def start(self, *options: str) -> None:
        """Start it and wait until it answers.

        Raises:
            LabError: it ended, or does not answer in time; the message holds the end of its log.
        """
        namespace = self._user_namespace()
        enter = ["nsenter", f"--user={namespace}", "--setuid=0", "--setgid=0", "unshare", "--mount", "--net"]
        network = ["--bridge=none", "--iptables=false", "--ip6tables=false"]
        command = [*enter, "sh", "-c", f'{_START} "$@"', "sh", "--storage-driver", self.backend, *network, *options]
        environment = {
            "HOME": str(self.home),
            "XDG_RUNTIME_DIR": str(self.socket.parent),
            "ROOTLESSKIT_STATE_DIR": str(self.socket.parent),
            "PATH": f"{self.home}/bin:{os.environ['PATH']}:/usr/sbin:/sbin",
        }
        process = self.host.start(*command, log=self.log, user=None, **environment)
        self._process = process
        wait_until("the rootless engine answers", lambda: self._answers() or not process.running)
        if not process.running:
            raise LabError(f"the rootless engine did not start:\n{self.log.read_text()[-2000:]}")

    def stop(self) -> None:
        """Stop the containers, the engine, and what held its namespace."""
        super().stop()
        if self._holder is not None:
            self._holder.stop()

    def _user_namespace(self) -> str:
        """Make the user's namespace, held open by a process of that user, and return its path on the host."""
        if self._holder is None:
            self._holder = self.host.start("unshare", "--user", "sleep", "100000", log=self.log, user=(USER, USER))
            wait_until("there is a user namespace", lambda: _namespace(self._pid) != _namespace(self.host.init))
            for file in ("uid_map", "gid_map"):
                Path(f"/proc/{self._pid}/{file}").write_text(_MAPPED)
        return f"/proc/{_inner(self._pid)}/ns/user"

    @property
    def _pid(self) -> int:
        assert self._holder is not None
        return self._holder.pid


def _namespace(pid: int) -> str:
    return os.readlink(f"/proc/{pid}/ns/user")


def _inner(pid: int) -> str:
    """Return a process's number as its own PID namespace counts."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.split()[-1] for line in status if line.startswith("NSpid:"))
