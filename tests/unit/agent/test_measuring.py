"""Sizes of real trees, measured in their thread and told in messages."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from agent.measuring import Measuring
from agent.observation import Observation
from agent.outcome import Outcome, Unreachable
from agent.sizes import Pace
from agent.survey import KEPT, Measured, Surveyor, Target, target
from protocol.entries import Bind, Container, Entry, EntryKey, Kind, Layer, LayerUse, PathKind, Place, Role, Volume
from protocol.usage import Part, Usage, UsageReply

GENERATION = "1-" + "a" * 16


def container(root: Path, name: str) -> Container:
    layer = f"{root}/overlay2/{name}"
    return Container(
        root=str(root),
        key=name,
        diff_path=f"{layer}/diff",
        path_kind=PathKind.DIFF,
        paths=(
            Place(layer, Role.WRITABLE, ("diff", "merged")),
            Place(f"{layer}-init", Role.INIT, ("diff", "merged")),
            Place(f"{root}/containers/{name}", Role.CONTAINER_DIR),
        ),
    )


def write(path: Path, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A data root with one container: 40,000 bytes of its own, 8,000 of logs."""
    write(tmp_path / "overlay2/web/diff/data", 40_000)
    write(tmp_path / "overlay2/web-init/diff/etc/hosts", 0)
    write(tmp_path / "containers/web/web-json.log", 8_000)
    return tmp_path


def look(*entries: Entry) -> Observation:
    return Observation.of(entries, at=0.0, complete=dict.fromkeys(Kind, True))


class Register:
    """A collector that keeps messages, and answers as it is told."""

    def __init__(self, *answers: Outcome) -> None:
        self.messages: list[Usage] = []
        self._answers = list(answers)

    async def send(self, message: Usage) -> Outcome:
        self.messages.append(message)
        if self._answers:
            return self._answers.pop(0)
        return UsageReply(server_time=0.0, stored=len(message.measurements), unknown=0)

    @property
    def measurements(self) -> dict[tuple[str, Part], int]:
        return {(one.entry.key, one.part): one.bytes for message in self.messages for one in message.measurements}


@contextmanager
def started(measuring: Measuring) -> Iterator[Measuring]:
    measuring.start()
    try:
        yield measuring
    finally:
        measuring.stop()


async def run_until(measuring: Measuring, register: Register, enough: int) -> None:
    """Let it tell until the register has so many measurements."""
    task = asyncio.create_task(measuring.run(lambda: GENERATION, register.send))
    for _ in range(1000):
        if len(register.measurements) >= enough:
            break
        await asyncio.sleep(0.01)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert len(register.measurements) >= enough


async def test_a_container_is_measured_part_by_part_and_told_with_its_room(root: Path) -> None:
    register = Register()
    with started(Measuring(1.0, every=0.02)) as measuring:
        measuring.observe(look(container(root, "web")))
        await run_until(measuring, register, 3)
    sizes = register.measurements
    assert set(sizes) == {("web", Part.WRITABLE), ("web", Part.INIT), ("web", Part.CONTAINER_DIR)}
    assert sizes["web", Part.WRITABLE] >= 40_000
    assert 8_000 <= sizes["web", Part.CONTAINER_DIR] < 40_000
    message = register.messages[-1]
    assert message.generation == GENERATION
    (room,) = message.rooms
    assert room.path == str(root)
    assert 0 < room.free_bytes <= room.total_bytes


async def test_what_did_not_reach_the_register_is_measured_again(root: Path) -> None:
    now = 1000.0
    register = Register(Unreachable("away"))
    measuring = Measuring(1.0, every=0.01, clock=lambda: now)
    with started(measuring):
        measuring.observe(look(container(root, "web")))
        await run_until(measuring, register, 3)
        told = len(register.messages)
        now += 310.0
        measuring.observe(look(container(root, "web")))
        register.messages.clear()
        await run_until(measuring, register, 3)
    assert told >= 1


