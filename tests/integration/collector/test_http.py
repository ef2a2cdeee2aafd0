import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import aiohttp
import msgspec
import pytest
import pytest_asyncio
import zstandard
from sqlalchemy import text

from collector import identity
from collector.app import serve
from collector.config import Config
from collector.errors import StartError
from collector.http import table
from collector.http.routes import Access
from collector.store.engine import Database
from protocol import answers
from protocol.entries import Container
from protocol.messages import MAX_BODY
from protocol.problems import CONTENT_TYPE, Problem
from protocol.statehash import entry_hash, to_text, total
from tests.integration.collector.cluster import (
    ROOT,
    Cluster,
    bind,
    container,
    image_entries,
    mounts,
    orphan,
    volume,
)
from tests.integration.collector.serving import collector

PACK: dict[str, Callable[[bytes], bytes]] = {
    "identity": bytes,
    "gzip": gzip.compress,
    "zstd": zstandard.compress,
}
WEB = container(1, "shop_web.1.aaaa", service="shop_web", stack="shop", mounts=mounts(volumes={"data": "/data"}))
DB = container(2, "db", state="exited", exit_code=137)


@pytest_asyncio.fixture
async def cluster(database: Database) -> AsyncIterator[Cluster]:
    made = Cluster(database)
    await made.node("node1", [WEB, DB, *image_entries(), volume("data"), bind("/srv"), orphan("leaked1")])
    await made.node("node2", heard=timedelta(minutes=5))
    yield made


@pytest_asyncio.fixture
async def http(cluster: Cluster, database_url: str) -> AsyncIterator[aiohttp.ClientSession]:
    async with collector(Config(database_url=database_url)) as session:
        yield session


async def get(http: aiohttp.ClientSession, path: str, **headers: str) -> tuple[aiohttp.ClientResponse, bytes]:
    async with http.get(path, headers=headers) as response:
        return response, await response.read()


async def problem(http: aiohttp.ClientSession, method: str, path: str, status: int, **more: Any) -> Problem:
    async with http.request(method, path, **more) as response:
        body = await response.read()
        assert response.status == status, body
        assert response.content_type == CONTENT_TYPE
        found = msgspec.json.decode(body, type=Problem)
        assert (found.status, found.instance) == (status, response.headers["X-Request-Id"])
        return found


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/api/v1/where?ref=service:shop_web", answers.Where),
        (f"/api/v1/whose?path={ROOT}/overlay2/base1/diff", answers.WhoseAnswer),
        (f"/api/v1/whose?path=/srv&path=/nowhere&path={ROOT}/volumes/data/_data", answers.WhoseAnswer),
        ("/api/v1/containers", answers.Containers),
        ("/api/v1/layers", answers.Layers),
        ("/api/v1/images", answers.Images),
        ("/api/v1/nodes", answers.Nodes),
    ],
)
async def test_every_answer_is_of_its_shape_and_carries_its_coverage(
    http: aiohttp.ClientSession, path: str, shape: type[Any]
) -> None:
    response, body = await get(http, path)
    assert (response.status, response.content_type) == (200, "application/json")
    answer = msgspec.json.decode(body, type=shape)
    known = {field.encode_name for field in msgspec.structs.fields(shape)}
    assert set(json.loads(body)) <= known
    assert answer.coverage.nodes_observed == 1
    assert [node.node for node in answer.coverage.silent] == ["node2"]


async def test_rows_of_lists_have_no_unknown_field(http: aiohttp.ClientSession) -> None:
    for path, shape in (
        ("containers", answers.ContainerRow),
        ("layers", answers.LayerRow),
        ("images", answers.ImageRow),
    ):
        _, body = await get(http, f"/api/v1/{path}")
        known = {field.encode_name for field in msgspec.structs.fields(shape)}
        rows = json.loads(body)[path]
        assert rows
        assert all(set(row) <= known for row in rows), path


