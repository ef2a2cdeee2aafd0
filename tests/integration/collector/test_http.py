"""What answers over HTTP have in common, and what is said instead of one."""

import json
from typing import Any

import aiohttp
import msgspec
import pytest

from protocol import answers
from tests.integration.collector.answering import DB, WEB, get, problem
from tests.integration.collector.cluster import ROOT


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
