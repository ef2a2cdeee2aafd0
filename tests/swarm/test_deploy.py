"""``mountbook deploy`` where things are not as usual: data that lies elsewhere, obstacles, and the hardened agent."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Final

import pytest

from protocol.reports import END
from tests import operations
from tests.swarm import images
from tests.swarm.engines import IMAGE
from tests.swarm.hosts import wait_until
from tests.swarm.lab import Lab
from tests.swarm.swarm import Swarm

pytestmark = pytest.mark.lab

PATIENCE: Final = 120.0


@pytest.fixture(scope="module")
def swarm(lab: Lab) -> Iterator[Swarm]:
    """One manager that keeps its data elsewhere, with the images and a container."""
    archives = images.archive(lab), images.postgres(lab)
    swarm = Swarm(lab)
    engine = lab.engine("overlay2", elsewhere=True)
    for archive in archives:
        engine.docker("load", "--quiet", "--input", str(archive))
    swarm.add(engine)
    engine.docker("run", "--detach", "--name", "shop", "--network", "none", IMAGE, "sleep", "100000")
    yield swarm
    swarm.close()


def deploy(swarm: Swarm, *words: str) -> "subprocess.CompletedProcess[str]":
    # As an operator does: with no token but the one that deploy itself stores.
    home = swarm.leader.host.folder
    words = ("deploy", "--loaded", "--collectors", "1", "--wait", "600", *words)
    done = swarm.administer(swarm.leader, *words, XDG_CONFIG_HOME=str(home), MOUNTBOOK_TOKEN="")
    stored = home / "mountbook/credentials.json"
    if stored.exists():
        (swarm.admin_token,) = json.loads(stored.read_text()).values()
    return done


def test_what_is_in_the_way_is_named_and_nothing_is_changed(swarm: Swarm) -> None:
    root = swarm.leader.data_root
    good = ("--layout", f"{swarm.leader.host.name}={root}")
    # The register's password belongs to a database that is there already.
    swarm.leader.docker("volume", "create", "mountbook_postgres")
    refused = {
        (): f"--layout {swarm.leader.host.name}={root}",
        ("--layout", f"{swarm.leader.host.name}=/srv/nowhere"): f"is {root}, not /srv/nowhere",
        ("--layout", "nobody=/srv/docker"): "There is no node 'nobody'",
        (*good, "--subnet", "10.99.0.0/16"): "own address 10.99.0.1",
        (*good, "--database", "postgresql://me@db/register"): "docker secret create mountbook_postgres_password",
        good: "docker volume rm mountbook_postgres",
    }
    listener = swarm.leader.host.start(
        sys.executable,
        "-c",
        "import socket, time; s = socket.create_server(('', 9123)); time.sleep(1000)",
        log=swarm.leader.host.folder / "listener.log",
    )
    ready = swarm.leader.host.command(
        sys.executable, "-c", "import socket; socket.create_connection(('10.99.0.1', 9123))"
    )
    wait_until("something listens", lambda: subprocess.run(ready, capture_output=True, check=False).returncode == 0)
    refused[(*good, "--port", "9123")] = "something else listens on port 9123 already (10.99.0.1:9123 answers)"
    for words, said in refused.items():
        done = deploy(swarm, *words)
        assert (done.returncode, said in done.stderr) == (2, True), (words, done.stderr)
    listener.stop()
    swarm.leader.docker("volume", "rm", "mountbook_postgres")
    assert swarm.leader.docker("stack", "ls", "--format", "{{.Name}}") == ""
    assert swarm.leader.docker("secret", "ls", "--quiet") == ""
    assert labels(swarm) == {}


def labels(swarm: Swarm) -> dict[str, str]:
    found: dict[str, str] = json.loads(
        swarm.leader.docker("node", "inspect", "self", "--format", "{{json .Spec.Labels}}")
    )
    return found


def test_a_node_whose_data_lies_elsewhere_gets_an_agent_of_its_own(swarm: Swarm) -> None:
    root = swarm.leader.data_root
    done = deploy(swarm, "--hardened", "--layout", f"{swarm.leader.host.name}={root}", "--cluster", "lab")
    assert done.returncode == 0, done.stderr
    assert "1 of 1 node reports." in done.stderr
    assert labels(swarm) == {"mountbook.agent": "false", "mountbook.layout": root, "mountbook.postgres": "true"}
    (row,) = swarm.answer(swarm.leader, "nodes")["nodes"]
    assert (row["hostname"], row["engine"]["data_root"], row["engine"]["readable"]) == (
        swarm.leader.host.name,
        root,
        True,
    )
    container, _, upper = swarm.leader.docker(
        "inspect", "--format", "{{.Id}} {{.GraphDriver.Data.UpperDir}}", "shop"
    ).partition(" ")
    (found,) = swarm.answer(swarm.leader, "where", "shop")["containers"]
    assert (found["container_id"], found["diff_path"], found["resolved_by"]) == (container, upper, "layerdb")


_TRY: Final = """
import errno, json, os, socket, sys
asked = json.loads(sys.argv[1])
written = {}
for path in asked["write"]:
    try:
        open(path, "ab").close()
        written[path] = "written"
    except OSError as exc:
        written[path] = errno.errorcode[exc.errno]
