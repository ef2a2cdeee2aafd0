"""The agent's eyes: a data root on disk, an engine on its socket, and each without the other."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from agent.config import Config
from agent.errors import EngineError
from agent.lookout import Lookout
from agent.observation import Observation
from mountbook.local.dataroots import BuiltRoot, ContainerSpec, DataRootSpec, ImageSpec, VolumeSpec, build
from protocol.entries import Bind, Container, EntryKey, Kind, ResolvedBy
from tests.unit.agent.backends.image_store import ImageStore
from tests.unit.agent.fake_engine import SECRET, FakeEngine, listed

SPEC = DataRootSpec(
    driver="overlay2",
    images=(ImageSpec(name="nginx:1", layers=({"etc/base": "1"}, {"etc/nginx": "2"})),),
    volumes=(VolumeSpec(name="data"),),
    containers=(
        ContainerSpec(name="web", image="nginx:1", volumes={"/data": "data"}, environment=(SECRET,)),
        ContainerSpec(name="db", image="nginx:1", state="exited", binds={"/srv": "/srv/db"}),
    ),
)


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """Where the agent sees the host's root directory."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/hostname").write_text("node-7\n")
    (tmp_path / "var/lib").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def built(host: Path) -> BuiltRoot:
    return build(host / "var/lib/docker", SPEC)


def config(host: Path, docker_host: str = "") -> Config:
    return Config(collectors=("http://c",), token="t", docker_host=docker_host, host_root=str(host))


def serve(engine: FakeEngine, built: BuiltRoot) -> None:
    """Let the engine list what is on disk."""
    engine.info |= {"DockerRootDir": "/var/lib/docker", "Name": "node-7"}
    engine.containers = {
        one.container_id: listed(one.container_id, one.name, one.state, Image=one.image) for one in built.containers
    }
    engine.containers[built.container("db").container_id]["Mounts"] = [
        {"Type": "bind", "Source": "/srv/db", "Destination": "/srv", "RW": True}
    ]


@contextmanager
def connected(engine: FakeEngine, host: Path) -> Iterator[Lookout]:
    with Lookout(config(host, engine.address)) as lookout:
        stream = lookout.subscribe()
        try:
            yield lookout
        finally:
            stream.close()


def containers(found: Observation) -> dict[str, Container]:
    return {entry.name: entry for entry in found.entries.values() if isinstance(entry, Container)}


class TestFilesOnly:
    def test_the_disk_says_what_there_is_and_where(self, host: Path, built: BuiltRoot) -> None:
        with Lookout(config(host)) as lookout:
            found = lookout.look(None, 1)
        seen = containers(found)
        assert {name: one.state for name, one in seen.items()} == {"web": "running", "db": "exited"}
        assert seen["web"].diff_path == f"/var/lib/docker/{built.container('web').diff_path}"
        assert found.complete == dict.fromkeys(Kind, True)
        assert found.asked is None

    def test_the_engine_is_described_as_far_as_the_disk_tells(self, host: Path, built: BuiltRoot) -> None:
        (built.path / "engine-id").write_text("engine-7")
        with Lookout(config(host)) as lookout:
            lookout.look(None, 1)
            said = lookout.engine
        assert (said.hostname, said.engine_id, said.data_root) == ("node-7", "engine-7", "/var/lib/docker")
        assert (said.socket, said.readable) == (False, True)

    def test_no_secret_of_a_container_is_seen(self, host: Path, built: BuiltRoot) -> None:
        planted = [path for path in built.path.rglob("*.json") if SECRET in path.read_text()]
        assert planted, "the secret is on disk"
        with Lookout(config(host)) as lookout:
            assert SECRET not in repr(lookout.look(None, 1))

    def test_a_data_root_that_is_a_link_is_read_where_it_leads(self, host: Path) -> None:
        build(host / "srv/docker", SPEC)
        (host / "var/lib/docker").symlink_to("/srv/docker")
        with Lookout(config(host)) as lookout:
            assert lookout.local_root == f"{host}/srv/docker"
            assert len(containers(lookout.look(None, 1))) == 2

    def test_a_containerd_that_lies_elsewhere_is_read_where_the_configuration_says(self, host: Path) -> None:
        store = ImageStore(host / "srv/docker", root=host / "data/containerd")
        store.container("1" * 64, store.image("docker.io/library/base:1", ["a"]))
        store.write()
        elsewhere = replace(config(host), data_root="/srv/docker")
        with Lookout(elsewhere) as lookout:
            assert lookout.look(None, 1).backends == ()
        with Lookout(replace(elsewhere, containerd_root="/data/containerd")) as lookout:
            (backend,) = lookout.look(None, 1).backends
        assert (backend.root, backend.name, backend.type) == ("/srv/docker", "overlayfs", "snapshotter")

    def test_a_data_root_that_is_not_there_is_a_problem_and_no_crash(self, host: Path) -> None:
        with Lookout(config(host)) as lookout:
            found = lookout.look(None, 1)
            assert not lookout.engine.readable
        assert (dict(found.entries), bool(found.problems)) == ({}, True)
        assert not found.complete[Kind.CONTAINER], "what was there before is not called gone"


