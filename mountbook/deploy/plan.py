"""What the operator asked for, and where the stack's file is."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mountbook.deploy.layouts import Layout

STACK: Final = "mountbook"
SUBNET: Final = "10.222.0.0/16"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the operator asked for. ``image`` is the prefix of the images' names, ``database`` an external address.

    ``layouts`` are those of ``--layout``: a node's ID or hostname, and None to give it back to the stack's own agent.
    ``hardened``: agents have no socket and are not uid 0.
    """

    image: str = "mountbook"
    tag: str = "latest"
    push: str = ""
    loaded: bool = False
    subnet: str = SUBNET
    port: int = 8480
    collectors: int = 2
    database: str = ""
    cluster: str = ""
    postgres: str = ""
    patience: float = 180.0
    hardened: bool = False
    layouts: tuple[tuple[str, Layout | None], ...] = ()

    @property
    def prefix(self) -> str:
        """The images' prefix on the nodes."""
        return f"{self.push.rstrip('/')}/{self.image.rpartition('/')[2]}" if self.push else self.image

    @property
    def agent(self) -> str:
        """The agent's image, without prefix and tag."""
        return "agent-hardened" if self.hardened else "agent"

    def names(self, prefix: str) -> tuple[str, ...]:
        """Return the images' whole names."""
        return tuple(f"{prefix}/{part}:{self.tag}" for part in (self.agent, "collector"))


def stack_file() -> Path:
    """Return where the stack's file is: in the wheel beside this module, in a checkout at the top."""
    here = Path(__file__).resolve().parent
    installed = here / "stack.yml"
    return installed if installed.exists() else here.parents[1] / "stack.yml"