async def test_nothing_is_told_while_the_register_is_not_in_step(root: Path) -> None:
    register = Register()
    with started(Measuring(1.0, every=0.0)) as measuring:
        measuring.observe(look(container(root, "web")))
        task = asyncio.create_task(measuring.run(lambda: None, register.send))
        for _ in range(20):
            await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    assert register.messages == []


def test_parts_that_are_not_there_are_left_out(root: Path) -> None:
    one = target(container(root, "gone"))
    assert one is not None
    assert Surveyor(1.0).measure(one).sizes == ()


def test_paths_are_found_below_the_hosts_root_with_their_links(tmp_path: Path) -> None:
    host = tmp_path / "host"
    write(host / "data/docker/overlay2/web/diff/file", 5_000)
    (host / "var/lib").mkdir(parents=True)
    (host / "var/lib/docker").symlink_to("/data/docker")
    one = target(container(Path("/var/lib/docker"), "web"))
    assert one is not None
    ((part, size),) = Surveyor(1.0, str(host)).measure(one).sizes
    assert (part, size.inodes) == (Part.WRITABLE, 2)
    assert [room.path for room in Surveyor(1.0, str(host)).rooms(["/var/lib/docker", "/nowhere"])] == [
        "/var/lib/docker"
    ]


def test_devices_datasets_plugins_volumes_and_binds_are_not_walked() -> None:
    device = Container(root="/d", key="c", diff_path="/dev/mapper/x", path_kind=PathKind.BLOCK_DEVICE)
    assert target(device) is not None
    assert target(device) == target(Container(root="/d", key="c", diff_path="tank/x", path_kind=PathKind.DATASET))
    assert [one.parts for one in [target(device)] if one is not None] == [()]
    assert target(Layer(root="/d", key="k", diff_path="tank/x", path_kind=PathKind.DATASET)) is None
    assert target(Volume(root="/d", key="v", driver="nfs", mountpoint="/mnt/v")) is None
    assert target(Bind(root="/d", key="/")) is None


def test_image_layers_stand_still_and_leftovers_do_not() -> None:
    def layer(use: LayerUse) -> Layer:
        return Layer(root="/d", key="k", diff_path="/d/x", path_kind=PathKind.DIFF, use=use)

    still = {use: one.still for use in LayerUse if (one := target(layer(use))) is not None}
    assert still == {use: use is LayerUse.IMAGE for use in LayerUse}


def test_a_measurement_stops_in_the_middle_when_it_is_told_to(tmp_path: Path) -> None:
    for number in range(5_000):
        (tmp_path / str(number)).touch()
    one = target(Volume(root=str(tmp_path), key="v", driver="local", mountpoint=str(tmp_path)))
    assert one is not None
    surveyor = Surveyor(1e-9)  # at this pace it would take months
    surveyor.start()
    surveyor.give([one])
    surveyor.stop()
    assert surveyor.take() == []


class Counting(Surveyor):
    """A measurer that counts."""

    measured = 0

    def measure(self, one: Target, pace: Pace | None = None) -> Measured:
        self.measured += 1
        return super().measure(one, pace)


def test_the_measurer_rests_while_nobody_takes_what_it_found_and_loses_nothing(root: Path) -> None:
    parts = ((Part.LAYER, str(root / "overlay2/web-init")),)
    targets = [Target(EntryKey(Kind.LAYER, str(root), str(number)), parts) for number in range(KEPT + 100)]
    surveyor = Counting(1.0)
    surveyor.start()
    try:
        surveyor.give(targets)
        _await(lambda: surveyor.measured >= KEPT)
        time.sleep(0.05)
        assert surveyor.measured == KEPT
        found = surveyor.take(200)
        _await(lambda: surveyor.measured >= KEPT + 100)
    finally:
        surveyor.stop()
    found += surveyor.take()
    assert [one.target.key for one in found] == [one.key for one in targets]


def _await(reached: Callable[[], bool]) -> None:
    for _ in range(6_000):
        if reached():
            return
        time.sleep(0.01)
    raise AssertionError("the measurer did not get there in a minute")
