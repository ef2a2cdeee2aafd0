"""This Python on a host of a lab, for any of its users: it, its packages and the code may lie in root's home."""

import sys
from pathlib import Path
from typing import Final

import msgspec

from tests.swarm.hosts import Host

ROOT: Final = Path(__file__).resolve().parent.parent.parent
PLACE: Final = "/run/python"


def for_everybody(host: Host) -> tuple[str, dict[str, str]]:
    """Make Python reachable below ``PLACE`` and return its path there, with the environment that it needs."""
    sources = {"base": sys.base_prefix, "packages": str(Path(msgspec.__file__).parent.parent), "code": str(ROOT)}
    for name, source in sources.items():
        host.run("mkdir", "-p", f"{PLACE}/{name}")
        host.run("mount", "--bind", source, f"{PLACE}/{name}")
    executable = Path(sys.executable).resolve().relative_to(sys.base_prefix)
    environment = {
        "PYTHONHOME": f"{PLACE}/base",
        "LD_LIBRARY_PATH": f"{PLACE}/base/lib",
        "PYTHONPATH": f"{PLACE}/code:{PLACE}/packages",
    }
    return f"{PLACE}/base/{executable}", environment
