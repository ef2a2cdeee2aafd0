"""``mountbook ls --filter`` by every key that it lists, from the command line to the register."""

import asyncio
import re
from collections.abc import AsyncIterator

import click
import pytest_asyncio
from click.testing import CliRunner

from collector.config import Config
from collector.store.engine import Database
from mountbook.cli import cli
from mountbook.commands import ls
from protocol.entries import Mount, PathKind, ResolvedBy
from tests.integration.collector.cluster import BASE, IMAGE, TOP, Cluster, container, image_entries
from tests.integration.collector.serving import collector

VOLUME = Mount(type="volume", name="data", driver="nfs", destination="/data")
BIND = Mount(type="bind", source="/srv/conf", destination="/conf", driver="")
WEB = container(1, "shop_web.1.aaaa", service="shop_web", stack="shop", mounts=(VOLUME,), labels={"tier": "front"})
DB = container(2, "db_1", state="exited", exit_code=137, mounts=(BIND,))
OLD = container(
    3,
    "db-2",
    backend="native",
    path_kind=PathKind.FULL_VIEW,
    resolved_by=ResolvedBy.SNAPSHOT_DB,
    mount_id="17",
    parent_chain_id=None,
    image="redis:7",
    image_id="sha256:" + "0" * 64,
    ghost=True,
    state="created",
)
ALL = {WEB.name, DB.name, OLD.name}


@pytest_asyncio.fixture
async def url(database: Database, database_url: str) -> AsyncIterator[str]:
    """The address of a collector that knows three containers on two nodes."""
    cluster = Cluster(database)
    await cluster.node("node1", [WEB, DB, *image_entries()])
    await cluster.node("node2", [OLD])
    async with collector(Config(database_url=database_url)) as session, session.get("/healthz") as response:
        yield str(response.url.origin())


async def listed(url: str, *filters: str) -> set[str]:
    """Return the names that the command prints."""
    options = [word for text in filters for word in ("--filter", text)]
    command = ["ls", "--url", url, "--format", "{{.Name}}", *options]
    done = await asyncio.to_thread(CliRunner().invoke, cli, command)
    assert done.exit_code == 0, done.output
    return set(done.stdout.split())


LIMITED = {
    f"id={WEB.key}": {WEB.name},
    "name=db": {DB.name, OLD.name},
    "name=^db_1$": {DB.name},
    "name=/db_1": {DB.name},
    "name=_": {WEB.name, DB.name},
    "name=%": set(),
    "name=^web": set(),
    f"task={WEB.name}": {WEB.name},
    "service=shop_web": {WEB.name},
    "stack=shop": {WEB.name},
    "image=nginx:1.27": {WEB.name, DB.name},
    f"image-id={IMAGE}": {WEB.name, DB.name},
    f"layer={BASE}": {WEB.name, DB.name},
    f"chain={TOP}": {WEB.name, DB.name},
    "label=tier": {WEB.name},
    "label=tier=front": {WEB.name},
    "label=tier=back": set(),
    "volume=data": {WEB.name},
    "driver=nfs": {WEB.name},
    "driver=local": set(),
    "bind=/srv/conf": {DB.name},
    "mount-id=17": {OLD.name},
    "state=exited": {DB.name},
    "status=created": {OLD.name},
    "backend=native": {OLD.name},
    "exit-code=137": {DB.name},
    "exited=0": set(),
    "path-kind=full-view": {OLD.name},
    "resolved-by=layerdb": {WEB.name, DB.name},
    "ghost=true": {OLD.name},
    "node=node1": {WEB.name, DB.name},
    "node=node2.example": {OLD.name},
}
"""Filters, and the containers that are left."""


async def test_ls_is_limited_by_every_key(url: str) -> None:
    found = {text: await listed(url, text) for text in LIMITED}
    assert found == LIMITED


def test_every_key_that_the_command_lists_is_tried() -> None:
    [option] = (one for one in ls.command.params if one.name == "filters")
    assert isinstance(option, click.Option)
    keys = re.findall(r"[a-z-]{2,}", (option.help or "").partition(":")[2])
    assert set(keys) - {"and", "or"} <= {text.partition("=")[0] for text in LIMITED}


async def test_the_same_key_again_means_or_and_another_key_and(url: str) -> None:
    assert await listed(url) == ALL
    assert await listed(url, "name=web", "name=2") == {WEB.name, OLD.name}
    assert await listed(url, "name=db", "state=exited") == {DB.name}


async def test_a_key_that_there_is_not_is_named_with_those_there_are(url: str) -> None:
    done = await asyncio.to_thread(CliRunner().invoke, cli, ["ls", "--url", url, "--filter", "colour=red"])
    assert done.exit_code == 2
    assert "colour" in done.stderr
    assert "exit-code" in done.stderr
