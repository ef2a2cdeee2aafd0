"""Retention: old months go, a hold keeps them, a reader only delays them, and the chain stays proven."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from collector.errors import ProblemError
from collector.ledger import chain, checkpoints, restores
from collector.ledger.checkpoints import CheckpointFile
from collector.ledger.keeper import Keeper, Notary
from collector.ledger.restores import RestoreError
from collector.ledger.retention import enforce
from collector.ledger.signing import SigningKey
from collector.store import holds, ledger
from collector.store.engine import Database
from collector.store.ledger import AuditKind
from mountbook.local import holds as typed
from mountbook.local import ledger as verifying
from protocol.problems import ProblemType
from tests.integration.collector.node import Node, Rows, container

KEY = SigningKey(bytes(range(32)))
OLD = datetime(2024, 1, 15, tzinfo=UTC)


@pytest.fixture
def months(rows: Rows) -> Rows:
    """A register with a month of history and of the audit log that is too old, and one that is not."""
    for table in ("history", "audit_log"):
        rows.change(
            f"CREATE TABLE {table}_2024_01 PARTITION OF {table} "
            "FOR VALUES FROM ('2024-01-01 00:00:00+00') TO ('2024-02-01 00:00:00+00')"
        )
    return rows


def there(rows: Rows) -> list[str]:
    found = rows.ask("SELECT relname::text AS name FROM pg_class WHERE relname ~ '^(history|audit_log)_2024_01$'")
    return sorted(row["name"] for row in found)


def verified(rows: Rows, place: Path) -> verifying.Verdict:
    given = verifying.Witnesses(KEY.public, checkpoints.read_places([place]))
    return verifying.read(rows.url, given, lambda _: None)


async def chain_at(database: Database, when: datetime, number: int) -> None:
    """Chain some entries at a moment of the past."""
    async with database.ingest() as connection:
        await ledger.note(connection, AuditKind.ACCESS, *({"number": one} for one in range(number)))
        head = await ledger.lock_head(connection)
        assert head is not None
        noted = await ledger.waiting(connection)
        made = chain.hashes(head.hash, head.seq + 1, when, noted)
        await ledger.append(connection, noted, head.seq + 1, made, when)


async def sign(database: Database, place: Path) -> Keeper:
    keeper = Keeper(database, Notary(KEY, CheckpointFile(place, "c1")))
    stopped = asyncio.Event()
    stopped.set()
    await keeper.run(stopped)
    return keeper


async def test_a_month_of_history_goes_and_the_log_says_so(database: Database, months: Rows) -> None:
    kept = months.ask("SELECT count(*) AS n FROM pg_inherits")[0]["n"]
    left = await enforce(database, 13, KEY)
    assert (left, there(months)) == ([], [])
    assert months.ask("SELECT count(*) AS n FROM pg_inherits WHERE inhparent = 'history'::regclass")[0]["n"] > 0
    assert months.ask("SELECT count(*) AS n FROM pg_inherits")[0]["n"] < kept
    assert months.ask("SELECT body::json FROM audit_pending") == [{"body": {"partition": "history_2024_01"}}]


async def test_a_hold_keeps_everything_until_it_is_released(database: Database, months: Rows) -> None:
    made = await asyncio.to_thread(typed.add, months.url, "case 7", "ada", None)
    assert await enforce(database, 13, KEY) == []
    assert len(there(months)) == 2
    released = await asyncio.to_thread(typed.release, months.url, made.hold, "bob")
    assert (released.state, released.released_by) == ("released", "bob")
    await enforce(database, 13, KEY)
    assert there(months) == []
    await chain.extend(database)
    told = months.ask("SELECT body::json FROM audit_log WHERE kind = 'hold' ORDER BY seq")
    assert [(one["body"]["action"], one["body"]["by"], one["body"]["reason"]) for one in told] == [
        ("added", "ada", "case 7"),
        ("released", "bob", "case 7"),
    ]
    (record,) = await asyncio.to_thread(typed.list_holds, months.url)
    assert record.state == "released"


async def test_a_hold_ends_at_its_time(database: Database, months: Rows) -> None:
    async with database.ingest() as connection:
        await holds.add(connection, "case 8", "ada", datetime(2024, 1, 1, tzinfo=UTC))
        assert await holds.lasting(connection) == 0
    await enforce(database, 13, KEY)
    assert there(months) == []


async def test_the_audit_log_leaves_a_signed_anchor(database: Database, months: Rows, tmp_path: Path) -> None:
    await chain_at(database, OLD, 3)
    await sign(database, tmp_path)
    await chain_at(database, datetime.now(UTC), 2)
    assert [month.name for month in await enforce(database, 13, None)] == ["audit_log_2024_01"], "nothing to sign with"
    assert [month.name for month in await enforce(database, 13, KEY)] == ["audit_log_2024_01"], "its anchor is first"
    assert await enforce(database, 13, KEY) == []
    assert there(months) == []
    await sign(database, tmp_path)
    verdict = await asyncio.to_thread(verified, months, tmp_path)
    assert verdict.whole, verdict.what
    assert verdict.remarks == ["Entries up to 3 went with audit_log_2024_01, as a signed anchor says."]
    months.change("DELETE FROM audit_log WHERE seq = 4")
    verdict = await asyncio.to_thread(verified, months, tmp_path)
    assert (verdict.whole, verdict.first_bad) == (False, 1)


async def test_a_long_reader_delays_a_month_and_never_ingest(database: Database, months: Rows, node: Node) -> None:
    await node.hello()
    await node.snapshot(container(1))
    with psycopg.connect(months.url) as reader:
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        assert reader.execute("SELECT count(*) FROM history").fetchone() == (0,)
        for _ in range(2):  # at first it is detached by half, then that cannot be ended
            with pytest.raises(ProblemError) as caught:
                await enforce(database, 13, KEY)
            assert caught.value.kind is ProblemType.BUSY
        await node.delta(container(1, state="exited"))
        assert "history_2024_01" in there(months)
        assert len(months.closed()) == 1
        reader.rollback()
    await enforce(database, 13, KEY)
    assert there(months) == []


async def test_a_restored_backup_is_said_and_told_ever_after(database: Database, rows: Rows, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    await chain_at(database, now, 4)
    await sign(database, tmp_path)
    with pytest.raises(RestoreError, match="nothing is gone"):
        await restores.say(database, KEY, checkpoints.read_places([tmp_path]), "ada", "no reason")
    rows.change("DELETE FROM audit_log WHERE seq > 2")
    rows.change("UPDATE audit_head SET seq = 2, hash = (SELECT hash FROM audit_log WHERE seq = 2)")
    await chain_at(database, datetime.now(UTC), 5)
    assert not (await asyncio.to_thread(verified, rows, tmp_path)).whole
    said = await restores.say(database, KEY, checkpoints.read_places([tmp_path]), "ada", "the disk was lost")
    assert (said.first, said.last) == (1, 4)
    keeper = await sign(database, tmp_path)
    assert not keeper.set_back
    verdict = await asyncio.to_thread(verified, rows, tmp_path)
    assert verdict.whole, verdict.what
    assert "says ada" in verdict.remarks[0]
    assert "the disk was lost" in verdict.remarks[0]
