"""End to end on a real engine: ``mountbook up`` on its machine, and the questions that an operator asks there."""

import grp
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, Self

import pytest

from protocol.entries import ResolvedBy
from tests.swarm.engines import IMAGE, Engine
from tests.swarm.hosts import wait_until
from tests.swarm.lab import Lab
from tests.swarm.pythons import ROOT, for_everybody

pytestmark = pytest.mark.lab

NOBODY = 65534


class Register:
    """``mountbook up`` on an engine's host, until it is closed."""

    def __init__(self, engine: Engine, user: tuple[int, int] | None = None) -> None:
        self._host = engine.host
        self._user = user
        self._data = engine.host.folder / "register"
        self._data.mkdir(exist_ok=True)
        self._python, self._environment = sys.executable, {"PYTHONPATH": str(ROOT)}
        if user:
            self._python, self._environment = for_everybody(engine.host)
            self._environment["HOME"] = str(self._data)
            os.chown(self._data, *user)
        self.log = engine.host.folder / "up.log"
        command = (self._python, "-m", "mountbook", "up", "--data", str(self._data))
        self.process = self._host.start(*command, log=self.log, user=user, **self._environment)
        wait_until("mountbook up answers", lambda: self.ask("nodes").returncode == 0 or not self.process.running)
        assert self.process.running, self.log.read_text()

    def ask(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run the command on the host, as the same user, and return how it ended."""
        command = (self._python, "-m", "mountbook", *words)
        return self._host.run(*command, user=self._user, check=False, **self._environment)

    def answer(self, *words: str) -> Any:
        """Return the command's answer as an object."""
        done = self.ask(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def close(self) -> None:
        """Stop it as Ctrl-C does."""
        assert self.process.stop(signal.SIGINT) in {0, 130}, self.log.read_text()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def only(containers: list[dict[str, Any]]) -> dict[str, Any]:
    assert len(containers) == 1, [container["name"] for container in containers]
    return containers[0]


@pytest.fixture(scope="module")
def engine(lab: Lab) -> Iterator[Engine]:
    engine = lab.engine()
    engine.docker("run", "-d", "--name", "web", "--volume", "data:/data", IMAGE, "sleep", "1000")
    engine.docker("exec", "web", "sh", "-c", "mkdir /srv/deep; echo hello >/srv/deep/file")
    engine.docker("run", "--name", "done", IMAGE, "touch", "/srv/done")
    yield engine
    lab.retire(engine)


@pytest.fixture(scope="module")
def register(engine: Engine) -> Iterator[Register]:
    with Register(engine) as register:
        wait_until("the register has both containers", lambda: len(register.answer("ls")) == 2)
        yield register


def test_where_gives_the_directory_that_holds_a_running_containers_file(register: Register, engine: Engine) -> None:
    web = only(register.answer("where", "web")["containers"])
    assert web["resolved_by"] == ResolvedBy.LAYERDB
    assert engine.host.path(f"{web['diff_path']}/srv/deep/file").read_text() == "hello\n"


def test_where_gives_the_directory_of_a_stopped_container(register: Register, engine: Engine) -> None:
    done = only(register.answer("where", "done")["containers"])
    assert done["state"] == "exited"
    assert engine.host.path(f"{done['diff_path']}/srv/done").exists()


@pytest.mark.parametrize("name", ["web", "done"])
def test_whose_names_the_container_and_the_path_inside_it(register: Register, engine: Engine, name: str) -> None:
    inside = "/srv/deep/file" if name == "web" else "/srv/done"
    container = only(register.answer("where", name)["containers"])
    (answer,) = register.answer("whose", container["diff_path"] + inside)["answers"]
    (owner,) = answer["owners"]
    assert (owner["kind"], owner["name"], owner["inside"]) == ("container", name, inside)


def test_whose_names_every_line_of_du(register: Register, engine: Engine) -> None:
    home = f"{engine.data_root}/overlay2"
    listed = engine.host.run("du", "-d1", home).stdout
    path = engine.host.folder / "du"
    path.write_text(listed)
    done = engine.host.run(
        "sh", "-c", f"{sys.executable} -m mountbook whose - <{path}", check=False, PYTHONPATH=str(ROOT)
    )
    asked = listed.splitlines()
    answered = [answer.removeprefix(line).strip() for line, answer in zip(asked, done.stdout.splitlines(), strict=True)]
    owners = {line.split("\t")[1].removeprefix(home): owner for line, owner in zip(asked, answered, strict=True)}
    assert "nobody known" not in owners.values()
    assert all(owners.values())
    assert "overlay2" in owners["/l"]
    assert "overlay2" in owners[""]
    web = only(register.answer("where", "web")["containers"])
    assert "web" in owners[f"/{web['mount_id']}"]
    assert "web" in owners[f"/{web['init_id']}"]
    (link,) = (path for path, role, *_ in web["paths"] if role == "link")
    (answer,) = register.answer("whose", f"{link}/srv/deep/file")["answers"]
    assert [(one["name"], one["inside"]) for one in answer["owners"]] == [("web", "/srv/deep/file")]


def test_whose_names_a_volume_and_who_mounts_it(register: Register, engine: Engine) -> None:
    (answer,) = register.answer("whose", f"{engine.data_root}/volumes/data/_data/some/file")["answers"]
    (owner,) = answer["owners"]
    assert (owner["kind"], owner["key"]) == ("volume", "data")
    assert [container["name"] for container in owner["containers"]] == ["web"]


def test_a_container_appears_and_disappears_as_the_engine_makes_and_removes_it(
    register: Register, engine: Engine
) -> None:
    engine.docker("run", "-d", "--name", "later", IMAGE, "sleep", "1000")
    wait_until("the new container is known", lambda: register.ask("where", "later").returncode == 0)
    engine.docker("rm", "--force", "later")
    wait_until("the removed container is gone", lambda: register.ask("where", "later").returncode == 1)


def test_what_is_not_there_is_a_sentence_and_exit_status_1(register: Register) -> None:
    done = register.ask("where", "nobody-is-called-that")
    assert done.returncode == 1
    assert "nobody-is-called-that" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_second_start_keeps_what_the_first_one_knew(engine: Engine, register: Register) -> None:
    before = only(register.answer("where", "web")["containers"])
    register.process.stop(signal.SIGINT)
    with Register(engine) as again:
        wait_until("the register knows the container", lambda: again.ask("where", "web").returncode == 0)
        assert only(again.answer("where", "web")["containers"])["diff_path"] == before["diff_path"]


def test_a_user_of_the_docker_group_gets_what_inspect_knows(lab: Lab) -> None:
    engine = lab.engine()
    engine.docker("run", "-d", "--name", "web", IMAGE, "sleep", "1000")
    engine.docker("exec", "web", "touch", "/srv/file")
    with Register(engine, (NOBODY, grp.getgrnam("docker").gr_gid)) as register:
        wait_until("the container is known", lambda: register.ask("where", "web").returncode == 0)
        web = only(register.answer("where", "web")["containers"])
        assert web["resolved_by"] == ResolvedBy.INSPECT
        assert engine.host.path(f"{web['diff_path']}/srv/file").exists()
        assert "sudo" in register.log.read_text(), "nothing says how to see the rest"
    lab.retire(engine)