async def test_every_route_of_the_description_is_there(http: aiohttp.ClientSession) -> None:
    _, body = await get(http, "/openapi.json")
    document = json.loads(body)
    assert document["openapi"].startswith("3.1")
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert described == {(route.method, route.path) for route in table.ROUTES}
    for method, path in described:
        within = [one for one in document["paths"][path][method.lower()].get("parameters", ()) if one["in"] == "path"]
        async with http.request(
            method, path.format(**{one["name"]: one["schema"]["enum"][0] for one in within})
        ) as response:
            assert response.status not in {404, 405, 500}, (method, path)


async def test_a_reference_in_the_description_leads_somewhere(http: aiohttp.ClientSession) -> None:
    _, body = await get(http, "/openapi.json")
    schemas = json.loads(body)["components"]["schemas"]
    names = {part.partition('"')[0] for part in body.decode().split("#/components/schemas/")[1:]}
    assert names <= set(schemas)


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


async def test_curl_on_a_bare_node_gets_lines_of_text(http: aiohttp.ClientSession) -> None:
    response, body = await get(http, "/api/v1/where?ref=db", Accept="text/plain")
    line, coverage, end = body.decode().split("\n")
    assert response.content_type == "text/plain"
    assert line.split("\t") == ["node1.example", DB.diff_path, DB.key, "db", "exited", "layerdb"]
    assert coverage.startswith("# 1 nodes observed at ")
    assert "node2.example since " in coverage
    assert end == ""
    _, body = await get(http, f"/api/v1/whose?path={DB.diff_path}/etc&path=/nowhere", Accept="text/plain")
    first, second, *_ = body.decode().split("\n")
    assert first.split("\t")[:6] == [f"{DB.diff_path}/etc", "node1.example", "container", "writable", DB.key, "/etc"]
    assert second.split("\t") == ["/nowhere", *("-" * 6)]


async def test_many_paths_are_posted(http: aiohttp.ClientSession) -> None:
    paths = [f"{DB.mount_id}", "/nowhere", f"{ROOT}/containers/{WEB.key}"]
    async with http.post("/api/v1/whose", json={"paths": paths, "node": "node1"}) as response:
        answer = msgspec.json.decode(await response.read(), type=answers.WhoseAnswer)
    assert [[owner.name for owner in one.owners] for one in answer.answers] == [["db"], [], ["shop_web.1.aaaa"]]


@pytest.mark.parametrize(
    ("path", "status", "kind", "words"),
    [
        ("/api/v1/where?ref=nosuch", 404, "/problems/not-found", "nothing here is called"),
        ("/api/v1/whose?path=/nowhere", 404, "/problems/not-found", "nobody owns /nowhere"),
        ("/api/v1/where?ref=db&node=nope", 404, "/problems/not-found", "no node is called"),
        ("/api/v1/where", 400, "/problems/bad-request", "ref"),
        ("/api/v1/where?ref=a%00b", 400, "/problems/bad-request", "NUL"),
        ("/api/v1/where?ref=db&node=a%00b", 400, "/problems/bad-request", "NUL"),
        ("/api/v1/whose?path=" + "x" * 5000, 400, "/problems/bad-request", "4096"),
        ("/api/v1/whose?path=/a%00b", 400, "/problems/bad-request", "NUL"),
        ("/api/v1/containers?limit=0", 400, "/problems/bad-request", "limit"),
        ("/api/v1/containers?lable=x", 400, "/problems/bad-request", "lable"),
        ("/api/v1/containers?filter=nosuch=1", 400, "/problems/bad-request", "the filters are backend"),
        ("/api/v1/containers?filter=exit-code=x", 400, "/problems/bad-request", "a number"),
        ("/api/v1/containers?cursor=zzz", 400, "/problems/bad-request", "cursor"),
        ("/api/v1/containers?at=2999-01-01T00:00:00Z", 400, "/problems/bad-request", "yet to come"),
        ("/api/v1/nosuch", 404, "about:blank", "/openapi.json"),
    ],
)
async def test_every_error_is_a_problem_document(
    http: aiohttp.ClientSession, path: str, status: int, kind: str, words: str
) -> None:
    found = await problem(http, "GET", path, status)
    assert found.type == kind
    assert words in found.detail


async def test_not_found_carries_the_coverage(http: aiohttp.ClientSession) -> None:
    found = await problem(http, "GET", "/api/v1/where?ref=nosuch", 404)
    coverage = msgspec.convert(found.coverage, answers.Coverage)
    assert [node.hostname for node in coverage.silent] == ["node2.example"]


