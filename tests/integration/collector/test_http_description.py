"""What the service says of itself: its description, its pages, its health."""

import json

import aiohttp

from collector.http import table
from collector.http.routes import Access
from tests.integration.collector.answering import get


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


def test_only_what_says_nothing_about_the_cluster_is_public() -> None:
    public = {route.path for route in table.ROUTES if route.access is Access.PUBLIC}
    assert public == {"/healthz", "/readyz", "/metrics", "/openapi.json"}


async def test_pages_come_without_help_from_other_hosts(http: aiohttp.ClientSession) -> None:
    for path in ("/", "/docs", "/static/page.css"):
        response, body = await get(http, path)
        assert response.status == 200, path
        assert b"://" not in body.replace(b"http://HOST:8480", b""), path
    _, body = await get(http, "/docs")
    assert all(route.summary.encode() in body for route in table.ROUTES if "'" not in route.summary)


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
