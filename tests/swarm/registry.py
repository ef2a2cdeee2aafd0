"""A registry of images, and an engine that builds for both processors: all that a publisher has, on one host of a lab.

The registry is Debian's docker-registry, which engines reach on loopback without TLS. It stands in for Docker Hub as
well: as the engine's mirror it has the base image, under its own name and for both processors.
"""

import json
import socket
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, get_args

from tests.swarm import debian, emulation, images
from tests.swarm.debian import Architecture
from tests.swarm.engines import Engine
from tests.swarm.hosts import Host, LabError, Process, wait_until

if TYPE_CHECKING:
    from tests.swarm.lab import Lab

ARCHITECTURES: Final[tuple[Architecture, ...]] = get_args(Architecture)
_BUILDX: Final = "usr/libexec/docker/cli-plugins/docker-buildx"


class Publisher:
    """Builds for both processors, and runs what it has pushed. ``registry`` is what its images' names begin with."""

    def __init__(self, engine: Engine, registry: str) -> None:
        self.engine = engine
        self.registry = registry
        # Debian 12 has no buildx; trixie's is a plugin that this machine's docker takes, too.
        self._client = engine.host.folder / "client"
        (self._client / "cli-plugins").mkdir(parents=True)
        (self._client / "cli-plugins/docker-buildx").symlink_to(debian.system("trixie") / _BUILDX)

    def buildx(self, *words: str) -> str:
        """Run ``docker buildx`` and return what it printed."""
        return self.engine.docker("buildx", *words, environment={"DOCKER_CONFIG": str(self._client)})

    def inspect(self, target: str, *options: str) -> Any:
        """Return what the registry has of an image."""
        return json.loads(self.buildx("imagetools", "inspect", *options, self.image(target)))

    def run(self, target: str, architecture: Architecture, *arguments: str, options: Iterable[str] = ("--rm",)) -> str:
        """Run an image as the registry has it, on its engine's network; ``options`` are those of ``docker run``."""
        where = ("--network=host", "--pull=always", f"--platform=linux/{architecture}")
        return self.engine.docker("run", *where, *options, self.image(target), *arguments)

    def image(self, target: str) -> str:
        """Return the name of an image in the registry."""
        return f"{self.registry}/{target}"


@contextmanager
def publisher(lab: "Lab") -> Iterator[Publisher]:
    """Give one that has the base image for both processors, for the length of a ``with``.

    Raises:
        LabError: something of it did not start or could not be made; the message says what.
    """
    address = free_address()
    engine = lab.builder("overlayfs", "--registry-mirror", f"http://{address}", release="trixie")
    process = _start_registry(engine.host, address)
    with emulation.arm64(engine.host, lab.folder.name):
        publisher = Publisher(engine, f"{address}/mountbook")
        base = f"{address}/library/{images.PYTHON}"
        for architecture in ARCHITECTURES:
            images.import_python(engine, architecture, f"{base}-{architecture}")
            engine.docker("push", "--quiet", f"{base}-{architecture}")
        publisher.buildx("imagetools", "create", "--tag", base, *(f"{base}-{one}" for one in ARCHITECTURES))
        yield publisher
    process.stop()
    lab.retire(engine)


def free_address() -> str:
    """Return a host and port of this machine's loopback where nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{listener.getsockname()[1]}"


def _start_registry(host: Host, address: str) -> Process:
    """Start a registry in the host's own folder and wait until it answers."""
    storage = {"filesystem": {"rootdirectory": "/var/lib/docker/registry"}}
    settings = host.folder / "registry.yml"
    settings.write_text(json.dumps({"version": 0.1, "storage": storage, "http": {"addr": address}}))
    process = host.start("docker-registry", "serve", str(settings), log=host.folder / "registry.log")
    wait_until("the registry answers", lambda: _answers(address) or not process.running)
    if not process.running:
        raise LabError(f"the registry did not start:\n{process.log.read_text()}")
    return process


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{address}/v2/", timeout=5):
            return True
    except OSError:
        return False