class TestWithAnEngine:
    def test_the_engine_says_what_there_is_and_the_disk_where(
        self, host: Path, built: BuiltRoot, fake_engine: FakeEngine
    ) -> None:
        serve(fake_engine, built)
        with connected(fake_engine, host) as lookout:
            found = lookout.look(None, 1)
            assert (lookout.engine.socket, lookout.engine.readable, lookout.connected) == (True, True, True)
        web = containers(found)["web"]
        assert (web.resolved_by, web.labels) == (ResolvedBy.LAYERDB, {"com.docker.swarm.service.name": "web"})
        assert EntryKey(Kind.BIND, "/var/lib/docker", "/srv/db") in found.entries

    def test_a_look_at_one_container_brings_it_and_its_binds_and_says_what_is_gone(
        self, host: Path, built: BuiltRoot, fake_engine: FakeEngine
    ) -> None:
        serve(fake_engine, built)
        one, gone = built.container("db").container_id, "f" * 64
        with connected(fake_engine, host) as lookout:
            everything = lookout.look(None, 1)
            found = lookout.look(frozenset({one, gone}), 1)
        assert {type(entry) for entry in found.entries.values()} == {Container, Bind}
        assert found.hashes.items() <= everything.hashes.items(), "both looks see the same"
        assert found.gone(EntryKey(Kind.CONTAINER, "/var/lib/docker", gone))
        assert not found.gone(EntryKey(Kind.CONTAINER, "/var/lib/docker", one))

    def test_a_container_of_which_only_files_are_left_is_gone(
        self, host: Path, built: BuiltRoot, fake_engine: FakeEngine
    ) -> None:
        serve(fake_engine, built)
        one = built.container("db").container_id
        del fake_engine.containers[one]
        with connected(fake_engine, host) as lookout:
            assert lookout.look(frozenset({one}), 1).gone(EntryKey(Kind.CONTAINER, "/var/lib/docker", one))

    def test_an_engine_that_went_away_is_an_error_and_the_disk_is_not_believed(
        self, host: Path, built: BuiltRoot, fake_engine: FakeEngine
    ) -> None:
        serve(fake_engine, built)
        with connected(fake_engine, host) as lookout:
            fake_engine.hangs_up = True
            with pytest.raises(EngineError):
                lookout.look(None, 1)
            with pytest.raises(EngineError):
                lookout.subscribe()
            assert lookout.connected

    def test_a_change_of_the_engine_is_seen_at_the_next_full_look(
        self, host: Path, built: BuiltRoot, fake_engine: FakeEngine
    ) -> None:
        serve(fake_engine, built)
        with connected(fake_engine, host) as lookout:
            fake_engine.info["Swarm"] = {"NodeID": "node", "ControlAvailable": True}
            lookout.look(None, 1)
            assert (lookout.engine.swarm_node, lookout.engine.manager) == ("node", True)


class TestWithoutTheDataRoot:
    def test_what_inspect_knows_is_reported_and_asked_for_once(self, host: Path, fake_engine: FakeEngine) -> None:
        one = "1" * 64
        fake_engine.info |= {"DockerRootDir": "/var/lib/docker", "Driver": "overlay2"}
        fake_engine.containers = {one: listed(one, "web")}
        layer = "/var/lib/docker/overlay2/abc"
        driver = {"Name": "overlay2", "Data": {"UpperDir": f"{layer}/diff", "LowerDir": f"{layer}-init/diff:x"}}
        fake_engine.inspected = {one: {"GraphDriver": driver}}
        with connected(fake_engine, host) as lookout:
            found = lookout.look(None, 1)
            lookout.look(None, 1)
            lookout.look(frozenset({one}), 1)
            assert not lookout.engine.readable
        web = containers(found)["web"]
        assert (web.diff_path, web.resolved_by) == (f"{layer}/diff", ResolvedBy.INSPECT)
        assert fake_engine.asked.count(f"containers/{one}/json") == 1

    def test_the_hosts_own_name_is_used_when_nothing_else_says_it(self, tmp_path: Path) -> None:
        with Lookout(config(tmp_path)) as lookout:
            lookout.look(None, 1)
            assert lookout.engine.hostname == os.uname().nodename
