"""A lab: real Docker engines on one Linux machine, each on a host of its own.

A *host* is a set of namespaces (mounts, network, host name, processes) with its own ``/var/lib/docker``, ``/run``
and ``/etc/docker``; an *engine* is a ``dockerd`` on it. A host's first process takes everything on it along when
it dies, mounts and loop devices included, so tearing down is: stop containers, stop engines, end first processes,
remove the folder. What a killed test run left behind is found by the mark that every process of a lab
carries in its environment, and swept when the next lab opens.

Needs root and Debian's ``docker.io``, ``iproute2``, ``iptables``, ``busybox-static`` (and ``btrfs-progs`` or
``fuse-overlayfs`` for those drivers); ``missing()`` says what is not there.
"""

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final, Literal, Self

MARK: Final = "MOUNTBOOK_LAB"
PREFIX: Final = "mblab-"
IMAGE: Final = "busybox:lab"
DRIVERS: Final = ("overlay2", "overlay", "vfs", "fuse-overlayfs", "btrfs")
Driver = Literal["overlay2", "overlay", "vfs", "fuse-overlayfs", "btrfs"]

_PROGRAMS: Final = ("dockerd", "containerd", "docker", "nsenter", "unshare", "ip", "iptables", "busybox")
_CLIENT: Final = "/usr/bin/docker"
_START_SCRIPT: Final = Path(__file__).with_name("host.sh")
_PATIENCE: Final = 60.0
"""Seconds that an engine may take to answer or to end; it usually needs one."""


class LabError(Exception):
    """The lab could not be built or cleared; the message says which part, and shows its log."""


def missing() -> str | None:
    """Return why no lab can be opened on this machine, or None when one can."""
    if os.geteuid() != 0:
        return "a lab needs root (sudo make lab)"
    absent = [program for program in _PROGRAMS if shutil.which(program) is None]
    if absent:
        return f"a lab needs {', '.join(absent)}: apt-get install docker.io iproute2 iptables busybox-static"
    return None


def wait_until(what: str, happened: Callable[[], bool], seconds: float = _PATIENCE) -> None:
    """Look again and again until something has happened.

    Raises:
        LabError: it has not, after so many seconds.
    """
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            raise LabError(f"after {seconds:.0f} s still not so: {what}")
        time.sleep(0.02)


