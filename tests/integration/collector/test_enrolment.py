"""Enrolment with the join secret, over HTTP: the first token of a node is taken, another waits for approval."""

import secrets
from collections.abc import AsyncIterator

import aiohttp
import msgspec
import pytest
import pytest_asyncio

from collector import enrolment, identity
from collector.config import Config
from collector.errors import StartError
from collector.identity import CredentialError, token_hash
from collector.store.engine import Database
from protocol.enrol import Enrol
from tests.integration.collector.node import Node, Rows
from tests.integration.collector.serving import collector

SECRET = "join-secret-of-this-test"
ADMIN = "admin-token-of-this-test"


@pytest_asyncio.fixture
async def http(database_url: str) -> AsyncIterator[aiohttp.ClientSession]:
    config = Config(database_url=database_url, host="0.0.0.0", join_secret=SECRET, admin_token=ADMIN, cluster="here")
    async with collector(config) as session:
        yield session


def wish(token: str, node: str = "n1", cluster: str = "") -> bytes:
    message = Enrol(cluster=cluster, node=node, token_hash=token_hash(token).hex(), hostname="host-1", engine_id="E1")
    return msgspec.json.encode(message)


async def enrol(http: aiohttp.ClientSession, body: bytes, secret: str = SECRET) -> tuple[int, dict[str, str]]:
    async with http.post("/api/v1/enroll", data=body, headers={"Authorization": f"Bearer {secret}"}) as response:
        return response.status, await response.json(content_type=None)


async def hello(http: aiohttp.ClientSession, database: Database, token: str) -> int:
    body = msgspec.json.encode(Node(database).hello_message())
    async with http.post("/api/v1/hello", data=body, headers={"Authorization": f"Bearer {token}"}) as response:
        return response.status


async def test_a_token_that_is_enrolled_speaks_for_its_node(
    http: aiohttp.ClientSession, database: Database, rows: Rows
) -> None:
    token = secrets.token_hex()
    assert await hello(http, database, token) == 401
    status, answer = await enrol(http, wish(token))
    assert (status, answer["cluster"], answer["node"]) == (200, "here", "n1")
    assert await hello(http, database, token) == 200
    assert (rows.node()["cluster"], rows.node()["node"]) == ("here", "n1")
    (row,) = rows.ask("SELECT row_to_json(e)::text AS everything FROM enrolments AS e")
    assert token not in row["everything"]


async def test_the_same_enrolment_again_changes_nothing(http: aiohttp.ClientSession, rows: Rows) -> None:
    token = secrets.token_hex()
    assert [(await enrol(http, wish(token)))[0] for _ in range(3)] == [200, 200, 200]
    assert len(rows.ask("SELECT FROM credentials WHERE role = 'agent'")) == 1
    assert [row["attempts"] for row in rows.ask("SELECT attempts FROM enrolments")] == [3]


@pytest.mark.parametrize("secret", ["", "another secret of that length", ADMIN])
async def test_without_the_join_secret_nobody_enrols(http: aiohttp.ClientSession, rows: Rows, secret: str) -> None:
    status, answer = await enrol(http, wish("token"), secret)
    assert (status, answer["type"]) == (401, "/problems/unauthenticated")
    assert rows.ask("SELECT FROM enrolments") == []


async def test_the_join_secret_reads_nothing(http: aiohttp.ClientSession) -> None:
    async with http.get("/api/v1/nodes", headers={"Authorization": f"Bearer {SECRET}"}) as response:
        assert response.status == 401


async def test_the_given_admin_token_reads(http: aiohttp.ClientSession) -> None:
    async with http.get("/api/v1/nodes", headers={"Authorization": f"Bearer {ADMIN}"}) as response:
        assert response.status == 200


async def test_a_second_token_of_a_node_waits_until_an_operator_approves_it(
    http: aiohttp.ClientSession, database: Database, rows: Rows
) -> None:
    old, new = secrets.token_hex(), secrets.token_hex()
    await enrol(http, wish(old))
    status, answer = await enrol(http, wish(new))
    assert (status, answer["type"]) == (409, "/problems/conflict")
    prefix = token_hash(new).hex()[:12]
    assert f"mountbook token approve {prefix}" in answer["detail"]
    assert [one.prefix for one in await enrolment.waiting(database)] == [prefix]
    assert (await hello(http, database, old), await hello(http, database, new)) == (200, 401)
    await enrolment.approve(database, prefix)
    assert (await enrol(http, wish(new)))[0] == 200
    assert await hello(http, database, new) == 200
    assert await enrolment.waiting(database) == []
    valid = rows.ask("SELECT token_hash FROM credentials WHERE role = 'agent' AND revoked_at IS NULL")
    assert [row["token_hash"] for row in valid] == [token_hash(new)]


async def test_after_the_old_token_is_revoked_a_new_one_is_taken_and_the_old_never_again(
    http: aiohttp.ClientSession, database: Database
) -> None:
    old, new = secrets.token_hex(), secrets.token_hex()
    await enrol(http, wish(old))
    await identity.revoke(database, token_hash(old).hex()[:12])
    assert (await enrol(http, wish(new)))[0] == 200
    status, answer = await enrol(http, wish(old))
    assert (status, answer["type"]) == (403, "/problems/forbidden")


async def test_a_token_of_another_node_or_role_is_refused(http: aiohttp.ClientSession) -> None:
    token = secrets.token_hex()
    await enrol(http, wish(token))
    assert (await enrol(http, wish(token, node="n2")))[0] == 403
    assert (await enrol(http, wish(ADMIN, node="n3")))[0] == 403


async def test_nodes_of_two_clusters_may_have_the_same_name(http: aiohttp.ClientSession) -> None:
    statuses = [(await enrol(http, wish(secrets.token_hex(), cluster=cluster)))[0] for cluster in ("a", "b")]
    assert statuses == [200, 200]


@pytest.mark.parametrize(
    "body", [b"{}", b"no json", wish("t", node=""), wish("t", node="n\x00"), wish("t", node="x" * 257)]
)
async def test_what_is_no_enrolment_is_named(http: aiohttp.ClientSession, rows: Rows, body: bytes) -> None:
    status, answer = await enrol(http, body)
    assert (status, answer["type"]) == (400, "/problems/bad-request")
    assert rows.ask("SELECT FROM enrolments") == []


async def test_a_collector_without_a_join_secret_enrols_nobody(database_url: str) -> None:
    async with collector(Config(database_url=database_url)) as session:
        status, answer = await enrol(session, wish("token"))
        assert (status, answer["type"]) == (403, "/problems/forbidden")


async def test_without_any_credential_it_still_refuses_to_listen_for_everybody(database_url: str) -> None:
    with pytest.raises(StartError, match="there is no credential yet"):
        async with collector(Config(database_url=database_url, host="0.0.0.0")):
            pass


async def test_approving_what_does_not_wait_is_named(database: Database) -> None:
    with pytest.raises(CredentialError, match="no enrolment that waits"):
        await enrolment.approve(database, "abcdef")