async def test_a_method_that_is_not_there_names_those_that_are(http: aiohttp.ClientSession) -> None:
    async with http.delete("/api/v1/whose") as response:
        assert response.status == 405
        assert set(response.headers["Allow"].split(",")) >= {"GET", "POST"}
    assert "GET" in (await problem(http, "DELETE", "/api/v1/whose", 405)).detail


async def test_a_request_keeps_the_number_that_its_caller_gave(http: aiohttp.ClientSession) -> None:
    response, _ = await get(http, "/healthz", **{"X-Request-Id": "abc-1"})
    assert response.headers["X-Request-Id"] == "abc-1"
    response, _ = await get(http, "/healthz", **{"X-Request-Id": "no good" * 40})
    assert len(response.headers["X-Request-Id"]) == 16


async def test_the_service_tells_its_health_and_measurements(http: aiohttp.ClientSession) -> None:
    response, body = await get(http, "/healthz")
    assert (response.status, json.loads(body)["status"]) == (200, "ok")
    response, _ = await get(http, "/readyz")
    assert response.status == 200
    await get(http, "/api/v1/where?ref=db")
    _, body = await get(http, "/metrics")
    lines = body.decode().splitlines()
    assert 'mountbook_nodes{state="observed"} 1.0' in lines
    assert 'mountbook_nodes{state="silent"} 1.0' in lines
    assert 'mountbook_http_requests_total{method="GET",route="/api/v1/where",status="200"} 1.0' in lines
    assert "mountbook_database_up 1.0" in lines


async def test_pages_come_without_help_from_other_hosts(http: aiohttp.ClientSession) -> None:
    for path in ("/", "/docs", "/static/page.css"):
        response, body = await get(http, path)
        assert response.status == 200, path
        assert b"://" not in body.replace(b"http://HOST:8480", b""), path
    _, body = await get(http, "/docs")
    assert all(route.summary.encode() in body for route in table.ROUTES if "'" not in route.summary)


async def test_without_a_token_reads_are_open_only_while_nobody_has_one(
    database: Database, database_url: str, cluster: Cluster
) -> None:
    token = await identity.add(database, "operator")
    async with collector(Config(database_url=database_url)) as http:
        found = await problem(http, "GET", "/api/v1/nodes", 401)
        assert "mountbook login" in found.detail
        response, _ = await get(http, "/api/v1/nodes", Authorization=f"Bearer {token}")
        assert response.status == 200
        response, _ = await get(http, "/api/v1/nodes", Authorization="Bearer wrong")
        assert response.status == 401
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
        response, _ = await get(http, "/api/v1/nodes", Authorization=f"Basic {token}")
        assert response.status == 401


async def test_a_page_of_another_site_cannot_borrow_the_open_door(http: aiohttp.ClientSession) -> None:
    response, _ = await get(http, "/api/v1/nodes", Host="evil.example")
    assert response.status == 401


async def test_an_agent_writes_and_does_not_read_and_an_operator_the_reverse(
    database: Database, http: aiohttp.ClientSession
) -> None:
    agent = {"Authorization": f"Bearer {await identity.add(database, 'agent', cluster='cl1', node='node9')}"}
    operator = {"Authorization": f"Bearer {await identity.add(database, 'operator')}"}
    assert (await problem(http, "GET", "/api/v1/nodes", 403, headers=agent)).type == "/problems/forbidden"
    assert (await problem(http, "POST", "/api/v1/hello", 403, headers=operator)).type == "/problems/forbidden"


HELLO: dict[str, Any] = {
    "protocol": 1,
    "instance": "ab" * 16,
    "attempt": 1,
    "boot_id": "boot",
    "agent": "0.1.0",
    "hash_versions": [1],
    "clock": 1.0,
    "engine": {"engine_id": "e9", "hostname": "node9.example", "data_root": ROOT},
}


def snapshot(generation: str, *entries: Container) -> bytes:
    message = {
        "generation": generation,
        "seq": 1,
        "kinds": {"container": True},
        "entries": [msgspec.to_builtins(entry) for entry in entries],
        "state_hash": to_text(total(entry_hash(entry) for entry in entries)),
        "clock": 1.0,
    }
    return msgspec.json.encode(message)


