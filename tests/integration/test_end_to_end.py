"""The real agent, the real collector, a real PostgreSQL: what lies on disk is what the register answers."""

import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from collector import identity
from mountbook.local.dataroots import (
    DRIVERS,
    BuiltContainer,
    BuiltRoot,
    ContainerSpec,
    DataRootSpec,
    ImageSpec,
    VolumeSpec,
    build,
)
from protocol.answers import ContainerRow, Owner
from tests.integration.living import DATA_ROOT, Living, began_of, eventually

BASE = {"etc/os-release": "ID=test\n"}
WEB = ImageSpec(name="shop/web:1", layers=(BASE, {"srv/main.py": "serve()\n"}))
DB = ImageSpec(name="db:3", layers=(BASE, {"bin/db": "\n"}, {"etc/db.conf": "\n"}))
SWARM = {
    "com.docker.swarm.task.id": "aaaaaaaaaaaaaaaaaaaaaaaaa",
    "com.docker.swarm.service.name": "shop_web",
    "com.docker.swarm.task.name": "shop_web.1.aaaaaaaaaaaaaaaaaaaaaaaaa",
    "com.docker.stack.namespace": "shop",
}
SPEC = DataRootSpec(
    driver="overlay2",
    images=(WEB, DB),
    containers=(
        ContainerSpec(name="web", image=WEB.name, labels=SWARM, files={"tmp/a/b": "x"}, binds={"/conf": "/srv/conf"}),
        ContainerSpec(name="db", image=DB.name, volumes={"/data": "db-data"}, environment=("PASSWORD=hunter2",)),
        ContainerSpec(name="once", image=WEB.name, state="exited", exit_code=3),
        ContainerSpec(name="new", image=DB.name, state="created"),
    ),
    volumes=(VolumeSpec(name="db-data", files={"base/1": "0"}),),
    leaked=1,
)


@pytest_asyncio.fixture
async def living(database_url: str, tmp_path: Path) -> AsyncIterator[Living]:
    """A collector with an empty register."""
    (tmp_path / "state").mkdir()
    async with Living(database_url, tmp_path / "state") as started:
        yield started


@dataclass(frozen=True)
class Disk:
    """A node's disk: the directory that stands for its ``/``, and the truth about its data root."""

    root: Path
    built: BuiltRoot

    def destroy(self, container: BuiltContainer) -> None:
        """Take a container away as the engine does."""
        data = self.root / DATA_ROOT[1:]
        shutil.rmtree(data / "image" / self.built.driver / "layerdb/mounts" / container.container_id)
        shutil.rmtree(data / "containers" / container.container_id)


def disk(root: Path, spec: DataRootSpec) -> Disk:
    """Write a node's disk."""
    (root / "etc").mkdir(parents=True)
    (root / "etc" / "hostname").write_text(f"host-{root.name}\n")
    return Disk(root, build(root / DATA_ROOT[1:], spec))


async def one_node(living: Living, where: Path, spec: DataRootSpec) -> Disk:
    """Let one node report its disk."""
    made = disk(where / "n1", spec)
    await living.start_agent("n1", made.root, await living.token("n1"))
    await living.all_of("n1", len(spec.containers))
    return made


ROOTS = [pytest.param(replace(SPEC, driver=driver), id=driver) for driver in DRIVERS]
ROOTS += [pytest.param(replace(SPEC, driver=driver, legacy=True), id=f"{driver}-1.9") for driver in ("aufs", "overlay")]


@pytest.mark.parametrize("spec", ROOTS)
async def test_the_register_answers_what_lies_on_disk(living: Living, tmp_path: Path, spec: DataRootSpec) -> None:
    made = await one_node(living, tmp_path, spec)
    for truth in made.built.containers:
        [row] = await living.where(truth.container_id)
        assert (row.node, row.hostname, row.cluster) == ("n1", "host-n1", "test")
        assert row.diff_path == f"{DATA_ROOT}/{truth.diff_path}"
        assert (row.mount_id, row.init_id) == (truth.mount_id, truth.init_id)
        assert (row.parent_chain_id, row.image, row.state) == (truth.parent, truth.image, truth.state)
        [owner] = (await living.whose(f"{row.diff_path}/etc/deep/down")).owners
        assert (owner.kind, owner.role, owner.key, owner.inside) == (
            "container",
            "writable",
            truth.container_id,
            "/etc/deep/down",
        )
        [owner] = (await living.whose(f"{DATA_ROOT}/containers/{truth.container_id}/x-json.log")).owners
        assert (owner.role, owner.key, owner.inside) == ("container-dir", truth.container_id, None)
    assert {row.name for row in await living.ls()} == {"web", "db", "once", "new"}
    await _image_layers(living, made)
    await _volume_and_bind(living, made)


async def _image_layers(living: Living, made: Disk) -> None:
    directory = _layer_directory(made)
    for image in made.built.images.values():
        for layer, cache_id in zip(image.layers, image.cache_ids, strict=True):
            [owner] = (await living.whose(f"{directory}/{cache_id}")).owners
            assert (owner.kind, owner.key) == ("layer", layer)
            users = {one.container_id for one in owner.containers}
            built_on = {one.container_id for one in made.built.containers if one.image == image.name}
            assert built_on <= users, f"every container of {image.name} uses its layer {layer}"
            assert image.name in owner.images
    [leaked] = made.built.leaked
    [owner] = (await living.whose(f"{directory}/{leaked}")).owners
    assert owner.use in {"unclaimed", "orphan"}


