"""Credentials: made, found, revoked."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

import psycopg
import pytest
import pytest_asyncio

from collector import identity
from collector.config import Config
from collector.errors import ProblemError
from collector.identity import Authenticator, CredentialError
from collector.store import credentials
from collector.store.engine import Database
from collector.store.nodes import NodeIdentity
from collector.store.reader import Reader
from collector.store.wire import Found, Values
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


class Overheard(Reader):
    """A transaction in which it is noted how many tokens each question is about."""

    def __init__(self, reader: Reader, tokens: list[int]) -> None:
        self._reader, self._tokens = reader, tokens

    async def several(self, *statements: tuple[str, Values]) -> list[Found]:
        self._tokens += [given["hashes"].count("x") for _, given in statements if "hashes" in given]
        return await self._reader.several(*statements)


class Counting(Database):
    """Counts the transactions in which it is asked about tokens, and the tokens; none is answered while it is away."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.asked = self.most_at_once = self._under_way = 0
        self.tokens_asked: list[int] = []
        self.away = False
        self.answers = asyncio.Event()
        self.answers.set()

    @asynccontextmanager
    async def tokens(self) -> AsyncIterator[Reader]:
        self.asked += 1
        self._under_way += 1
        self.most_at_once = max(self.most_at_once, self._under_way)
        try:
            await self.answers.wait()
            if self.away:
                raise ProblemError(ProblemType.BUSY, "later")
            async with super().tokens() as reader:
                yield Overheard(reader, self.tokens_asked)
        finally:
            self._under_way -= 1


@pytest_asyncio.fixture
async def counting(database_url: str) -> AsyncIterator[Counting]:
    opened = Counting(Config(database_url=database_url))
    yield opened
    await opened.close()


async def _agents(database: Database, count: int) -> list[str]:
    made = await identity.add_agents(database, "swarm", [f"n{number}" for number in range(count)], "test")
    return list(made.values())


async def _revoke(database: Database, token: str) -> None:
    await identity.revoke(database, identity.token_hash(token).hex())


async def test_many_tokens_that_come_at_once_are_looked_up_together(counting: Counting) -> None:
    tokens = await _agents(counting, 200)
    authenticator = Authenticator(counting)
    found = await asyncio.gather(*map(authenticator.authenticate, tokens * 3))
    assert [one.node for one in found] == [NodeIdentity("swarm", f"n{number}") for number in range(200)] * 3
    assert counting.asked == 1
    await asyncio.gather(*map(authenticator.authenticate, tokens))
    assert counting.asked == 1


async def test_one_question_is_under_way_however_many_come_meanwhile(counting: Counting) -> None:
    tokens = await _agents(counting, 90)
    authenticator = Authenticator(counting)
    counting.answers.clear()
    crowd = []
    for place in range(0, 90, 30):
        crowd += [asyncio.create_task(authenticator.authenticate(token)) for token in tokens[place : place + 30]]
        await asyncio.sleep(0.01)
    counting.answers.set()
    await asyncio.gather(*crowd)
    assert (counting.asked, counting.most_at_once, counting.tokens_asked) == (2, 1, [30, 60])


async def test_more_than_are_remembered_are_found_all_the_same(counting: Counting) -> None:
    tokens = await _agents(counting, 20_050)
    authenticator = Authenticator(counting)
    found = await asyncio.gather(*map(authenticator.authenticate, tokens))
    assert len({one.node for one in found}) == len(tokens)
    await asyncio.gather(*map(authenticator.authenticate, tokens[:60]))
    assert counting.tokens_asked == [20_050, 50]


async def test_what_is_asked_again_does_not_grow_with_the_tokens_that_are_known(counting: Counting) -> None:
    tokens = await _agents(counting, 300)
    authenticator = Authenticator(counting, kept=0.02)
    await asyncio.gather(*map(authenticator.authenticate, tokens))
    for _ in range(5):
        await asyncio.sleep(0.03)
        await asyncio.gather(*map(authenticator.authenticate, tokens))
    assert counting.tokens_asked[0] == 300
    assert set(counting.tokens_asked[1:]) == {0}


async def test_nobody_waits_for_the_question_whether_anything_was_revoked(counting: Counting) -> None:
    (token,) = await _agents(counting, 1)
    authenticator = Authenticator(counting, kept=2.0)
    await authenticator.authenticate(token)
    await asyncio.sleep(1.1)
    counting.answers.clear()
    await asyncio.wait_for(authenticator.authenticate(token), 0.5)
    await asyncio.sleep(0)
    assert counting.asked == 2
    counting.answers.set()