@pytest.mark.parametrize("encoding", ["identity", "gzip", "zstd"])
async def test_what_an_agent_reports_can_be_asked(
    database: Database, http: aiohttp.ClientSession, encoding: str
) -> None:
    agent = {"Authorization": f"Bearer {await identity.add(database, 'agent', cluster='cl1', node='node9')}"}
    async with http.post("/api/v1/hello", json=HELLO, headers=agent) as response:
        assert response.status == 200, await response.text()
        generation = (await response.json())["generation"]
    body = snapshot(generation, container(0x99, "fresh"))
    packed = PACK[encoding](body)
    headers = agent | {"Content-Encoding": encoding}
    async with http.post(
        "/api/v1/snapshot", data=packed, headers=headers, skip_auto_headers=["Content-Encoding"]
    ) as response:
        assert response.status == 200, await response.text()
        applied = await response.json()
    beat = {"generation": generation, "seq": 1, "state_hash": applied["state_hash"], "clock": 2.0, "listed_ago": 0.5}
    async with http.post("/api/v1/heartbeat", json=beat, headers=agent) as response:
        assert (await response.json())["action"] == "ok"
    _, body = await get(http, "/api/v1/where?ref=fresh")
    (row,) = msgspec.json.decode(body, type=answers.Where).containers
    assert (row.node, row.hostname) == ("node9", "node9.example")


@pytest.mark.parametrize(
    ("name", "body", "status", "field"),
    [
        ("hello", b"{", 400, "$"),
        ("hello", msgspec.json.encode(HELLO | {"attempt": "one"}), 400, "$.attempt"),
        ("heartbeat", b"x" * 301, 413, ""),
        ("snapshot", b"\xff", 400, "$"),
    ],
)
async def test_a_bad_message_is_refused_with_its_field(
    database: Database, http: aiohttp.ClientSession, name: str, body: bytes, status: int, field: str
) -> None:
    agent = {"Authorization": f"Bearer {await identity.add(database, 'agent', cluster='cl1', node='node9')}"}
    assert (await problem(http, "POST", f"/api/v1/{name}", status, data=body, headers=agent)).field == field


async def test_a_bomb_is_refused(database: Database, http: aiohttp.ClientSession) -> None:
    agent = {"Authorization": f"Bearer {await identity.add(database, 'agent', cluster='cl1', node='node9')}"}
    bomb = zstandard.compress(bytes(4 * MAX_BODY))
    headers = agent | {"Content-Encoding": "zstd"}
    found = await problem(http, "POST", "/api/v1/snapshot", 413, data=bomb, headers=headers)
    assert str(MAX_BODY) in found.detail


async def test_it_does_not_start_on_a_database_that_is_not_migrated(empty_database_url: str) -> None:
    with pytest.raises(StartError, match="mountbook migrate"):
        await serve(Config(database_url=empty_database_url, port=0, patience=0))


async def test_it_does_not_start_for_everybody_without_credentials(database_url: str) -> None:
    with pytest.raises(StartError, match="token create"):
        await serve(Config(database_url=database_url, port=0, host="0.0.0.0"))


async def test_it_does_not_start_on_a_port_that_is_taken(database_url: str) -> None:
    taken = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    async with taken:
        port = taken.sockets[0].getsockname()[1]
        with pytest.raises(StartError, match=f"port {port}"):
            await serve(Config(database_url=database_url, port=port))


async def test_a_database_that_loses_its_tables_is_not_ready(database: Database, http: aiohttp.ClientSession) -> None:
    async with database.ingest() as conn:
        await conn.execute(text("DROP TABLE alembic_version"))
    found = await problem(http, "GET", "/readyz", 503)
    assert found.type == "/problems/not-migrated"
    assert "mountbook migrate" in found.detail


def test_only_what_says_nothing_about_the_cluster_is_public() -> None:
    public = {route.path for route in table.ROUTES if route.access is Access.PUBLIC}
    assert public == {"/healthz", "/readyz", "/metrics", "/openapi.json"}
