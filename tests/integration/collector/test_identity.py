"""Credentials: made, found, revoked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from collector import identity
from collector.config import Config
from collector.errors import ProblemError
from collector.identity import Authenticator, CredentialError
from collector.store import credentials
from collector.store.engine import Connection, Database
from collector.store.nodes import NodeIdentity
from protocol.problems import ProblemType
from tests.integration.collector.node import Rows


async def test_an_agents_token_says_which_node_it_speaks_for(database: Database) -> None:
    token = await identity.add(database, "agent", cluster="swarm", node="n1")
    who = await Authenticator(database).authenticate(token)
    assert (who.role, who.node, who.reads) == ("agent", NodeIdentity("swarm", "n1"), False)


@pytest.mark.parametrize("role", ["operator", "auditor", "admin"])
async def test_people_read_and_speak_for_no_node(database: Database, role: str) -> None:
    token = await identity.add(database, role, comment="Ada")
    who = await Authenticator(database).authenticate(token)
    assert (who.role, who.name, who.node, who.reads) == (role, "Ada", None, True)


async def test_the_token_itself_is_nowhere(database: Database, rows: Rows) -> None:
    token = await identity.add(database, "operator")
    (row,) = rows.ask("SELECT row_to_json(c)::text AS everything FROM credentials AS c")
    assert token not in row["everything"]
    assert len(token) >= 43


@pytest.mark.parametrize("token", ["", "mb_unknown", "x" * 10_000, "\udce9", "caf\u00e9"])
async def test_an_unknown_token_is_nobodys(database: Database, token: str) -> None:
    with pytest.raises(ProblemError) as caught:
        await Authenticator(database).authenticate(token)
    assert caught.value.kind is ProblemType.UNAUTHENTICATED


async def test_a_revoked_token_is_nobodys_once_it_is_looked_up_again(database: Database) -> None:
    token = await identity.add(database, "operator")
    patient, strict = Authenticator(database), Authenticator(database, kept=0.0)
    await patient.authenticate(token)
    await strict.authenticate(token)
    prefix = identity.token_hash(token).hex()[:8]
    revoked = await identity.revoke(database, prefix)
    assert revoked.revoked_at is not None
    await patient.authenticate(token)
    with pytest.raises(ProblemError):
        await strict.authenticate(token)
    with pytest.raises(CredentialError, match="no valid token"):
        await identity.revoke(database, prefix)


class Counting(Database):
    """Counts the questions that it is asked; the first ``failing`` ones go unanswered."""

    asked = 0
    failing = 0

    @asynccontextmanager
    async def tokens(self) -> AsyncIterator[Connection]:
        self.asked += 1
        if self.asked <= self.failing:
            raise ProblemError(ProblemType.BUSY, "later")
        async with super().tokens() as connection:
            yield connection


async def test_many_tokens_that_come_at_once_are_looked_up_together(database_url: str) -> None:
    database = Counting(Config(database_url=database_url))
    try:
        tokens = await identity.add_agents(database, "swarm", [f"n{number}" for number in range(200)], "test")
        authenticator = Authenticator(database)
        found = await asyncio.gather(*map(authenticator.authenticate, [*tokens.values()] * 3))
        assert [one.node for one in found] == [NodeIdentity("swarm", node) for node in tokens] * 3
        assert database.asked == 1
        await asyncio.gather(*map(authenticator.authenticate, tokens.values()))
        assert database.asked == 1
    finally:
        await database.close()


async def test_what_fails_fails_for_all_who_wait_and_not_for_who_comes_later(database_url: str) -> None:
    database = Counting(Config(database_url=database_url))
    database.failing = 1
    try:
        token = await identity.add(database, "operator")
        authenticator = Authenticator(database)
        outcomes = await asyncio.gather(*(authenticator.authenticate(token) for _ in range(3)), return_exceptions=True)
        assert all(isinstance(outcome, ProblemError) for outcome in outcomes)
        assert (await authenticator.authenticate(token)).role == "operator"
    finally:
        await database.close()


async def test_a_prefix_that_names_several_tokens_revokes_none(database: Database, rows: Rows) -> None:
    for number in range(2):
        async with database.ingest() as connection:
            digest = bytes.fromhex("abcdef" + f"{number:058x}")
            await credentials.add(connection, digest, "operator", NodeIdentity("", ""), "")
    with pytest.raises(CredentialError, match="2 tokens"):
        await identity.revoke(database, "abcdef")
    assert [row["revoked_at"] for row in rows.ask("SELECT revoked_at FROM credentials")] == [None, None]


@pytest.mark.parametrize("prefix", ["", "abc", "%", "zzzzzzzz"])
async def test_what_is_no_prefix_of_a_hash_revokes_nothing(database: Database, prefix: str) -> None:
    with pytest.raises(CredentialError, match="names no token"):
        await identity.revoke(database, prefix)


@pytest.mark.parametrize(
    ("role", "cluster", "node"),
    [("agent", "", ""), ("agent", "swarm", ""), ("operator", "swarm", "n1"), ("king", "", "")],
)
async def test_a_credential_that_makes_no_sense_is_not_made(
    database: Database, rows: Rows, role: str, cluster: str, node: str
) -> None:
    with pytest.raises(CredentialError):
        await identity.add(database, role, cluster=cluster, node=node)
    assert rows.ask("SELECT * FROM credentials") == []


async def test_a_given_token_may_be_made_again(database: Database) -> None:
    for _ in range(2):
        assert await identity.add(database, "operator", token="from-a-secret") == "from-a-secret"
    async with database.query() as connection:
        assert len(await credentials.list_all(connection)) == 1


async def test_reads_are_open_on_loopback_until_somebody_may_read(database: Database) -> None:
    assert not await identity.has_credentials(database)
    assert await identity.reads_are_open(database, "127.0.0.1")
    assert not await identity.reads_are_open(database, "0.0.0.0")
    await identity.add(database, "agent", cluster="swarm", node="n1")
    assert await identity.has_credentials(database)
    assert await identity.reads_are_open(database, "::1")
    await identity.add(database, "operator")
    assert not await identity.reads_are_open(database, "127.0.0.1")
