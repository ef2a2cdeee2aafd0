"""Lists over HTTP: filtered, in pages, and as a stream."""

import aiohttp
import msgspec
import pytest

from protocol import answers
from tests.integration.collector.answering import get
from tests.integration.collector.cluster import Cluster, container


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ("", {"shop_web.1.aaaa", "db"}),
        ("filter=state=exited", {"db"}),
        ("filter=state=exited&filter=state=running", {"shop_web.1.aaaa", "db"}),
        ("filter=exit-code=137", {"db"}),
        ("filter=service=shop_web", {"shop_web.1.aaaa"}),
        ("filter=volume=data&filter=stack=shop", {"shop_web.1.aaaa"}),
        ("filter=volume=data&filter=name=db", set()),
        ("filter=label=com.docker.stack.namespace=shop", {"shop_web.1.aaaa"}),
        ("filter=ghost=false", {"shop_web.1.aaaa", "db"}),
        ("filter=node=node1.example&filter=backend=overlay2", {"shop_web.1.aaaa", "db"}),
        ("node=node2", set()),
    ],
)
async def test_containers_are_filtered(http: aiohttp.ClientSession, filters: str, names: set[str]) -> None:
    _, body = await get(http, f"/api/v1/containers?{filters}")
    assert {row.name for row in msgspec.json.decode(body, type=answers.Containers).containers} == names


async def test_layers_and_images_are_filtered(http: aiohttp.ClientSession) -> None:
    _, body = await get(http, "/api/v1/layers?filter=use=orphan")
    assert [row.cache_id for row in msgspec.json.decode(body, type=answers.Layers).layers] == ["leaked1"]
    _, body = await get(http, "/api/v1/layers?filter=use=image")
    assert len(msgspec.json.decode(body, type=answers.Layers).layers) == 2
    _, body = await get(http, "/api/v1/images?filter=image=nginx:1.27")
    assert len(msgspec.json.decode(body, type=answers.Images).images) == 1


async def test_a_list_comes_in_pages(cluster: Cluster, http: aiohttp.ClientSession) -> None:
    await cluster.node("node3", [container(0xA00 + number, f"many-{number}") for number in range(23)])
    seen: list[str] = []
    cursor = ""
    for _ in range(100):
        _, body = await get(http, f"/api/v1/containers?limit=10{cursor and f'&cursor={cursor}'}")
        page = msgspec.json.decode(body, type=answers.Containers)
        seen += [row.container_id for row in page.containers]
        if page.next is None:
            break
        cursor = page.next
    assert len(seen) == len(set(seen)) == 25


async def test_a_list_is_streamed_to_its_last_line(cluster: Cluster, http: aiohttp.ClientSession) -> None:
    await cluster.node("node3", [container(0xA00 + number, f"many-{number}") for number in range(1200)])
    response, body = await get(http, "/api/v1/containers", Accept="application/x-ndjson")
    assert response.content_type == "application/x-ndjson"
    *rows, last = body.splitlines()
    assert len({msgspec.json.decode(row, type=answers.ContainerRow).container_id for row in rows}) == 1202
    end = msgspec.json.decode(last, type=answers.StreamEnd)
    assert (end.rows, end.coverage.nodes_observed) == (1202, 2)
