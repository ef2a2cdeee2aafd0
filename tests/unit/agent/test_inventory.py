"""The inventory: the engine's lists joined with the disk, and each without the other."""

import shutil
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from agent.backends.discover import look
from agent.inventory import SETTLED, Inventory, take
from agent.listing import InspectedDriver, ListedContainer, ListedImage, ListedMount, ListedVolume, Listing
from mountbook.local.dataroots import BuiltContainer, BuiltRoot, ContainerSpec, DataRootSpec, ImageSpec, build
from protocol.entries import Bind, Container, Image, Kind, Layer, LayerUse, PathKind, ResolvedBy, Role, Volume

HOST = "/var/lib/docker"
SPEC = DataRootSpec(
    driver="overlay2",
    images=(ImageSpec(name="web:1", layers=({"a": "1"}, {"b": "2"})),),
    containers=(
        ContainerSpec(name="web", image="web:1", labels={"tier": "front"}),
        ContainerSpec(name="job", image="web:1", state="exited", exit_code=3),
    ),
)


@pytest.fixture
def host(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def built(host: Path) -> BuiltRoot:
    return build(host / "var/lib/docker", SPEC)


def listed(one: BuiltContainer, *, mounts: Sequence[ListedMount] = (), status: str = "") -> ListedContainer:
    return ListedContainer(
        id=one.container_id,
        names=[f"/other/link-to-{one.name}", f"/{one.name}"],
        image=one.image,
        image_id=one.image_id,
        created=1_767_600_000,
        state=one.state,
        status=status,
        labels={"from": "the engine"},
        mounts=list(mounts),
    )


def listing(
    *containers: ListedContainer,
    images: Sequence[ListedImage] = (),
    volumes: Sequence[ListedVolume] = (),
    drivers: dict[str, InspectedDriver] | None = None,
) -> Listing:
    return Listing(tuple(containers), tuple(images), tuple(volumes), drivers or {})


def inventory(host: Path, engine: Listing | None, *, driver: str = "overlay2", after: float = 0.0) -> Inventory:
    now = time.time() + after
    return take(look(HOST, prefix=str(host), driver=driver, now=now), engine, now=now)


def containers(found: Inventory) -> dict[str, Container]:
    return {entry.key: entry for entry in found.entries if isinstance(entry, Container)}


def test_names_and_states_come_from_the_engine_and_directories_from_the_disk(host: Path, built: BuiltRoot) -> None:
    truth = built.container("web")
    found = inventory(host, listing(*map(listed, built.containers)))
    entry = containers(found)[truth.container_id]
    assert (entry.name, entry.state, entry.labels) == ("web", "running", {"from": "the engine"})
    assert (entry.mount_id, entry.resolved_by) == (truth.mount_id, ResolvedBy.LAYERDB)
    assert entry.started_at == "2026-01-05T08:00:01.5Z"
    assert not entry.ghost
    assert found.complete == dict.fromkeys(Kind, True)
    assert found.problems == ()


def test_an_exit_code_comes_from_the_record_and_without_one_from_the_status(host: Path, built: BuiltRoot) -> None:
    job = built.container("job")
    engine = listing(listed(job, status="Exited (137) 2 hours ago"))
    assert containers(inventory(host, engine))[job.container_id].exit_code == 3
    shutil.rmtree(built.path / "containers" / job.container_id)
    assert containers(inventory(host, engine))[job.container_id].exit_code == 137


def test_mounts_are_the_engines_and_binds_are_entries(host: Path, built: BuiltRoot) -> None:
    mounts = (
        ListedMount(type="volume", name="data", source=f"{HOST}/volumes/data/_data", destination="/z", driver="local"),
        ListedMount(type="bind", source="/srv/conf", destination="/conf", rw=False, mode="ro"),
        ListedMount(type="tmpfs", destination="/tmp"),
    )
    engine = listing(
        listed(built.container("web"), mounts=mounts),
        volumes=[ListedVolume(name="data", driver="local", mountpoint=f"{HOST}/volumes/data/_data", labels={"a": "b"})],
    )
    found = inventory(host, engine)
    entry = containers(found)[built.container("web").container_id]
    assert [(mount.destination, mount.rw) for mount in entry.mounts] == [("/conf", False), ("/tmp", True), ("/z", True)]
    assert [one.key for one in found.entries if isinstance(one, Bind)] == ["/srv/conf"]
    [volume] = (one for one in found.entries if isinstance(one, Volume))
    assert (volume.key, volume.labels) == ("data", {"a": "b"})
    assert {place.path: place.role for place in volume.paths} == {
        f"{HOST}/volumes/data/_data": Role.VOLUME,
        f"{HOST}/volumes/data": Role.VOLUME_DIR,
    }


def test_a_container_that_the_engine_no_longer_lists_is_a_ghost_once_it_is_settled(
    host: Path, built: BuiltRoot
) -> None:
    web, job = built.containers
    engine = listing(listed(web))
    assert containers(inventory(host, engine)).keys() == {web.container_id}
    later = containers(inventory(host, engine, after=SETTLED + 60))
    assert later[job.container_id].ghost
    assert later[job.container_id].name == "job"
    assert later[job.container_id].mount_id == job.mount_id
    assert not later[web.container_id].ghost


def test_a_container_of_a_backend_that_was_switched_off_is_a_ghost_at_once(host: Path, built: BuiltRoot) -> None:
    other = build(built.path, replace(SPEC, driver="vfs", containers=(ContainerSpec(name="old", image="web:1"),)))
    found = containers(inventory(host, listing(*map(listed, built.containers))))
    old = found[other.container("old").container_id]
    assert (old.ghost, old.backend, old.path_kind) == (True, "vfs", PathKind.FULL_VIEW)
    assert sum(entry.ghost for entry in found.values()) == 1


def test_what_is_left_of_a_container_without_its_record_is_a_ghost_too(host: Path, built: BuiltRoot) -> None:
    job = built.container("job")
    shutil.rmtree(built.path / "containers" / job.container_id)
    engine = listing(listed(built.container("web")))
    young = inventory(host, engine)
    assert job.container_id not in containers(young)
    assert not orphans(young), "its layers are named by the layer store"
    old = inventory(host, engine, after=SETTLED + 60)
    ghost = containers(old)[job.container_id]
    assert (ghost.ghost, ghost.mount_id) == (True, job.mount_id)
    assert "config.v2.json" in ghost.reason
    assert not orphans(old)


def orphans(found: Inventory) -> list[str]:
    return [one.cache_id for one in found.entries if isinstance(one, Layer) and one.use is LayerUse.ORPHAN]


def test_without_an_engine_nothing_is_a_ghost(host: Path, built: BuiltRoot) -> None:
    found = containers(inventory(host, None, after=SETTLED + 60))
    assert found.keys() == {one.container_id for one in built.containers}
    assert not any(entry.ghost for entry in found.values())


def test_a_container_that_no_backend_knows_is_unresolved_and_the_reason_names_its_backend(
    host: Path, built: BuiltRoot
) -> None:
    stranger = ListedContainer(id="f" * 64, names=["/new"], state="running")
    entry = containers(inventory(host, listing(stranger), driver="overlayfs"))["f" * 64]
    assert (entry.resolved_by, entry.backend, entry.diff_path) == (ResolvedBy.UNRESOLVED, "overlayfs", None)
    assert "overlayfs" in entry.reason
    assert HOST in entry.reason


LAYER = f"{HOST}/overlay2/{'a' * 64}"
INSPECTED = {
    "overlay2": InspectedDriver(
        "overlay2",
        {
            "UpperDir": f"{LAYER}/diff",
            "MergedDir": f"{LAYER}/merged",
            "WorkDir": f"{LAYER}/work",
            "LowerDir": f"{LAYER}-init/diff:{HOST}/overlay2/{'b' * 64}/diff",
        },
    ),
    "vfs": InspectedDriver("vfs", {"SourceDir": f"{HOST}/vfs/dir/{'a' * 64}"}),
    "zfs": InspectedDriver("zfs", {"Dataset": f"pool/docker/{'a' * 64}", "Mountpoint": f"{HOST}/zfs/graph/{'a' * 64}"}),
}
DIRECTORIES = {
    "overlay2": (f"{LAYER}/diff", PathKind.DIFF, f"{'a' * 64}-init"),
    "vfs": (f"{HOST}/vfs/dir/{'a' * 64}", PathKind.FULL_VIEW, None),
    "zfs": (f"pool/docker/{'a' * 64}", PathKind.DATASET, None),
}


@pytest.mark.parametrize("driver", INSPECTED)
def test_with_a_data_root_that_cannot_be_read_inspect_says_where(host: Path, driver: str) -> None:
    one = ListedContainer(id="c" * 64, names=["/web"], state="running", image="web:1")
    image = ListedImage(id="sha256:" + "d" * 64, repo_tags=["web:1", "<none>:<none>"], created=1_767_600_000)
    found = inventory(host, listing(one, images=[image], drivers={one.id: INSPECTED[driver]}), driver=driver)
    entry = containers(found)[one.id]
    assert (entry.mount_id, entry.resolved_by) == ("a" * 64, ResolvedBy.INSPECT)
    assert (entry.diff_path, entry.path_kind, entry.init_id) == DIRECTORIES[driver]
    assert found.complete == {kind: kind is not Kind.LAYER for kind in Kind}
    [known] = (one for one in found.entries if isinstance(one, Image))
    assert (known.tags, known.layers, known.created_at) == (("web:1",), (), "2026-01-05T08:00:00Z")


def test_inspect_that_names_nothing_leaves_the_reason_why_the_disk_could_not_be_asked(host: Path) -> None:
    one = ListedContainer(id="c" * 64, names=["/web"], state="running")
    found = inventory(host, listing(one, drivers={one.id: InspectedDriver("btrfs", None)}), driver="btrfs")
    entry = containers(found)[one.id]
    assert (entry.resolved_by, entry.backend) == (ResolvedBy.UNRESOLVED, "btrfs")
    assert "cannot be read" in entry.reason


def test_with_no_engine_and_no_disk_nothing_is_known_and_nothing_complete(host: Path) -> None:
    found = inventory(host, None)
    assert found.entries == []
    assert found.complete == dict.fromkeys(Kind, False)


def test_a_look_at_some_containers_finds_only_these_and_completes_nothing(host: Path, built: BuiltRoot) -> None:
    web, job = built.containers
    now = time.time()
    disks = look(HOST, prefix=str(host), driver="overlay2", now=now)
    found = take(disks, listing(listed(web)), only=frozenset({web.container_id, job.container_id}), now=now)
    assert [entry.key for entry in found.entries] == [web.container_id]
    assert found.complete == {}


def test_containers_that_cannot_be_listed_on_disk_remove_no_ghosts(host: Path, built: BuiltRoot) -> None:
    shutil.rmtree(built.path / "containers")
    (built.path / "containers").write_text("a file where a directory belongs")
    found = inventory(host, listing(*map(listed, built.containers)))
    assert containers(found).keys() == {one.container_id for one in built.containers}
    assert not found.complete[Kind.CONTAINER]
    assert not found.complete[Kind.BIND]
    assert found.complete[Kind.VOLUME]


def test_a_remapped_engines_data_root_is_found_below_the_other(host: Path, built: BuiltRoot) -> None:
    inner = build(
        built.path / "100000.100000",
        replace(SPEC, seed="inner", containers=(ContainerSpec(name="inner", image="web:1"),)),
    )
    found = inventory(host, None)
    entry = containers(found)[inner.container("inner").container_id]
    assert entry.root == f"{HOST}/100000.100000"
    assert entry.diff_path == f"{HOST}/100000.100000/{inner.container('inner').diff_path}"
    assert len(containers(found)) == 3


def test_names_that_are_no_text_are_written_out(host: Path, built: BuiltRoot) -> None:
    web = built.container("web")
    record = built.path / "containers" / web.container_id / "config.v2.json"
    record.write_bytes(record.read_bytes().replace(b'"tier":"front"', b'"tier":"a\\u0000b"'))
    assert containers(inventory(host, None))[web.container_id].labels == {"tier": "a\\x00b"}


@pytest.mark.parametrize("name", [b"caf\xe9", b"new\nline"])
def test_a_data_root_and_volumes_with_names_that_are_no_text(tmp_path: Path, name: bytes) -> None:
    local = tmp_path / "host"
    strange = local / "mnt" / name.decode("utf-8", "surrogateescape")
    build(strange / "docker", SPEC)
    (strange / "docker/volumes" / name.decode("utf-8", "surrogateescape") / "_data").mkdir(parents=True)
    (local / "var/lib").mkdir(parents=True)
    (local / "var/lib/docker").symlink_to(b"/mnt/" + name + b"/docker")
    found = inventory(local, None)
    assert len(containers(found)) == 2
    shown = name.decode("utf-8", "backslashreplace")
    [volume] = (one for one in found.entries if isinstance(one, Volume))
    assert volume.key == shown
    assert f"/mnt/{shown}/docker/volumes/{shown}/_data" in {place.path for place in volume.paths}
    for entry in found.entries:
        for place in entry.paths:
            place.path.encode()
