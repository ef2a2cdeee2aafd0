"""Who may ask and who may report, over HTTP."""

import aiohttp

from collector import identity
from collector.config import Config
from collector.store.engine import Database
from tests.integration.collector.answering import get, problem
from tests.integration.collector.cluster import Cluster
from tests.integration.collector.serving import collector


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