try:
    socket.socket(socket.AF_UNIX).connect("/var/run/docker.sock")
    engine = "connected"
except OSError as exc:
    engine = str(exc)
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status") if ":\\t" in line)
listed = {path: sorted(os.listdir(path)) if os.path.isdir(path) else [] for path in asked["list"]}
answer = {"uid": os.getuid(), "capabilities": status["CapEff"].strip(), "written": written, "listed": listed}
print(json.dumps({**answer, "engine": engine}))
"""


def test_code_in_a_hardened_agent_cannot_write_to_containers_nor_read_secrets(swarm: Swarm) -> None:
    engine = swarm.leader
    root = engine.data_root
    engine.docker("exec", "shop", "busybox", "chmod", "1777", "/tmp")
    driver = json.loads(engine.docker("inspect", "--format", "{{json .GraphDriver.Data}}", "shop"))
    shop = engine.docker("inspect", "--format", "{{.Id}}", "shop")
    collector = engine.docker("ps", "-q", "--no-trunc", "--filter", "name=mountbook_collector")
    secrets, raft = f"{root}/containers/{collector}/mounts/secrets", f"{root}/swarm"
    assert list(engine.host.path(secrets).iterdir()), "a secret lies there"
    assert list(engine.host.path(f"{driver['MergedDir']}/bin").iterdir()), "the container runs"
    assert list(engine.host.path(raft).iterdir()), "the Swarm's keys lie there"
    write = [f"{driver[name]}/{place}/x" for name in ("MergedDir", "UpperDir") for place in ("srv", "tmp")]
    write += [f"{root}/containers/{shop}/config.v2.json", f"{root}/volumes/x"]
    look = [f"{root}/containers/{shop}", secrets, raft]
    asked = {"write": [f"/host{path}" for path in write], "list": [f"/host{path}" for path in look]}
    agent = engine.docker("ps", "-q", "--filter", "name=mountbook_agent")
    said = json.loads(engine.docker("exec", agent, "python", "-c", _TRY, json.dumps(asked)))
    assert (said["uid"], int(said["capabilities"], 16)) == (65532, 1 << 2), "CAP_DAC_READ_SEARCH and nothing else"
    assert set(said["written"].values()) <= {"EROFS", "EACCES", "ENOENT"}, said["written"]
    configuration, secret, keys = said["listed"].values()
    assert "config.v2.json" in configuration, "this it has to read"
    assert (secret, keys) == ([], [])
    assert said["engine"] != "connected"


def test_deploy_run_again_keeps_a_layout_and_a_node_cannot_be_given_back_unseen(swarm: Swarm) -> None:
    before = labels(swarm)
    done = deploy(swarm, "--layout", f"{swarm.leader.host.name}=default")
    assert (done.returncode, "--layout" in done.stderr) == (2, True), done.stderr
    done = deploy(swarm)
    assert done.returncode == 0, done.stderr
    assert labels(swarm) == before
    # Not hardened any more: another user goes on with the same volume.
    assert "1 of 1 node reports." in done.stderr


def test_the_documented_job_makes_a_report_whenever_it_is_run(swarm: Swarm) -> None:
    engine, folder = swarm.leader, swarm.leader.host.folder
    reports = folder / "reports"
    reports.mkdir()
    os.chown(reports, 65532, 65532)
    lines = operations.block("As a job of the Swarm")
    for documented, here in (
        ("NODE\n", f"{engine.host.name}\n"),
        ("/srv/reports", str(reports)),
        ("service create", "service create --no-resolve-image"),
    ):
        assert documented in lines, documented
        lines = lines.replace(documented, here)
    create, update = lines.split("docker service update")
    environment = {**engine.host.environment, "DOCKER_HOST": engine.url, "PATH": f"/usr/bin:{os.environ['PATH']}"}
    for script in (create, f"docker service update{update}"):
        done = subprocess.run(
            ["sh", "-ec", script],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        said = engine.docker("service", "logs", "mountbook-report")
        assert done.returncode == 0, (done.stderr, said)
        assert {path.name for path in reports.iterdir()} == {"coverage.pdf", "coverage.csv"}, said
        assert END["pdf"].search((reports / "coverage.pdf").read_bytes()[-512:])
        for path in reports.iterdir():
            path.unlink()
    engine.docker("service", "rm", "mountbook-report")
    engine.docker("secret", "rm", "mountbook_auditor_token")
    engine.docker("node", "update", "--label-rm", "reports", engine.host.name)


def test_undeploy_keeps_the_register_and_forgets_everything_else_when_told(swarm: Swarm) -> None:
    done = swarm.administer(swarm.leader, "undeploy", "--forget")
    assert done.returncode == 0, done.stderr
    assert labels(swarm) == {}
    assert swarm.leader.docker("service", "ls", "--quiet") == ""
    assert swarm.leader.docker("secret", "ls", "--quiet") == ""
    assert "mountbook_postgres" in swarm.leader.docker("volume", "ls", "--quiet").split()
