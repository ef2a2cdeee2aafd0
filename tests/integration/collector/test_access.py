"""Every question is in the audit log before its answer leaves, and auditors read that log."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from collector import identity
from collector.config import Config
from collector.ledger import chain
from collector.store.engine import Database
from mountbook.client import Client
from mountbook.credentials import Token
from mountbook.errors import UserError
from mountbook.local import ledger as verifying
from mountbook.local import register
from protocol.audit import AuditStatus
from tests.integration.collector.node import Node, Rows, container
from tests.integration.collector.serving import collector


def accesses(rows: Rows) -> list[dict[str, object]]:
    """Every access, chained or not, in order."""
    found = rows.ask(
        "SELECT body::json FROM (SELECT 0 AS part, seq, kind, body FROM audit_log UNION ALL "
        "SELECT 1, id, kind, body FROM audit_pending) AS told WHERE kind = 'access' ORDER BY part, seq"
    )
    return [row["body"] for row in found]


async def test_what_was_asked_is_told_with_its_answer(database_url: str, node: Node, rows: Rows) -> None:
    await node.hello()
    await node.snapshot(container(1))
    async with collector(Config(database_url=database_url)) as session:
        assert (await session.get("/api/v1/where?ref=web-1")).status == 200
        assert (await session.get("/api/v1/where?ref=nobody")).status == 404
        paths = [f"/srv/{number}" for number in range(30)]
        assert (await session.post("/api/v1/whose", json={"paths": paths})).status == 200
        stream = await session.get("/api/v1/containers", headers={"Accept": "application/x-ndjson"})
        assert len((await stream.text()).splitlines()) == 2
        assert (await session.get("/healthz")).status == 200
    told = accesses(rows)
    assert [(one["question"], one["status"], one.get("rows")) for one in told] == [
        ("GET /api/v1/where?ref=web-1", 200, 1),
        ("GET /api/v1/where?ref=nobody", 404, None),
        ("POST /api/v1/whose", 200, 0),
        ("GET /api/v1/containers", 200, None),
    ]
    assert {(one["who"], one["role"], one["address"]) for one in told} == {("anonymous", "operator", "127.0.0.1")}
    assert (told[2]["paths"], told[2]["first_paths"]) == (30, paths[:20])


async def test_many_at_once_are_all_told(database_url: str, rows: Rows) -> None:
    async with collector(Config(database_url=database_url)) as session:
        answers = await asyncio.gather(*(session.get(f"/api/v1/where?ref=name-{number}") for number in range(40)))
    assert {answer.status for answer in answers} == {404}
    assert len({one["question"] for one in accesses(rows)}) == 40


async def test_only_auditors_read_the_audit_log(database_url: str, database: Database) -> None:
    tokens = {role: await identity.add(database, role) for role in ("operator", "auditor", "admin")}
    async with collector(Config(database_url=database_url)) as session:

        async def ask(role: str) -> int:
            answer = await session.get("/api/v1/audit", headers={"Authorization": f"Bearer {tokens[role]}"})
            return answer.status

        assert [await ask(role) for role in tokens] == [403, 200, 200]
        assert (await session.get("/api/v1/audit/log")).status == 401


async def test_verify_asks_a_collector_or_the_database_and_names_what_is_bad(
    database_url: str, database: Database, node: Node, rows: Rows, tmp_path: Path
) -> None:
    await node.hello()
    await node.snapshot(container(1))
    await node.delta(container(2))
    token = await identity.add(database, "auditor")
    config = Config(database_url=database_url, **register.ledger(tmp_path))
    async with collector(config) as session:
        url = str(session._base_url)
        answer = await session.get("/api/v1/audit", headers={"Authorization": f"Bearer {token}"})
        status = msgspec.json.decode(await answer.read(), type=AuditStatus)
        assert (status.first, status.key) == (1, (tmp_path / "signing.pub").read_text().strip())

        def ask() -> verifying.Verdict:
            with Client(url, Token(token, "the test")) as client:
                return verifying.ask(client, verifying.Witnesses(None, []), lambda _: None)

        verdict = await asyncio.to_thread(ask)
        assert verdict.whole
    # The collector has ended: what it had noted is chained and signed.
    given = verifying.witnesses([tmp_path / "checkpoints"], str(tmp_path / "signing.pub"))
    verdict = await asyncio.to_thread(verifying.read, database_url, given, lambda _: None)
    assert (verdict.whole, verdict.covered) == (True, verdict.last)
    assert verdict.last >= 5
    rows.change("UPDATE audit_log SET body = replace(body, 'n1', 'n2') WHERE seq = 2")
    verdict = await asyncio.to_thread(verifying.read, database_url, given, lambda _: None)
    assert (verdict.whole, verdict.first_bad) == (False, 2)
    assert await chain.extend(database) == 0


def test_checkpoints_and_key_go_together(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="go together"):
        verifying.witnesses([tmp_path], None)
    with pytest.raises(UserError, match="holds no checkpoints"):
        verifying.witnesses([tmp_path], "ed25519:" + "00" * 32)
