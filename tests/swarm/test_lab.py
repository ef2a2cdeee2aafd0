"""The lab itself: engines of every driver answer, and a dead test run leaves nothing for good."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.swarm.engines import GRAPH_DRIVERS, IMAGE, SNAPSHOTTERS, GraphDriver, Snapshotter
from tests.swarm.hosts import wait_until
from tests.swarm.lab import Lab, sweep

pytestmark = pytest.mark.lab

_RUN_THAT_DIES = """
import os, signal
from tests.swarm.engines import IMAGE
from tests.swarm.lab import Lab
engine = (lab := Lab()).engine("btrfs")
engine.docker("run", "--detach", IMAGE, "sleep", "1000")
print(lab.folder, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def losetup() -> str:
    return subprocess.run(["losetup", "--all"], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("driver", GRAPH_DRIVERS)
def test_an_engine_of_every_driver_runs_a_container(lab: Lab, driver: GraphDriver) -> None:
    engine = lab.engine(driver)
    assert engine.docker("info", "--format", "{{.Driver}}") == driver
    container = engine.docker("run", "--detach", IMAGE, "sh", "-c", "echo written >/srv/file; sleep 1000")
    assert engine.docker("exec", container, "cat", "/srv/file") == "written"
    lab.retire(engine)


@pytest.mark.parametrize("snapshotter", SNAPSHOTTERS)
def test_a_newer_engine_runs_a_container_from_the_containerd_image_store(lab: Lab, snapshotter: Snapshotter) -> None:
    engine = lab.engine(snapshotter, release="trixie")
    assert engine.docker("info", "--format", "{{.Driver}}") == snapshotter
    container = engine.docker("run", "--detach", IMAGE, "sleep", "1000")
    assert engine.docker("inspect", "--format", "{{json .GraphDriver.Data}}", container) == "null"
    lab.retire(engine)


def test_two_engines_are_two_machines(lab: Lab) -> None:
    one, two = lab.engine(), lab.engine()
    one.docker("create", "--name", "only-here", IMAGE, "sleep", "1")
    assert two.docker("ps", "--all", "--quiet") == ""
    assert one.docker("info", "--format", "{{.ID}}") != two.docker("info", "--format", "{{.ID}}")
    lab.retire(one)
    lab.retire(two)


def test_a_killed_engine_leaves_its_containers_running_and_finds_them_again(lab: Lab) -> None:
    engine = lab.engine("overlay2", "--live-restore")
    container = engine.docker("run", "--detach", IMAGE, "sleep", "1000")
    engine.kill()
    engine.start("--live-restore")
    assert engine.docker("inspect", "--format", "{{.State.Running}}", container) == "true"
    lab.retire(engine)


def test_what_a_killed_test_run_left_is_swept(lab: Lab) -> None:
    died = subprocess.run([sys.executable, "-c", _RUN_THAT_DIES], capture_output=True, text=True, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
    folder = Path(died.stdout.strip())
    assert folder.exists()
    sweep()
    assert not folder.exists()
    wait_until("its loop device is free", lambda: str(folder) not in losetup())
    assert not any(folder.name in group for group, _, _ in os.walk("/sys/fs/cgroup"))


def test_sweeping_leaves_a_lab_alone_whose_test_run_lives(lab: Lab) -> None:
    engine = lab.engine()
    sweep()
    assert engine.docker("ps", "--quiet") == ""
    lab.retire(engine)
