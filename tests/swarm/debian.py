"""Another Debian for a host to run: newer engines than this machine's own packages hold."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final, Literal

from tests.swarm.hosts import LabError

Release = Literal["trixie", "sid"]
CACHE: Final = Path("/var/cache/mountbook-lab")
_PACKAGES: Final = "ca-certificates,iptables,iproute2,docker.io"


def system(release: Release) -> Path:
    """Return the root directory of a Debian with its own Docker engine, made at the first call (half a minute).

    The tree is shared by every host that runs it: what a host writes goes to folders of its own.

    Raises:
        LabError: debootstrap failed; the message is the end of what it said.
    """
    return tree(release, release, _PACKAGES)


def tree(name: str, release: Release, packages: str) -> Path:
    """Return the root directory of a Debian with these packages; it is kept in ``CACHE`` as ``name``.

    Raises:
        LabError: debootstrap failed; the message is the end of what it said.
    """
    kept = CACHE / name
    if kept.exists():
        return kept
    CACHE.mkdir(parents=True, exist_ok=True)
    # Made beside its place and moved there whole: a half-made tree is never taken for one.
    new = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=CACHE))
    try:
        done = subprocess.run(
            ["debootstrap", "--variant=minbase", f"--include={packages}", release, str(new), _mirror()],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise LabError(f"debootstrap {release} failed:\n{(done.stdout + done.stderr)[-2000:]}")
        new.chmod(0o755)
        os.rename(new, kept)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return kept


def _mirror() -> str:
    """Return where this machine gets its own Debian packages from."""
    targets = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages", "Component: main"]
    addresses = subprocess.run(targets, capture_output=True, text=True, check=True).stdout.split()
    mirrors = [address for address in addresses if "security" not in address]
    if not mirrors:
        raise LabError("apt knows no Debian mirror: see /etc/apt/sources.list")
    return mirrors[0]
