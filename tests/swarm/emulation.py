"""Programs for arm64 on this machine: the kernel's binfmt_misc, and Debian's qemu-user-static.

The kernel has one list of foreign formats for the whole machine, containers included, and the newest rule counts; so a
lab adds a rule of its own name, whatever else is there, and removes that one.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.swarm.hosts import Host

QEMU: Final = "/usr/bin/qemu-aarch64-static"
_RULES: Final = Path("/proc/sys/fs/binfmt_misc")
# The start of an ELF file: 64 bits, little-endian, an executable or a shared object, machine 183 (elf.h: EM_AARCH64).
_MAGIC: Final = r"\x7fELF\x02\x01\x01" + 9 * r"\x00" + r"\x02\x00\xb7\x00"
_MASK: Final = 7 * r"\xff" + r"\x00" + 8 * r"\xff" + r"\xfe\xff\xff\xff"
# F opens qemu now, so that no container needs a file of it. C gives a process the rights of its program, not those of
# qemu: without it a file capability, which the hardened agent lives on, would count for nothing.
_FLAGS: Final = "FC"


@contextmanager
def arm64(host: Host, name: str) -> Iterator[None]:
    """Let programs for arm64 run on this machine for the length of a ``with``; ``host`` holds the rules' directory."""
    host.run("mount", "-t", "binfmt_misc", "binfmt_misc", str(_RULES))
    rules = host.path(str(_RULES))
    (rules / "register").write_text(f":{name}:M::{_MAGIC}:{_MASK}:{QEMU}:{_FLAGS}")
    try:
        yield
    finally:
        (rules / name).write_text("-1")


def forget(name: str) -> None:
    """Remove the rule of a test run that was killed, if there is one; the rules may be mounted nowhere that we see."""
    script = f"mount -t binfmt_misc binfmt_misc {_RULES} && [ ! -e {_RULES}/{name} ] || echo -1 >{_RULES}/{name}"
    subprocess.run(["unshare", "--mount", "sh", "-c", script], capture_output=True, check=False)
