"""The audit log on a real PostgreSQL: everything accepted is chained, once, in order, whoever writes."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from collector import enrolment, identity
from collector.errors import ProblemError
from collector.ledger import chain, checkpoints, reading
from collector.ledger.checkpoints import CheckpointFile
from collector.ledger.keeper import Keeper, Notary
from collector.ledger.signing import SigningKey
from collector.ledger.verify import Finding, Verifier
from collector.store import ledger
from collector.store.engine import Database
from collector.store.ledger import AuditKind, Link
from protocol.enrol import Enrol
from protocol.problems import ProblemType
from tests.integration.collector.node import Node, Rows, container

KEY = SigningKey(bytes(range(32)))


async def chain_all(database: Database) -> int:
    total = 0
    while chained := await chain.extend(database):
        total += chained
    return total


async def verify(database: Database, place: Path | None = None, page: int = 3) -> Finding | None:
    given = [] if place is None else checkpoints.read_places([place])
    async with database.query() as connection:
        verifier = Verifier(await reading.known(connection), KEY.public if given else None, given)
        await reading.everything(connection, verifier.feed, page)
    return verifier.finish()


def told(rows: Rows, kind: str) -> list[dict[str, object]]:
    return [row["body"] for row in rows.ask("SELECT body::json FROM audit_log WHERE kind = %(k)s ORDER BY seq", k=kind)]


async def test_every_message_that_was_accepted_is_in_the_chain(database: Database, node: Node, rows: Rows) -> None:
    await node.hello()
    await node.snapshot(container(1))
    applied = await node.delta(container(2))
    message = node.delta_message([container(3)])
    await node.send(message)
    node.seq -= 1
    await node.send(message)  # the answer was lost: the same again
    assert await chain_all(database) == 4
    (hello,) = told(rows, "hello")
    assert (hello["node"], hello["generation"], hello["instance"]) == ("n1", node.generation, node.instance)
    states = told(rows, "state")
    assert [state["seq"] for state in states] == [1, 2, 3]
    assert states[1]["state_hash"] == applied.state_hash
    assert {(state["cluster"], state["node"], state["generation"]) for state in states} == {
        ("swarm", "n1", node.generation)
    }
    assert rows.ask("SELECT count(*) AS n FROM audit_pending") == [{"n": 0}]
    assert await verify(database) is None


async def test_what_is_refused_leaves_nothing(database: Database, node: Node, rows: Rows) -> None:
    await node.hello()
    with pytest.raises(ProblemError):
        await node.snapshot(container(1), state_hash="0" * 64)
    assert [row["kind"] for row in rows.ask("SELECT kind FROM audit_pending")] == ["hello"]


async def test_several_writers_make_one_chain(database: Database, rows: Rows) -> None:
    async def note(writer: int) -> None:
        for number in range(20):
            async with database.ingest() as connection:
                await ledger.note(connection, AuditKind.ACCESS, {"writer": writer, "number": number})
            await chain.extend(database)

    await asyncio.gather(*map(note, range(4)))
    await chain_all(database)
    entries = told(rows, "access")
    assert len(entries) == 80
    assert [one["number"] for one in entries if one["writer"] == 2] == list(range(20))
    assert await verify(database) is None


async def test_a_writer_that_dies_leaves_the_chain_as_it_was(database: Database, rows: Rows) -> None:
    async with database.ingest() as connection:
        await ledger.note(connection, AuditKind.ACCESS, {"number": 1})
    with pytest.raises(RuntimeError, match="killed"):
        await _chain_and_die(database)
    assert rows.ask("SELECT count(*) AS n FROM audit_log") == [{"n": 0}]
    assert await chain_all(database) == 1
    assert await verify(database) is None


async def _chain_and_die(database: Database) -> None:
    async with database.ingest() as connection:
        head = await ledger.lock_head(connection)
        assert head is not None
        noted = await ledger.waiting(connection)
        now = await ledger.now_or_later(connection, head.chained_at)
        await ledger.append(connection, noted, 1, chain.hashes(head.hash, 1, now, noted), now)
        assert await chain.extend(database) == 0, "while one writes, the other goes its way"
        raise RuntimeError("killed")


async def test_tokens_enrolments_and_conflicts_are_told(database: Database, node: Node, rows: Rows) -> None:
    token = await identity.add(database, "operator", comment="ada")
    await identity.add(database, "operator", comment="ada", token=token)
    await identity.revoke(database, identity.token_hash(token).hex()[:12])
    wish = Enrol(cluster="swarm", node="n9", hostname="h9", engine_id="e9", token_hash="ab" * 32)
    await enrolment.enrol(database, wish, cluster="swarm", address="10.0.0.9")
    second = msgspec.structs.replace(wish, token_hash="cd" * 32)
    for _ in range(2):
        with pytest.raises(ProblemError):
            await enrolment.enrol(database, second, cluster="swarm", address="10.0.0.9")
    await enrolment.approve(database, "cd" * 6)
    await chain_all(database)
    actions = [(one["action"], one["role"], one["node"]) for one in told(rows, "token")]
    assert actions == [
        ("made", "operator", ""),
        ("revoked", "operator", ""),
        ("made", "agent", "n9"),
        ("replaced", "agent", "n9"),
        ("made", "agent", "n9"),
    ]
    assert [(one["token"], one["outcome"]) for one in told(rows, "enrolment")] == [
        ("ab" * 6, "accepted"),
        ("cd" * 6, "waiting"),
        ("cd" * 6, "approved"),
    ]
    await node.hello()
    await node.snapshot(container(1))
    await Node(database).hello()
    for _ in range(2):
        node.attempt += 1
        with pytest.raises(ProblemError):
            await node.hello()
    await chain_all(database)
    assert [(one["node"], one["instance"]) for one in told(rows, "conflict")] == [("n1", node.instance)]


async def test_checkpoints_find_what_was_changed_behind_the_collectors_back(
    database: Database, rows: Rows, tmp_path: Path
) -> None:
    keeper = Keeper(database, Notary(KEY, CheckpointFile(tmp_path, "c1")))
    stopped = asyncio.Event()
    stopped.set()
    for number in range(3):
        async with database.ingest() as connection:
            await ledger.note(connection, AuditKind.ACCESS, {"number": number})
        await keeper.run(stopped)
    assert keeper.checkpoint is not None
    assert keeper.checkpoint.seq == 3
    assert await verify(database, tmp_path) is None
    rows.change("UPDATE audit_log SET body = '{\"number\":7}' WHERE seq = 2")
    finding = await verify(database, tmp_path)
    assert finding is not None
    assert finding.first == 2
    rows.change("DELETE FROM audit_log WHERE seq > 1")
    rows.change("UPDATE audit_head SET seq = 1, hash = (SELECT hash FROM audit_log WHERE seq = 1)")
    finding = await verify(database, tmp_path)
    assert finding is not None
    assert (finding.first, finding.last) == (2, 3)
    again = Keeper(database, Notary(KEY, CheckpointFile(tmp_path, "c1")))
    await again.run(stopped)
    assert again.set_back
    await chain_all(database)
    assert [one["checkpoint"] for one in told(rows, "set-back")] == [3]


async def test_pages_lose_nothing_and_pass_over_nothing(database: Database, rows: Rows) -> None:
    for number in range(11):
        async with database.ingest() as connection:
            await ledger.note(connection, AuditKind.ACCESS, {"number": number, "path": "/srv/müll \\ 🐳"})
        if number % 4 == 3:
            await chain.extend(database)
    await chain_all(database)
    async with database.query() as connection:
        found: list[list[Link]] = []

        def take(page: list[Link]) -> bool:
            found.append(page)
            return True

        await reading.everything(connection, take, 4)
        assert [len(page) for page in found] == [4, 4, 3]
        assert [link for page in found for link in page] == await ledger.of_kind(connection, AuditKind.ACCESS)
    assert await verify(database) is None
    again = (
        "INSERT INTO audit_log SELECT seq, chained_at + interval '1 microsecond', at, kind, body, hash FROM audit_log"
    )
    rows.change(f"{again} WHERE seq = 3")
    for page in (2, 3, 4):
        finding = await verify(database, page=page)
        assert finding is not None
        assert (finding.first, finding.what) == (3, "entry 3 is there twice")


async def test_a_database_that_goes_away_while_the_log_is_read_is_a_problem_that_is_named(
    database: Database, rows: Rows
) -> None:
    async with database.ingest() as connection:
        await ledger.note(connection, AuditKind.ACCESS, *({"number": number} for number in range(5)))
    await chain_all(database)
    kill = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name = 'mountbook collector (query)'"
    )

    def take(_page: list[Link]) -> bool:
        rows.ask(kill)
        return True

    with pytest.raises(ProblemError) as caught:
        async with database.query() as connection:
            await reading.everything(connection, take, 1)
    assert caught.value.kind is ProblemType.UNAVAILABLE


async def test_an_end_of_time_in_an_entry_is_an_edit_like_any(database: Database, rows: Rows) -> None:
    async with database.ingest() as connection:
        await ledger.note(connection, AuditKind.ACCESS, {"number": 1})
    await chain_all(database)
    for edit in ("at = 'infinity'", "at = '-infinity'", "hash = ''", "kind = ''"):
        rows.change(f"UPDATE audit_log SET {edit}")
        finding = await verify(database)
        assert finding is not None
        assert finding.first == 1


async def test_what_a_collector_without_an_audit_log_accepts_is_noted_by_the_database(
    database: Database, node: Node, rows: Rows
) -> None:
    """As release 0.1 writes it: the node's row is advanced, or begins a generation, and nothing else."""
    advance = "UPDATE nodes SET last_seq = last_seq + 1, changed_at = clock_timestamp(), state_hash = '\\xab'"
    await node.hello()
    await node.snapshot(container(1))
    rows.change(advance)
    rows.change("UPDATE nodes SET changed_at = clock_timestamp()")
    node.seq += 1
    hashed = rows.ask("SELECT encode(state_hash, 'hex') AS h FROM nodes")[0]["h"]
    rows.change("UPDATE nodes SET generation = '9-old', last_seq = 0, instance = 'i9'")
    rows.change(advance)
    rows.change(advance)
    await chain_all(database)
    assert [(one["seq"], one.get("noted_by")) for one in told(rows, "state")] == [
        (1, None),
        (2, "database"),
        (1, "database"),
        (2, "database"),
    ]
    assert told(rows, "state")[1]["state_hash"] == hashed == "ab"
    assert (told(rows, "hello")[1]["generation"], told(rows, "hello")[1]["instance"]) == ("9-old", "i9")
    assert await verify(database) is None
    rows.change(advance)
    rows.change(advance)
    rows.change("DELETE FROM audit_pending WHERE id = (SELECT min(id) FROM audit_pending)")
    await chain_all(database)
    finding = await verify(database)
    assert finding is not None
    assert "message 4 of node n1" in finding.what
