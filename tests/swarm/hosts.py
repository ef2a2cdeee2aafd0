"""Hosts of a lab: machines made of namespaces, with a disk of their own."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

_START_SCRIPT: Final = Path(__file__).with_name("host.sh")
PATIENCE: Final = 180.0
"""Seconds that an engine may take to answer or to end; it usually needs one, on a machine that does little else."""


class LabError(Exception):
    """The lab could not be built or cleared; the message says which part, and shows its log."""


def wait_until(what: str, happened: Callable[[], bool], seconds: float = PATIENCE, *, pause: float = 0.02) -> None:
    """Look again and again, with ``pause`` seconds between, until something has happened.

    Raises:
        LabError: it has not, after so many seconds.
    """
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            raise LabError(f"after {seconds:.0f} s still not so: {what}")
        time.sleep(pause)


class Host:
    """One machine of the lab. ``folder`` holds its disks as the outside sees them."""

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        disk: Path | None = None,
        system: Path | None = None,
        *,
        isolated: bool = True,
    ) -> None:
        """Start it and wait until it is up.

        Args:
            folder: Does not exist yet; its name is the host's.
            environment: Of every process on the host.
            disk: Image of a file system for ``/var/lib/docker``, which moves into ``folder``; without it that is a
                directory below ``folder``.
            system: Root directory of another Debian for the host to run; without it it runs this machine's programs.
            isolated: Whether it has a network of its own; without, it uses this machine's.

        Raises:
            LabError: it did not start; the message holds what it said.
        """
        self.name = folder.name
        self.folder = folder
        self.environment = environment
        for directory in ("var/lib/docker", "etc/docker"):
            (folder / directory).mkdir(parents=True)
        if disk is not None:
            disk = disk.rename(folder / "disk.img")  # where another Debian sees it, too
        command = ["unshare", "--mount", "--uts", *(["--net"] if isolated else []), "--pid", "--fork", "--kill-child"]
        command += ["sh", str(_START_SCRIPT), str(folder), self.name, str(disk or ""), str(system or "")]
        command += [os.readlink("/proc/self/ns/net")]
        self._log = self.folder / "host.log"
        with self._log.open("wb") as log:
            self._holder = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment
            )
        written = self.folder / "init.pid"
        wait_until(f"{self.name} is up", lambda: written.exists() or self._holder.poll() is not None)
        if not written.exists():
            raise LabError(f"host {self.name} did not start:\n{self._log.read_text()}")
        self.init = int(written.read_text())

    def path(self, host_path: str) -> Path:
        """Return how a file of this host is reached from outside, its own mounts included."""
        return Path(f"/proc/{self.init}/root{host_path}")

    def command(self, *command: str, user: tuple[int, int] | None = None) -> list[str]:
        """Return the command that runs ``command`` on this host, as root or as (uid, gid) with no other group."""
        become = ["setpriv", f"--reuid={user[0]}", f"--regid={user[1]}", "--clear-groups"] if user else []
        enter = ["nsenter", f"--target={self.init}", "--mount", "--uts", "--net", "--pid"]
        return [*enter, *become, *command]

    def start(self, *command: str, log: Path, user: tuple[int, int] | None = None, **environment: str) -> "Process":
        """Start a command that stays; what it says goes to ``log``."""
        with log.open("ab") as output:
            holder = subprocess.Popen(
                self.command(*command, user=user),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**self.environment, **environment},
            )
        return Process(holder, log)

    def run(
        self, *command: str, user: tuple[int, int] | None = None, check: bool = True, **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end and return what it printed.

        Raises:
            LabError: it failed, and ``check`` was asked for.
        """
        done = subprocess.run(
            self.command(*command, user=user),
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**self.environment, **environment},
        )
        if check and done.returncode != 0:
            raise LabError(f"on {self.name}, {' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
        return done

    def crash(self) -> None:
        """Kill -9 every process at once, containers' too, as when the power fails; the host itself is up at once."""
        # In a PID namespace -1 means every process but the caller and the first one, which shows no signal.
        kill = ["nsenter", f"--target={self.init}", "--mount", "--pid", "sh", "-c", "kill -9 -1"]
        subprocess.run(kill, capture_output=True, check=False, env=self.environment)

    def end(self) -> None:
        """End the first process, and with it all others and every mount of this host."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.init, signal.SIGKILL)
        self._holder.wait(PATIENCE)


class Process:
    """A command that runs on a host until it is stopped. ``holder`` is the process that entered the host for it."""

    def __init__(self, holder: "subprocess.Popen[bytes]", log: Path) -> None:
        self.holder = holder
        self.log = log

    @property
    def pid(self) -> int:
        """The command's own process ID, as the outside counts."""
        children = Path(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children")
        wait_until("the command has started", lambda: bool(children.read_text().split()) or not self.running)
        if not self.running:
            raise LabError(f"a command ended at once:\n{self.log.read_text()}")
        return int(children.read_text().split()[0])

    @property
    def running(self) -> bool:
        """Whether it still runs."""
        return self.holder.poll() is None

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, wait for the end and return the exit status (128 + the signal's number if that ended it)."""
        if self.running:
            os.kill(self.pid, number)
        return self.holder.wait(PATIENCE)