async def test_a_revocation_counts_everywhere_when_its_time_is_over(database: Database, counting: Counting) -> None:
    kept = 0.3
    revoked, valid = await _agents(database, 2)
    elsewhere = Authenticator(counting, kept=kept)
    for token in (revoked, valid):
        await elsewhere.authenticate(token)
    await _revoke(database, revoked)
    over = last = monotonic()
    while monotonic() < over + 3 * kept:
        began = monotonic()
        with contextlib.suppress(ProblemError):
            await elsewhere.authenticate(revoked)
            last = began
        assert (await elsewhere.authenticate(valid)).role == "agent"
        await asyncio.sleep(0.01)
    assert last <= over + kept


async def test_a_revocation_that_is_committed_after_a_newer_one_counts_too(
    database: Database, database_url: str
) -> None:
    slow, quick, valid = await _agents(database, 3)
    authenticator = Authenticator(database, kept=0.0)
    with psycopg.connect(database_url) as connection:
        values = (identity.token_hash(slow),)
        connection.execute("UPDATE credentials SET revoked_at = clock_timestamp() WHERE token_hash = %s", values)
        await _revoke(database, quick)
        for token in (slow, valid):
            await authenticator.authenticate(token)
        connection.commit()
    await authenticator.authenticate(valid)
    with pytest.raises(ProblemError):
        await authenticator.authenticate(slow)


@pytest.mark.parametrize(
    "emptied",
    [
        "TRUNCATE credentials",
        "ALTER TABLE credentials RENAME TO former; CREATE TABLE credentials (LIKE former INCLUDING ALL)",
    ],
)
async def test_a_backup_that_is_put_back_lacks_what_it_lacks(
    database: Database, database_url: str, emptied: str
) -> None:
    kept, lacking = await _agents(database, 2)
    authenticator = Authenticator(database, kept=0.0)
    for token in (kept, lacking) * 3:  # often enough for the statements to be prepared
        await authenticator.authenticate(token)
    with psycopg.connect(database_url, autocommit=True) as connection:
        values = (identity.token_hash(kept),)
        connection.execute("CREATE TEMPORARY TABLE backup AS SELECT * FROM credentials WHERE token_hash = %s", values)
        for statement in emptied.split("; "):
            connection.execute(statement.encode())
        connection.execute("INSERT INTO credentials SELECT * FROM backup")
    assert (await authenticator.authenticate(kept)).role == "agent"
    with pytest.raises(ProblemError):
        await authenticator.authenticate(lacking)


async def test_a_row_that_somebody_deleted_is_believed_for_some_minutes_at_most(
    database: Database, database_url: str
) -> None:
    kept, lacking = await _agents(database, 2)
    authenticator = Authenticator(database, kept=0.0, remembered=0.2)
    for token in (kept, lacking):
        await authenticator.authenticate(token)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("DELETE FROM credentials WHERE token_hash = %s", (identity.token_hash(lacking),))
    await asyncio.sleep(0.2)
    assert (await authenticator.authenticate(kept)).role == "agent"
    with pytest.raises(ProblemError):
        await authenticator.authenticate(lacking)


async def test_what_fails_fails_for_all_who_wait_and_not_for_who_comes_later(counting: Counting) -> None:
    (token,) = await _agents(counting, 1)
    authenticator = Authenticator(counting)
    counting.away = True
    outcomes = await asyncio.gather(*(authenticator.authenticate(token) for _ in range(3)), return_exceptions=True)
    assert all(isinstance(outcome, ProblemError) for outcome in outcomes)
    counting.away = False
    assert (await authenticator.authenticate(token)).role == "agent"


async def test_without_an_answer_nothing_is_believed_for_longer(counting: Counting) -> None:
    (token,) = await _agents(counting, 1)
    authenticator = Authenticator(counting, kept=0.4)
    await authenticator.authenticate(token)
    counting.away = True
    await _revoke(counting, token)
    await asyncio.sleep(0.4)
    for _ in range(3):
        with pytest.raises(ProblemError, match="later"):
            await authenticator.authenticate(token)
    counting.away = False
    with pytest.raises(ProblemError, match="revoked"):
        await authenticator.authenticate(token)


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
