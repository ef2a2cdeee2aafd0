"""A lab: real Docker engines on one Linux machine, each on a host of its own.

A *host* is a set of namespaces (mounts, network, host name, processes) with its own ``/var/lib/docker``, ``/run``
and ``/etc/docker``; an *engine* is a ``dockerd`` on it. A host's first process takes everything on it along when
it dies, mounts and loop devices included, so tearing down is: stop containers, stop engines, end first processes,
remove the folder. What a killed test run left behind is found by the mark that every process of a lab
carries in its environment, and swept when the next lab opens.

``missing()`` says what a lab needs that is not there.
"""

import contextlib
import errno
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
from functools import partial
from pathlib import Path
from typing import Final, Self

from tests.swarm import debian, emulation
from tests.swarm.engines import Engine, GraphDriver, Snapshotter
from tests.swarm.hosts import Host, LabError, wait_until

MARK: Final = "MOUNTBOOK_LAB"
PREFIX: Final = "mblab-"
_PROGRAMS: Final = {
    "docker.io": ("dockerd", "docker", "containerd"),
    "util-linux": ("nsenter", "unshare", "setpriv"),
    "iproute2": ("ip",),
    "iptables": ("iptables",),
    "busybox-static": ("busybox",),
    "btrfs-progs": ("mkfs.btrfs",),
    "e2fsprogs": ("mkfs.ext4",),
    "fuse-overlayfs": ("fuse-overlayfs",),
    "debootstrap": ("debootstrap",),
}


def missing() -> str | None:
    """Return why no lab can be opened on this machine, or None when one can."""
    if os.geteuid() != 0:
        return "a lab needs root: sudo make lab"
    packages = [name for name, programs in _PROGRAMS.items() if not all(map(shutil.which, programs))]
    return f"a lab needs Debian packages: apt-get install {' '.join(packages)}" if packages else None


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
        self._numbers, self._disks = itertools.count(1), itertools.count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def host(self, *, disk: Path | None = None, release: debian.Release | None = None, isolated: bool = True) -> Host:
        """Start one more host, named n1, n2, …; ``release`` is the Debian it runs, ``Host`` says what the rest is."""
        folder = self.folder / f"n{next(self._numbers)}"
        host = Host(folder, self.environment, disk, debian.system(release) if release else None, isolated=isolated)
        self._hosts.append(host)
        return host

    def engine(
        self,
        backend: GraphDriver | Snapshotter = "overlay2",
        *options: str,
        release: debian.Release | None = None,
        elsewhere: bool = False,
        starts: bool = True,
        disk: bool = False,
    ) -> Engine:
        """Start one more host with an engine on it that, if it ``starts``, answers and has the image ``IMAGE``.

        ``elsewhere``: its data root is in a folder of its host, not at the default place. ``disk``: it is on a disk of
        its own, as btrfs needs it anyhow; such a disk is removed at once, a data root of 100,000 files in minutes.
        """
        host = self.host(disk=self._disk(backend) if disk or backend == "btrfs" else None, release=release)
        engine = Engine(host, backend, self.cgroup)
        self._engines.append(engine)
        if elsewhere:
            engine.data_root = f"{host.folder}/data"
            options += ("--data-root", engine.data_root)
        if starts:
            engine.start(*options)
            engine.make_image()
        return engine

    def builder(
        self, backend: GraphDriver | Snapshotter = "overlay2", *options: str, release: debian.Release | None = None
    ) -> Engine:
        """Start an engine that builds images: it uses this machine's network, and is the only one that reaches out."""
        host = self.host(disk=self._disk(backend), release=release, isolated=False)
        engine = Engine(host, backend, self.cgroup)
        self._engines.append(engine)
        engine.start("--bridge=none", "--iptables=false", "--ip6tables=false", *options)
        return engine

    def retire(self, engine: Engine) -> None:
        """Stop an engine for good, end its host and remove its disk: a machine has few loop devices."""
        engine.stop()
        engine.host.end()
        self._engines.remove(engine)
        self._hosts.remove(engine.host)
        shutil.rmtree(engine.host.folder)

    def close(self) -> None:
        """Stop what runs and remove every trace; hosts end even when an engine does not stop in order."""
        try:
            for engine in self._engines:
                engine.stop()
        finally:
            for host in self._hosts:
                host.end()
            _remove(self.folder)

    def _disk(self, backend: str) -> Path:
        image = self.folder / f"disk-{next(self._disks)}.img"
        with image.open("wb") as file:
            file.truncate((4 if backend == "btrfs" else 16) << 30)
        command = ["mkfs.btrfs", "--quiet"] if backend == "btrfs" else ["mkfs.ext4", "-q", "-O", "^has_journal"]
        subprocess.run([*command, str(image)], check=True, capture_output=True, env=self.environment)
        return image


def sweep() -> None:
    """End the processes and remove the folders of labs whose test run is dead."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*-*"):
        _, pid, started, _ = folder.name.split("-", 3)
        if not (pid.isdecimal() and _started(int(pid)) == started):
            for process in _marked(folder):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            _wait_for_the_end(folder)
            _remove(folder)


def _started(pid: int) -> str:
    """Return when a process started, in ticks since boot: with its number, a name that is never used twice."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return stat.rpartition(")")[2].split()[19]  # field 22 of proc(5); the name before may hold spaces


def _wait_for_the_end(folder: Path) -> None:
    wait_until(f"the processes of {folder} are gone", lambda: not _marked(folder))


def _marked(folder: Path) -> list[int]:
    mark = f"{MARK}={folder}".encode()
    found = []
    for name in filter(str.isdecimal, os.listdir("/proc")):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if mark in Path("/proc", name, "environ").read_bytes().split(b"\0"):
                found.append(int(name))
    return found


def _remove(folder: Path) -> None:
    """Remove what is left of a lab, unless something is still mounted below its folder: that is not ours to delete."""
    mounted = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    below = [point for point in mounted if point.startswith(f"{folder}/")]
    if below:
        raise LabError(f"still mounted, so nothing below {folder} is removed: {', '.join(below)}")
    emulation.forget(folder.name)
    for group in Path("/sys/fs/cgroup").glob(f"**/{folder.name}"):
        for directory, _, _ in os.walk(group, topdown=False):
            wait_until(f"nothing is in {directory}", partial(_removed, directory))
    while folder.exists():
        with contextlib.suppress(FileNotFoundError):  # another lab that opens sweeps it as well
            shutil.rmtree(folder)


def _removed(group: str) -> bool:
    """Remove a control group, unless the last of its killed processes is still on its way out."""
    try:
        os.rmdir(group)
    except FileNotFoundError:
        return True
    except OSError as exc:
        if exc.errno != errno.EBUSY:
            raise
        return False
    return True
