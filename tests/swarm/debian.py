"""Another Debian for a host to run: newer engines than this machine's own packages hold."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final, Literal

from tests.swarm.hosts import LabError

Release = Literal["trixie", "sid"]
Architecture = Literal["amd64", "arm64"]
CACHE: Final = Path("/var/cache/mountbook-lab")
_ENGINE: Final = "ca-certificates,iptables,iproute2,docker.io"
_SYSTEMS: Final[dict[Release, tuple[str, str]]] = {
    "trixie": ("trixie-builder", f"{_ENGINE},docker-buildx,docker-registry"),
    "sid": ("sid", _ENGINE),
}
"""Name and packages of the trees that hosts run; on trixie's engine images are built for other processors, too."""


def system(release: Release) -> Path:
    """Return the root directory of a Debian with its own Docker engine, made at the first call (half a minute).

    The tree is shared by every host that runs it: what a host writes goes to folders of its own.

    Raises:
        LabError: debootstrap failed; the message is the end of what it said.
    """
    name, packages = _SYSTEMS[release]
    return tree(name, release, packages)


def tree(name: str, release: Release, packages: str, architecture: Architecture = "amd64") -> Path:
    """Return the root directory of a Debian with these packages; it is kept in ``CACHE`` as ``name``.

    Of a Debian for another processor the packages are unpacked, and none of their scripts is run: under emulation that
    takes minutes.

    Raises:
        LabError: debootstrap failed; the message is the end of what it said.
    """
    kept = CACHE / name
    if kept.exists():
        return kept
    CACHE.mkdir(parents=True, exist_ok=True)
    foreign = architecture != "amd64"
    # Made beside its place and moved there whole: a half-made tree is never taken for one.
    new = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=CACHE))
    try:
        command = ["debootstrap", f"--arch={architecture}", "--variant=minbase", f"--include={packages}"]
        command += [*(["--download-only"] if foreign else []), release, str(new), _mirror()]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise LabError(f"debootstrap {release} failed:\n{(done.stdout + done.stderr)[-2000:]}")
        if foreign:
            _unpack(new)
        new.chmod(0o755)
        os.rename(new, kept)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return kept


def _unpack(root: Path) -> None:
    """Unpack what debootstrap has fetched, and do what a base cannot be without of what the packages' scripts do."""
    archives = sorted(root.glob("var/cache/apt/archives/*.deb"))
    # Its links from /bin and /lib must be there before files of others go through them.
    for archive in sorted(archives, key=lambda path: not path.name.startswith("base-files_")):
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(archive)], stdout=subprocess.PIPE) as package:
            command = ["tar", "-C", str(root), "-x", "--keep-directory-symlink"]
            subprocess.run(command, stdin=package.stdout, check=True)
    for file in ("passwd", "group"):
        shutil.copy(root / f"usr/share/base-passwd/{file}.master", root / "etc" / file)


def _mirror() -> str:
    """Return where this machine gets its own Debian packages from."""
    targets = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Component: main"]
    addresses = subprocess.run(targets, capture_output=True, text=True, check=True).stdout.split()
    mirrors = [address for address in addresses if "security" not in address]
    if not mirrors:
        raise LabError("apt knows no Debian mirror: see /etc/apt/sources.list")
    return mirrors[0]