class Host:
    """One machine of the lab. ``folder`` holds its disks as the outside sees them."""

    def __init__(self, lab: "Lab", name: str, device_image: Path | None = None) -> None:
        self.name = name
        self.folder = lab.folder / name
        for directory in ("var/lib/docker", "etc/docker"):
            (self.folder / directory).mkdir(parents=True)
        self.environment = lab.environment
        command = ["unshare", "--mount", "--uts", "--net", "--pid", "--fork", "--kill-child", "sh", str(_START_SCRIPT)]
        command += [str(self.folder), name] + ([str(device_image)] if device_image else [])
        self._log = self.folder / "host.log"
        with self._log.open("wb") as log:
            self._holder = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment
            )
        written = self.folder / "init.pid"
        wait_until(f"{name} is up", lambda: written.exists() or self._holder.poll() is not None)
        if not written.exists():
            raise LabError(f"host {name} did not start:\n{self._log.read_text()}")
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

    def end(self) -> None:
        """End the first process, and with it all others and every mount of this host."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.init, signal.SIGKILL)
        self._holder.wait(_PATIENCE)


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
        return self.holder.wait(_PATIENCE)


class Engine:
    """A Docker engine on a host. ``data_root`` is what it calls its data root."""

    data_root = "/var/lib/docker"

    def __init__(self, lab: "Lab", host: Host, driver: Driver) -> None:
        self.host = host
        self.driver = driver
        self.socket = host.folder / "docker.sock"
        self.log = host.folder / "dockerd.log"
        self._cgroup = lab.cgroup
        self._environment = lab.environment
        self._process: Process | None = None

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
        command = ["dockerd", "-H", "unix:///var/run/docker.sock", "-H", self.url, "--storage-driver", self.driver]
        command += ["--cgroup-parent", self._cgroup, *options]
        process = self.host.start(*command, log=self.log)
        self._process = process
        wait_until(f"{self.host.name}'s engine answers", lambda: self._answers() or not process.running)
        if not process.running:
            raise LabError(f"the engine on {self.host.name} did not start:\n{self.log.read_text()[-2000:]}")

    def docker(self, *arguments: str, stdin: int = subprocess.DEVNULL) -> str:
        """Run docker's own command against this engine and return what it printed, stripped.

        Raises:
            LabError: it failed; the message is its own.
        """
        done = subprocess.run(
            [_CLIENT, "-H", self.url, *arguments],
            capture_output=True,
            text=True,
            check=False,
            stdin=stdin,
            env=self._environment,
        )
        if done.returncode != 0:
            raise LabError(f"docker {' '.join(arguments)} on {self.host.name}: {done.stderr.strip()}")
        return done.stdout.strip()

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

    def _answers(self) -> bool:
        try:
            self.docker("version", "--format", "{{.Server.Version}}")
        except LabError:
            return False
        return True


class Lab:
    """Hosts and engines for the length of a ``with``; opening one first clears what dead labs left."""

    def __init__(self) -> None:
        sweep()
        self.folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-{_started(os.getpid())}-"))
        self.folder.chmod(0o755)
        self.environment = {**os.environ, MARK: str(self.folder)}
        self.cgroup = f"/{self.folder.name}"
        self._hosts: list[Host] = []
        self._engines: list[Engine] = []
        self._numbers = itertools.count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def host(self, *, device_image: Path | None = None) -> Host:
        """Start one more host, named n1, n2, …; ``device_image`` is a file system image for its /var/lib/docker."""
        host = Host(self, f"n{next(self._numbers)}", device_image)
        self._hosts.append(host)
        return host

    def engine(self, driver: Driver = "overlay2", *options: str) -> Engine:
        """Start one more host with an engine on it that answers and has the image ``IMAGE``."""
        engine = Engine(self, self.host(device_image=self._btrfs() if driver == "btrfs" else None), driver)
        self._engines.append(engine)
        engine.start(*options)
        engine.make_image()
        return engine

    def close(self) -> None:
        """Stop what runs and remove every trace; hosts end even when an engine does not stop in order."""
        try:
            for engine in self._engines:
                engine.stop()
        finally:
            for host in self._hosts:
                host.end()
            _remove(self.folder)

    def _btrfs(self) -> Path:
        image = self.folder / f"btrfs-{len(self._hosts)}.img"
        with image.open("wb") as file:
            file.truncate(1 << 30)
        subprocess.run(["mkfs.btrfs", "--quiet", str(image)], check=True, capture_output=True, env=self.environment)
        return image


def sweep() -> None:
    """End the processes and remove the folders of labs whose test run is dead."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*-*"):
        _, pid, started, _ = folder.name.split("-", 3)
        if not (pid.isdecimal() and _started(int(pid)) == started):
            for process in _marked(folder):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            wait_until(f"the processes of {folder} are gone", partial(_deserted, folder))
            _remove(folder)


def _started(pid: int) -> str:
    """Return when a process started, in ticks since boot: with its number, a name that is never used twice."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return stat.rpartition(")")[2].split()[19]  # field 22 of proc(5); the name before may hold spaces


def _marked(folder: Path) -> Iterator[int]:
    mark = f"{MARK}={folder}".encode()
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                if mark in Path(entry.path, "environ").read_bytes().split(b"\0"):
                    yield int(entry.name)


def _deserted(folder: Path) -> bool:
    return next(_marked(folder), None) is None


def _remove(folder: Path) -> None:
    """Remove a lab's folder and control groups, unless something is still mounted below: that is not ours to delete."""
    mounted = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    below = [point for point in mounted if point.startswith(f"{folder}/")]
    if below:
        raise LabError(f"still mounted, so nothing below {folder} is removed: {', '.join(below)}")
    for group in Path("/sys/fs/cgroup").glob(f"**/{folder.name}"):
        for directory, _, _ in os.walk(group, topdown=False):
            Path(directory).rmdir()
    shutil.rmtree(folder)
