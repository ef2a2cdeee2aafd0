"""From a disk through a real agent's measuring to ``df``, ``top`` and ``orphans``: the figures are those of ``du``."""

import os
import subprocess
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from mountbook import sizes
from mountbook.local.dataroots import BuiltRoot, ContainerSpec, DataRootSpec, ImageSpec, VolumeSpec, build
from protocol.sizes import DiskUse, NodeUse, Share, Size, Top
from tests.integration.living import DATA_ROOT, Living, eventually

BASE = {"etc/os-release": "ID=test\n"}
SPEC = DataRootSpec(
    driver="overlay2",
    images=(ImageSpec(name="web:1", layers=(BASE, {"srv/main.py": "serve()\n" * 5000})),),
    containers=(
        ContainerSpec(name="web", image="web:1", files={"tmp/a/b": "x" * 70_000}, volumes={"/data": "data"}),
        ContainerSpec(name="done", image="web:1", state="exited"),
    ),
    volumes=(VolumeSpec(name="data", files={"base/1": "0" * 9000}),),
)
LEAK = f"{7:064x}"


def du(*trees: Path) -> tuple[int, int]:
    """Return what ``du`` says of the trees, each for itself: bytes in blocks, and inodes."""
    totals = []
    for unit in (["--block-size=1"], ["--inodes"]):
        found = [
            subprocess.run(["du", "--summarize", *unit, str(tree)], capture_output=True, text=True, check=True).stdout
            for tree in trees
        ]
        totals.append(sum(int(line.split()[0]) for line in found))
    return totals[0], totals[1]


def odd_files(directory: Path) -> None:
    """Write what is counted wrongly at once: a sparse file, one with several names, one of nothing, a link, a fifo."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "sparse").open("wb") as file:
        file.seek(64 * 1024 * 1024)
        file.write(b"end")
    (directory / "one").write_bytes(b"1" * 50_000)
    for name in ("two", "three"):
        os.link(directory / "one", directory / name)
    (directory / "empty").touch()
    (directory / "link").symlink_to("one")
    os.mkfifo(directory / "fifo")


@pytest.fixture(params=["overlay2", "vfs"])
def root(tmp_path: Path, request: pytest.FixtureRequest) -> BuiltRoot:
    """A node's data root with odd files in every kind of tree, and a leaked layer."""
    built = build(tmp_path / "n1" / DATA_ROOT[1:], replace(SPEC, driver=request.param))
    odd_files(built.path / built.container("web").diff_path / "var")
    odd_files(built.path / "containers" / built.container("web").container_id / "logs")
    odd_files(built.path / "volumes/data/_data/odd")
    leaked = layers(built) / LEAK
    odd_files(leaked / "diff" if built.driver == "overlay2" else leaked)
    return built


def layers(built: BuiltRoot) -> Path:
    return built.path / {"overlay2": "overlay2", "vfs": "vfs/dir"}[built.driver]


@pytest_asyncio.fixture
async def living(database_url: str, tmp_path: Path, root: BuiltRoot) -> AsyncIterator[Living]:
    """A register to which an agent reports the node with that root."""
    (tmp_path / "state").mkdir()
    async with Living(database_url, tmp_path / "state") as started:
        await started.start_agent("n1", tmp_path / "n1", await started.token("n1"))
        yield started


async def measured(living: Living) -> NodeUse:
    """Return where the node's bytes are once all of it is measured, and the sums for the cluster agree."""

    async def look() -> DiskUse | None:
        use: DiskUse = await living.ask(lambda client: sizes.disk_use(client, None))
        total = use.nodes[0].total if use.nodes else Size()
        return use if total.entries and total.measured == total.entries and use.nodes[0].rooms else None

    use = await eventually("everything is measured", look)
    [node], [cluster] = use.nodes, use.clusters
    assert (cluster.shares, cluster.total) == (node.shares, node.total)
    return node


def figures(size: Size) -> tuple[int, int]:
    assert size.partial == 0
    return size.bytes, size.inodes


def trees(built: BuiltRoot) -> dict[Share, list[Path]]:
    """Return the trees whose sum each share is."""
    diff = "diff" if built.driver == "overlay2" else ""
    containers = built.containers
    return {
        "writable": [layers(built) / name / diff for one in containers for name in (one.mount_id, one.init_id or "")],
        "logs": [built.path / "containers" / one.container_id for one in containers],
        "images": [layers(built) / name / diff for image in built.images.values() for name in image.cache_ids],
        "volumes": [built.path / "volumes/data/_data"],
        "unclaimed": [layers(built) / LEAK / diff],  # it is too young to be called an orphan
    }


def of_each(shares: Iterable[Share], built: BuiltRoot) -> dict[Share, tuple[int, int]]:
    return {share: du(*trees(built)[share]) for share in shares}


async def test_df_and_top_say_what_du_says(living: Living, root: BuiltRoot) -> None:
    node = await measured(living)
    assert {share: figures(size) for share, size in node.shares.items()} == of_each(trees(root), root)
    [room] = node.rooms
    there = os.statvfs(root.path)
    assert (room.total_bytes, room.total_inodes) == (there.f_frsize * there.f_blocks, there.f_files)
    await containers_and_volumes(living, root)


async def containers_and_volumes(living: Living, root: BuiltRoot) -> None:
    top: Top = await living.ask(
        lambda client: sizes.top(client, by="container", order="size", since=None, node=None, limit=10)
    )
    diff = "diff" if root.driver == "overlay2" else ""
    expected = {}
    for one in root.containers:
        own = [layers(root) / name / diff for name in (one.mount_id, one.init_id or "")]
        expected[one.name] = du(*own, root.path / "containers" / one.container_id)
    assert {row.name: figures(row.size) for row in top.rows} == expected
    assert [row.name for row in top.rows] == ["web", "done"]
    volumes: Top = await living.ask(
        lambda client: sizes.top(client, by="volume", order="size", since=None, node=None, limit=10)
    )
    assert [(row.key, figures(row.size)) for row in volumes.rows] == [("data", du(root.path / "volumes/data/_data"))]


async def test_what_grows_is_measured_again(living: Living, root: BuiltRoot) -> None:
    before = figures((await measured(living)).shares["writable"])
    done = root.container("done")
    (root.path / done.diff_path / "more").write_bytes(b"1" * 300_000)
    await living.stop_agent("n1")
    await living.start_agent("n1", root.path.parents[2], await living.token("n1"))

    async def look() -> tuple[int, int] | None:
        now = figures((await measured(living)).shares["writable"])
        return now if now != before else None

    after = await eventually("what was written is measured", look)
    assert after == du(*trees(root)["writable"])
