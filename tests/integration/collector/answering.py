"""A cluster of two nodes, one of them silent, and how its collector is asked."""

from datetime import timedelta
from typing import Any

import aiohttp
import msgspec

from collector.store.engine import Database
from protocol.problems import CONTENT_TYPE, Problem
from tests.integration.collector.cluster import Cluster, bind, container, image_entries, mounts, orphan, volume

WEB = container(1, "shop_web.1.aaaa", service="shop_web", stack="shop", mounts=mounts(volumes={"data": "/data"}))
DB = container(2, "db", state="exited", exit_code=137)


async def two_nodes(database: Database) -> Cluster:
    """Return the cluster: `node1` with a bit of everything, and `node2`, which is silent."""
    made = Cluster(database)
    await made.node("node1", [WEB, DB, *image_entries(), volume("data"), bind("/srv"), orphan("leaked1")])
    await made.node("node2", heard=timedelta(minutes=5))
    return made


async def get(http: aiohttp.ClientSession, path: str, **headers: str) -> tuple[aiohttp.ClientResponse, bytes]:
    """Return the answer and its body."""
    async with http.get(path, headers=headers) as response:
        return response, await response.read()


async def problem(http: aiohttp.ClientSession, method: str, path: str, status: int, **more: Any) -> Problem:
    """Return the problem document that a request is answered with, which has to be whole."""
    async with http.request(method, path, **more) as response:
        body = await response.read()
        assert response.status == status, body
        assert response.content_type == CONTENT_TYPE
        found = msgspec.json.decode(body, type=Problem)
        assert (found.status, found.instance) == (status, response.headers["X-Request-Id"])
        return found