def _layer_directory(made: Disk) -> str:
    parts = made.built.containers[0].diff_path.split("/")
    return "/".join([DATA_ROOT, *parts[: parts.index(made.built.containers[0].mount_id)]])


async def _volume_and_bind(living: Living, made: Disk) -> None:
    db, web = made.built.container("db"), made.built.container("web")
    [owner] = (await living.whose(f"{DATA_ROOT}/volumes/db-data/_data/base/1")).owners
    assert (owner.kind, owner.key) == ("volume", "db-data")
    assert _users(owner) == {(db.container_id, "/data")}
    [owner] = (await living.whose("/srv/conf/site.conf")).owners
    assert (owner.kind, owner.key) == ("bind", "/srv/conf")
    assert _users(owner) == {(web.container_id, "/conf")}


def _users(owner: Owner) -> set[tuple[str, str | None]]:
    return {(one.container_id, one.destination) for one in owner.containers}


async def test_names_services_stacks_and_short_links_lead_to_the_container(living: Living, tmp_path: Path) -> None:
    made = await one_node(living, tmp_path, SPEC)
    web = made.built.container("web")
    for ref in ("web", "service:shop_web", "stack:shop", "shop_web.1", web.mount_id[:12], f"mount-id:{web.mount_id}"):
        assert [row.container_id for row in await living.where(ref)] == [web.container_id], ref
    short = (made.root / DATA_ROOT[1:] / "overlay2" / web.mount_id / "link").read_text()
    for path in (f"{DATA_ROOT}/overlay2/l/{short}/tmp/a", f"{web.mount_id}/diff/tmp/a"):
        [owner] = (await living.whose(path)).owners
        assert (owner.key, owner.inside) == (web.container_id, "/tmp/a"), path


async def test_a_container_that_went_is_found_only_in_the_past(living: Living, tmp_path: Path) -> None:
    made = await one_node(living, tmp_path, SPEC)
    gone = made.built.container("once")
    [before] = await living.where(gone.container_id)
    made.destroy(gone)

    async def is_gone() -> bool:
        return not await living.where(gone.container_id)

    await eventually("the container is gone", is_gone)
    assert {row.name for row in await living.ls()} == {"web", "db", "new"}
    at = began_of(before)
    [past] = await living.where(gone.container_id, at=at)
    assert (past.diff_path, past.name) == (before.diff_path, "once")
    assert past.ended, "a past version says when it ended"
    assert past.ended.before > at
    [owner] = (await living.whose(f"{before.diff_path}/tmp", at=at)).owners
    assert owner.key == gone.container_id


async def test_a_restart_of_the_collector_or_the_agent_changes_nothing(living: Living, tmp_path: Path) -> None:
    made = await one_node(living, tmp_path, SPEC)
    before = {row.container_id: began_of(row) for row in await living.ls()}
    await living.restart_collector()
    assert {row.container_id: began_of(row) for row in await living.ls()} == before
    await living.stop_agent("n1")
    await living.start_agent("n1", made.root, await living.token("n1"))
    made.destroy(made.built.container("new"))
    after = await living.all_of("n1", len(before) - 1)
    assert {row.container_id: began_of(row) for row in after}.items() <= before.items()


async def test_nodes_are_kept_apart_and_a_path_is_answered_for_each(living: Living, tmp_path: Path) -> None:
    made = [disk(tmp_path / name, SPEC) for name in ("n1", "n2")]
    for one in made:
        await living.start_agent(one.root.name, one.root, await living.token(one.root.name))
    for one in made:
        await living.all_of(one.root.name, 4)
    web = made[0].built.container("web")
    answer = await living.whose(f"{DATA_ROOT}/{web.diff_path}")
    assert {owner.node for owner in answer.owners} == {"n1", "n2"}
    [owner] = (await living.whose(f"{DATA_ROOT}/{web.diff_path}", node="host-n2")).owners
    assert owner.node == "n2"
    nodes = await living.ask(lambda client: client.nodes())
    assert {(row.node, row.state, row.containers) for row in nodes.nodes} == {
        ("n1", "observed", 4),
        ("n2", "observed", 4),
    }
    assert nodes.coverage.complete


async def test_the_token_of_one_node_never_writes_another(living: Living, tmp_path: Path) -> None:
    token_a, _ = await living.token("a"), await living.token("b")
    honest = disk(tmp_path / "a", SPEC)
    other = disk(tmp_path / "b", replace(SPEC, seed="other"))
    await living.start_agent("b", other.root, token_a)

    async def reported() -> list[ContainerRow]:
        return await living.ls()

    rows = await eventually("a report under a's token", reported)
    assert {row.node for row in rows} == {"a"}, "what is told with a's token is said of a, whatever b's disk holds"
    assert not set(await _ids(living)) & {one.container_id for one in honest.built.containers}


async def _ids(living: Living) -> list[str]:
    return [row.container_id for row in await living.ls()]


async def test_only_an_agents_token_may_report(living: Living) -> None:
    operator = await identity.add(living.database, "operator")
    async with aiohttp.ClientSession(living.url) as session:
        for token, status in (("mb_unknown", 401), (operator, 403)):
            headers = {"Authorization": f"Bearer {token}"}
            async with session.post("/api/v1/hello", json={}, headers=headers) as response:
                assert response.status == status
                assert response.content_type == "application/problem+json"


async def test_no_environment_of_a_container_reaches_the_register(living: Living, tmp_path: Path) -> None:
    await one_node(living, tmp_path, SPEC)
    for row in await living.ls():
        assert "hunter2" not in repr(row)
