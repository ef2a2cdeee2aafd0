"""The seam to the engine, over a real unix socket."""

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.engine import Engine, Event, EventStream
from agent.errors import EngineForbiddenError, EngineQuietError, EngineRefusedError, EngineUnavailableError
from agent.listing import ListedContainer
from tests.unit.agent.fake_engine import SECRET, FakeEngine, listed

ONE, TWO = "1" * 64, "2" * 64


@contextlib.contextmanager
def nobody() -> Iterator[None]:
    """Root may use every socket: be somebody else for a while."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


@pytest.fixture
def engine(fake_engine: FakeEngine) -> Iterator[Engine]:
    with Engine(fake_engine.address, timeout=5.0) as engine:
        yield engine


class TestInfo:
    def test_says_which_engine_and_node_it_is(self, engine: Engine, fake_engine: FakeEngine) -> None:
        fake_engine.info |= {
            "ServerVersion": "20.10.24",
            "DockerRootDir": "/var/lib/docker/165536.165536",
            "Swarm": {"NodeID": "node-1", "ControlAvailable": True, "Cluster": {"ID": "cluster-1"}},
            "SecurityOptions": ["name=seccomp,profile=default", "name=userns"],
            "HttpProxy": f"http://user:{SECRET}@proxy",
        }
        facts = engine.info()
        said = facts.engine
        assert (said.engine_id, said.swarm_node, said.swarm_cluster, said.manager) == (
            *("ENGINE", "node-1", "cluster-1"),
            True,
        )
        assert (said.data_root, said.api_version) == ("/var/lib/docker/165536.165536", "1.41")
        assert (facts.userns_remap, facts.rootless, facts.snapshotter) == (True, False, False)
        assert SECRET not in repr(facts)

    def test_tells_a_worker_from_a_manager(self, engine: Engine, fake_engine: FakeEngine) -> None:
        fake_engine.info["Swarm"] = {"NodeID": "node-1", "ControlAvailable": False, "Cluster": None}
        assert engine.info().engine.swarm_cluster == ""

    def test_says_when_the_containerd_image_store_is_in_use(self, engine: Engine, fake_engine: FakeEngine) -> None:
        fake_engine.info |= {
            "Driver": "overlayfs",
            "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]],
            "Containerd": {"Address": "/run/containerd.sock", "Namespaces": {"Containers": "moby"}},
        }
        facts = engine.info()
        assert (facts.snapshotter, facts.containerd_address, facts.containerd_namespace) == (
            *(True, "/run/containerd.sock"),
            "moby",
        )


class TestListing:
    def test_has_every_container_image_and_volume(self, engine: Engine, fake_engine: FakeEngine) -> None:
        fake_engine.containers = {ONE: listed(ONE, "web"), TWO: listed(TWO, "db", "exited")}
        fake_engine.images = [{"Id": "sha256:a", "RepoTags": None, "RepoDigests": [], "Created": 1}]
        fake_engine.volumes = [{"Name": "data", "Driver": "local", "Options": {"o": SECRET}, "Labels": None}]
        listing = engine.listing()
        assert [one.id for one in listing.containers] == [ONE, TWO]
        assert ([one.id for one in listing.images], [one.name for one in listing.volumes]) == (["sha256:a"], ["data"])

    def test_carries_no_secret(self, engine: Engine, fake_engine: FakeEngine) -> None:
        fake_engine.containers = {ONE: listed(ONE, "web", Env=[SECRET])}
        fake_engine.volumes = [{"Name": "data", "Options": {"o": SECRET}}]
        assert SECRET not in repr(engine.listing())

    def test_of_an_empty_engine_is_empty(self, engine: Engine) -> None:
        listing = engine.listing()
        assert (listing.containers, listing.images, listing.volumes) == ((), (), ())

    def test_can_be_of_some_containers(self, engine: Engine, fake_engine: FakeEngine) -> None:
        fake_engine.containers = {ONE: listed(ONE, "web"), TWO: listed(TWO, "db")}
        found = engine.containers({TWO, "3" * 64})
        assert [(type(one), one.id) for one in found] == [(ListedContainer, TWO)]

    def test_asks_for_the_drivers_of_containers_that_still_exist(self, engine: Engine, fake_engine: FakeEngine) -> None:
        fake_engine.inspected = {
            ONE: {"GraphDriver": {"Name": "overlay2", "Data": {"UpperDir": "/d"}}, "Config": {"Env": [SECRET]}},
            TWO: {"GraphDriver": {"Name": "overlayfs", "Data": None}},
        }
        drivers = engine.inspect_drivers([ONE, TWO, "3" * 64])
        assert sorted(drivers) == [ONE, TWO]
        assert (drivers[ONE].data, drivers[TWO].data) == ({"UpperDir": "/d"}, None)


class TestEvents:
    def test_come_as_type_action_and_actor(self, engine: Engine, fake_engine: FakeEngine) -> None:
        stream = engine.events()
        fake_engine.emit("container", "start", ONE)
        event = next(iter(stream))
        assert (event.type, event.action, event.actor.id) == ("container", "start", ONE)
        stream.close()

    def test_come_whole_when_they_arrive_in_pieces(self, engine: Engine, fake_engine: FakeEngine) -> None:
        stream = iter(engine.events())
        fake_engine.emit_raw(b'{"Type":"container","Action":"die","Actor":{"ID":"a"}}\n{"Type":"vol')
        fake_engine.emit_raw(b'ume","Action":"create","Actor":{"ID":"b"}}\n')
        assert [(event.type, event.actor.id) for event in (next(stream), next(stream))] == [
            ("container", "a"),
            ("volume", "b"),
        ]

    def test_that_make_no_sense_become_the_empty_event(self, engine: Engine, fake_engine: FakeEngine) -> None:
        stream = iter(engine.events())
        fake_engine.emit_raw(b'{"Type": 7}\n')
        assert next(stream) == Event()

    def test_end_in_an_error_when_the_engine_ends_them(self, engine: Engine, fake_engine: FakeEngine) -> None:
        stream = engine.events()
        fake_engine.end_streams()
        with pytest.raises(EngineUnavailableError, match="ended the event stream"):
            next(iter(stream))

    def test_end_in_an_error_when_nothing_comes_for_too_long(self, engine: Engine) -> None:
        with pytest.raises(EngineQuietError, match="sent no event for"):
            next(iter(engine.events(quiet=0.05)))

    def test_end_quietly_when_another_thread_closes_them(self, engine: Engine, fake_engine: FakeEngine) -> None:
        stream = engine.events()
        got: list[Event] = []
        reader = threading.Thread(target=_collect, args=(stream, got))
        reader.start()
        fake_engine.emit("container", "start", ONE)
        while not got:
            threading.Event().wait(0.01)
        stream.close()
        stream.close()
        reader.join(10)
        assert not reader.is_alive(), "the reader still waits"

    def test_cannot_be_had_from_an_engine_that_refuses(self, engine: Engine, fake_engine: FakeEngine) -> None:
        fake_engine.fail["events"] = 500
        with pytest.raises(EngineRefusedError, match="/events with 500"):
            engine.events()


def _collect(stream: EventStream, got: list[Event]) -> None:
    for event in stream:
        got.append(event)  # noqa: PERF402 - the test wants each at once


class TestErrors:
    def test_no_socket_means_no_engine(self, tmp_path: Path) -> None:
        with pytest.raises(EngineUnavailableError, match="is it running"):
            Engine(f"unix://{tmp_path}/absent.sock")

    def test_a_socket_that_nobody_serves_means_no_engine(self, engine_socket: Path) -> None:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(engine_socket))
        with pytest.raises(EngineUnavailableError, match="is it running"):
            Engine(f"unix://{engine_socket}")

    def test_a_socket_of_others_says_what_to_do(self, fake_engine: FakeEngine) -> None:
        fake_engine.path.chmod(0)
        with nobody(), pytest.raises(EngineForbiddenError, match="group docker"):
            Engine(fake_engine.address)

    def test_an_error_of_the_engine_is_quoted(self, engine: Engine, fake_engine: FakeEngine) -> None:
        fake_engine.fail["info"] = 500
        with pytest.raises(EngineRefusedError, match="the test says so"):
            engine.info()

    def test_garbage_is_refused(self, engine: Engine, fake_engine: FakeEngine) -> None:
        fake_engine.garbage["containers/json"] = b'[{"Id": 7}]'
        with pytest.raises(EngineRefusedError, match="containers/json"):
            engine.listing()

    def test_an_engine_that_hangs_up_is_unavailable(self, engine: Engine, fake_engine: FakeEngine) -> None:
        fake_engine.hangs_up = True
        with pytest.raises(EngineUnavailableError, match="cannot be reached"):
            engine.info()
