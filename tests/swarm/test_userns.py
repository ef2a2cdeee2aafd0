"""A real engine with userns-remap: root reads all of it, and an agent in one of its containers says why it does not."""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from agent.config import Config
from agent.lookout import Lookout
from protocol.entries import Container, Kind, ResolvedBy
from tests.swarm.engines import IMAGE, Engine
from tests.swarm.lab import Lab
from tests.swarm.pythons import PLACE, for_everybody

pytestmark = pytest.mark.lab

MAPPED = 200000
DATA_ROOT = f"/var/lib/docker/{MAPPED}.{MAPPED}"
LOOK = """
import json
from agent.config import from_environment
from agent.lookout import Lookout
with Lookout(from_environment(__import__("os").environ)) as lookout:
    observed = lookout.look(None, 1)
    print(json.dumps([observed.problems, lookout.engine.readable, list(observed.complete.values())]))
"""


@pytest.fixture(scope="module")
def engine(lab: Lab) -> Iterator[Engine]:
    engine = lab.engine(starts=False)
    ranges = engine.host.folder / "ranges"
    ranges.write_text(f"nobody:{MAPPED}:65536\nnogroup:{MAPPED}:65536\n")
    for file in ("/etc/subuid", "/etc/subgid"):
        engine.host.run("mount", "--bind", str(ranges), file)
    engine.start("--userns-remap=nobody:nogroup")
    engine.make_image()
    engine.data_root = DATA_ROOT
    engine.docker("run", "-d", "--name", "web", IMAGE, "sleep", "1000")
    engine.docker("exec", "web", "sh", "-c", "echo written >/srv/file")
    engine.docker("create", "--name", "made", IMAGE, "true")
    yield engine
    engine.stop()


def test_root_reads_every_container(engine: Engine) -> None:
    config = Config(collectors=("http://127.0.0.1:1",), docker_host=engine.url, host_root=str(engine.host.path("")))
    with Lookout(config) as lookout, closing(lookout.subscribe()):
        observed = lookout.look(None, 1)
    assert observed.problems == ()
    assert observed.complete == dict.fromkeys(Kind, True)
    found = {one.name: one for one in observed.entries.values() if isinstance(one, Container)}
    assert {name: (one.root, one.resolved_by) for name, one in found.items()} == dict.fromkeys(
        ("web", "made"), (DATA_ROOT, ResolvedBy.LAYERDB)
    )
    assert engine.host.path(f"{found['web'].diff_path}/srv/file").read_text() == "written\n"


def inside(engine: Engine, *words: str) -> str:
    """Run Python in a container as a service's agent runs in one, and return what it printed."""
    python, environment = for_everybody(engine.host)
    environment |= {"MOUNTBOOK_HOST_ROOT": "/host", "MOUNTBOOK_URL": "http://collector:8480", "MOUNTBOOK_TOKEN": "t"}
    environment |= {"MOUNTBOOK_NODE": "n1id", "MOUNTBOOK_CLUSTER": "shop"}
    options = ["--rm", "--network=none", "--cap-drop=ALL", "--cap-add=DAC_READ_SEARCH", "--read-only"]
    options += [word for name, value in environment.items() for word in ("--env", f"{name}={value}")]
    for path in (PLACE, "/usr", "/lib", "/lib64"):
        # Private: what is mounted at PLACE comes along, and nothing else.
        options += ["--volume", f"{path}:{path}:ro"]
    options += ["--volume", "/var/run/docker.sock:/var/run/docker.sock:ro"]
    options += ["--volume", "/var/lib/docker:/host/var/lib/docker:ro,rslave"]
    return engine.docker("run", *options, IMAGE, "sh", "-c", '"$0" "$@" || true', python, *words)


def test_an_agent_in_a_container_says_why_it_reads_nothing_and_how_it_would(engine: Engine) -> None:
    problems, readable, complete = json.loads(inside(engine, "-c", LOOK))
    assert not readable
    assert not any(complete), "nothing is known to be absent"
    first = problems[0]
    assert "unreadable" in first
    assert "userns-remap" in first
    assert "mountbook.agent=false" in first
    assert "docker run --detach --name mountbook-agent" in first
    assert "--userns=host" in first
    assert "MOUNTBOOK_NODE=n1id --env MOUNTBOOK_CLUSTER=shop" in first
    assert "--volume /var/lib/docker:/host/var/lib/docker:ro,rslave" in first


def test_doctor_says_so_too(engine: Engine) -> None:
    answer: dict[str, Any] = json.loads(inside(engine, "-m", "mountbook", "doctor", "--json"))
    checks = {check["name"]: check for check in answer["checks"]}
    assert checks["user namespace"]["status"] == "problem"
    assert "docker run" in checks["user namespace"]["advice"]
    assert "--userns=host" in checks["user namespace"]["advice"]
    assert checks["data root"]["status"] == "problem"
    assert checks["engine"]["status"] == "problem"
