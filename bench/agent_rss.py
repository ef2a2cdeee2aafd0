"""S13: what the agent costs at rest, with 100 and with 5,000 containers.

The real agent runs as a process of its own against an engine and a collector that speak HTTP in this process, and
reads an overlay2 data root on disk. Resident memory and CPU time come from ``/proc``; they are measured from the
moment the collector has everything, the first sizes included, over at least one full look.

Where the machine takes memory away that nobody touches (``bench.cold``), CPU time is measured a second time with the
agent's memory kept in place: that is what the agent itself costs, and what the goal is about. Both are told.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import msgspec

from agent.outcome import Rejected, Unreachable
from agent.wire import Body
from bench.cold import WARM, cold_page, kept_warm
from bench.table import Row
from mountbook.local.dataroots import BuiltContainer, ContainerSpec, DataRootSpec, ImageSpec, build
from protocol.entries import Kind
from protocol.messages import API, MAX_HEARTBEAT
from protocol.usage import Usage, UsageReply
from tests.unit.agent.fake_engine import FakeEngine, Json, listed, serving
from tests.unit.agent.model_collector import ModelCollector, inflate

ROOT: Final = Path(__file__).resolve().parent.parent
GOALS_MIB: Final = {100: 64.0, 5000: 128.0}
SIZES: Final = ((100, 330.0), (5000, 660.0))
"""How many containers, and for how many seconds: several full looks, and sizes measured again as often as at rest."""
GOAL_CPU: Final = 0.003
_PATIENCE: Final = 120.0
_SWEEP_PATIENCE: Final = 1800.0
_IMAGES: Final = 50
_LAYERS: Final = 6
_LABELS: Final = {f"com.example.label-{number}": f"value of label {number}" for number in range(8)}


@dataclass(frozen=True, slots=True)
class AgentCost:
    """One measurement. ``cpu`` is the share of one core over ``seconds``; memory is in MiB.

    ``warm_cpu`` is that share with the agent's memory kept in place, ``cpu`` where the machine leaves it there anyway;
    ``cold_page`` is what a page left alone costs, in microseconds.
    """

    containers: int
    rss_mib: float
    peak_mib: float
    cpu: float
    warm_cpu: float
    cold_page: float
    seconds: float
    heartbeat_bytes: int


@dataclass
class _Register(ModelCollector):
    """A collector that notes how large heartbeats are, and when it holds all containers."""

    awaited: int = 0
    heartbeat_bytes: int = 0
    filled: threading.Event = field(default_factory=threading.Event)
    swept: threading.Event = field(default_factory=threading.Event)
    beaten: threading.Event = field(default_factory=threading.Event)

    def take(self, name: str, body: Body) -> bytes | None:
        """Return the answer's body, or None when the message is turned down."""
        if name == "usage":
            return self._usage(msgspec.json.decode(inflate(body), type=Usage))
        outcome = self.post(name, body)
        if name == "heartbeat":
            self.heartbeat_bytes = max(self.heartbeat_bytes, len(body.data))
            self.beaten.set()
        if sum(key.kind is Kind.CONTAINER for key in self.rows) >= self.awaited:
            self.filled.set()
        return None if isinstance(outcome, Rejected | Unreachable) else msgspec.json.encode(outcome)

    def _usage(self, usage: Usage) -> bytes:
        if usage.sweep is not None:
            self.swept.set()
        reply = UsageReply(server_time=self.clock, stored=len(usage.measurements), unknown=0)
        return msgspec.json.encode(reply)


def measure() -> list[Row]:
    """Measure both sizes, and return their lines of the scorecard."""
    return [_row(cost(containers, seconds)) for containers, seconds in SIZES]


def _row(found: AgentCost) -> Row:
    goal = GOALS_MIB[found.containers]
    holds = found.rss_mib <= goal and found.warm_cpu <= GOAL_CPU and found.heartbeat_bytes <= MAX_HEARTBEAT
    cold = f" ({found.cpu:.2%} where a page left alone costs {found.cold_page:.1f} µs)"
    return Row(
        "S13",
        f"agent at rest with {found.containers:,} containers, {found.seconds:.0f} s: memory, one core, heartbeat",
        f"{found.rss_mib:.0f} MiB (peak {found.peak_mib:.0f}), {found.warm_cpu:.2%}"
        f"{cold if found.cold_page > WARM else ''}, {found.heartbeat_bytes} B",
        goal=f"≤ {goal:.0f} MiB, ≤ {GOAL_CPU:.1%}, ≤ {MAX_HEARTBEAT} B",
        holds=holds,
    )


def cost(containers: int, seconds: float) -> AgentCost:
    """Start an agent on a node with so many containers, and measure it at rest for so many seconds.

    Raises:
        RuntimeError: the agent ended, or the collector did not hear of every container in two minutes, or of the
            first sizes in half an hour.
    """
    register = _Register(awaited=containers)
    with tempfile.TemporaryDirectory(prefix="mb-", dir="/tmp") as folder, _collector(register) as url:
        engine = FakeEngine(Path(folder) / "docker.sock")
        data_root = Path(folder) / "docker"
        built = build(data_root, _node(containers))
        engine.containers = {one.container_id: _listed(one) for one in built.containers}
        engine.info |= {"DockerRootDir": str(data_root)}
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "MOUNTBOOK_URL": url,
            "MOUNTBOOK_TOKEN": "token",
            "MOUNTBOOK_STATE_DIR": folder,
            "MOUNTBOOK_START_SPREAD": "0",
            "DOCKER_HOST": engine.address,
        }
        with serving(engine), _agent(environment) as pid:
            _await(register.filled, "every container", pid)
            _await(register.swept, "the end of the first measuring of sizes", pid, _SWEEP_PATIENCE)
            register.beaten.clear()
            _await(register.beaten, "a heartbeat", pid)
            cold = cold_page()
            cpu = warm_cpu = _share(pid, seconds)
            rss, peak = _status(pid, "VmRSS"), _status(pid, "VmHWM")
            cold = max(cold, cold_page())
            if cold > WARM:
                with kept_warm(pid):
                    warm_cpu = _share(pid, seconds)
            return AgentCost(
                containers=containers,
                rss_mib=rss,
                peak_mib=peak,
                cpu=cpu,
                warm_cpu=warm_cpu,
                cold_page=cold,
                seconds=seconds,
                heartbeat_bytes=register.heartbeat_bytes,
            )


def _node(containers: int) -> DataRootSpec:
    images = tuple(
        ImageSpec(name=f"image-{image}:1", layers=tuple({f"file-{image}-{layer}": ""} for layer in range(_LAYERS)))
        for image in range(_IMAGES)
    )
    return DataRootSpec(
        driver="overlay2",
        images=images,
        containers=tuple(
            ContainerSpec(name=f"web.{number}", image=images[number % _IMAGES].name, labels=_LABELS)
            for number in range(containers)
        ),
    )


def _listed(built: BuiltContainer) -> Json:
    return listed(
        built.container_id, built.name, built.state, Image=built.image, ImageID=built.image_id, Labels=_LABELS
    )


@contextlib.contextmanager
def _agent(environment: dict[str, str]) -> Iterator[int]:
    command = [sys.executable, "-m", "agent", "--log-level", "warning"]
    with subprocess.Popen(command, env=environment, cwd=ROOT) as process:
        try:
            yield process.pid
        finally:
            process.terminate()


def _await(event: threading.Event, what: str, pid: int, patience: float = _PATIENCE) -> None:
    if not event.wait(patience):
        raise RuntimeError(f"the collector did not hear of {what} from the agent (process {pid}) in {patience:g} s")


def _share(pid: int, seconds: float) -> float:
    """Return the share of one core that a process takes over so many seconds."""
    before, began = _cpu(pid), time.monotonic()
    time.sleep(seconds)
    return (_cpu(pid) - before) / (time.monotonic() - began)


def _cpu(pid: int) -> float:
    """Return the CPU seconds that a process has used (proc(5): fields 14 and 15 of ``stat``)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _status(pid: int, name: str) -> float:
    """Return a size from ``/proc/<pid>/status``, there in KiB, in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"/proc/{pid}/status has no {name}")


@contextlib.contextmanager
def _collector(register: _Register) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            body = Body(data, self.headers.get("Content-Encoding", ""))
            answer = register.take(self.path.removeprefix(f"{API}/"), body)
            self.send_response(200 if answer is not None else 500)
            self.send_header("Content-Length", str(len(answer or b"")))
            self.end_headers()
            self.wfile.write(answer or b"")

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


if __name__ == "__main__":
    for row in measure():
        print(row)
