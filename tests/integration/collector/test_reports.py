"""Reports over HTTP, of what the ingest code wrote."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import psycopg
import pytest
import pytest_asyncio

from collector import identity
from collector.config import Config
from collector.http import reports
from collector.store.engine import Database
from collector.store.nodes import NodeIdentity
from protocol import times
from protocol.entries import LABEL_SERVICE, LABEL_STACK, Entry, Image, LayerUse
from protocol.problems import Problem
from protocol.reports import END, FORMATS, REPORTS, Format, ReportDocument
from tests.integration.collector.node import ROOT, Node, Rows, container, layer
from tests.integration.collector.serving import collector

DIGEST = "sha256:" + "d1" * 32
IMAGE = Image(
    root=ROOT, key="sha256:" + "1a" * 32, tags=("shop/web:2",), digests=(f"shop/web@{DIGEST}",), platform="linux/amd64"
)
LOCAL = Image(root=ROOT, key="sha256:" + "2b" * 32, tags=("made-here:1",))
WEB = container(1, labels={LABEL_SERVICE: "shop_web", LABEL_STACK: "shop"}, name="shop_web.1.x")
ROGUE = container(2, name="=cmd()", state="running")
ORPHAN = layer(9, use=LayerUse.ORPHAN, evidence="no layer record names it")
OTHER = NodeIdentity("swarm", "n2")
EVERYTHING: tuple[Entry, ...] = (WEB, ROGUE, ORPHAN, IMAGE, LOCAL)


@pytest_asyncio.fixture
async def http(database_url: str, database: Database, node: Node) -> AsyncIterator[aiohttp.ClientSession]:
    await node.hello()
    await node.snapshot(*EVERYTHING)
    async with collector(Config(database_url=database_url)) as session:
        yield session


async def report(http: aiohttp.ClientSession, name: str, **query: Any) -> ReportDocument:
    async with http.get(f"/api/v1/reports/{name}", params=query) as response:
        body = await response.read()
        assert response.status == 200, body
        assert END["json"].search(body)
        return msgspec.json.decode(body, type=ReportDocument)


async def refused(
    http: aiohttp.ClientSession, name: str, status: int = 400, query: dict[str, str] | None = None
) -> Problem:
    async with http.get(f"/api/v1/reports/{name}", params=query or {}) as response:
        body = await response.read()
        assert response.status == status, body
        return msgspec.json.decode(body, type=Problem)


async def test_every_report_names_its_window_filters_coverage_and_the_head_of_the_log(
    http: aiohttp.ClientSession,
) -> None:
    for name, about in REPORTS.items():
        found = await report(http, name)
        head = found.report
        assert (head.name, head.about, head.filters, head.coverage.nodes) == (name, about, [], 1)
        assert head.since < head.until <= head.generated_at
        assert head.generator.startswith("mountbook ")
        assert len(head.audit_log.hash) == 64
        assert found.end.rows == len(found.rows)
        assert all(list(row) == [column.name for column in found.columns] for row in found.rows)


async def test_the_inventory_lists_containers_with_their_directories(http: aiohttp.ClientSession) -> None:
    rows = {row["name"]: row for row in (await report(http, "inventory")).rows}
    assert set(rows) == {"shop_web.1.x", "=cmd()"}
    web = rows["shop_web.1.x"]
    assert (web["service"], web["stack"], web["directory"]) == ("shop_web", "shop", WEB.diff_path)
    assert (web["certain"], web["hostname"]) == (True, "host-1")
    only = await report(http, "inventory", filter="service=shop_web")
    assert [row["name"] for row in only.rows] == ["shop_web.1.x"]
    assert only.report.filters == ["service=shop_web"]


async def test_the_inventory_is_that_of_the_end_of_the_window(http: aiohttp.ClientSession, node: Node) -> None:
    before = (await report(http, "inventory")).report.until
    await node.delta(removes=[ROGUE])
    assert [row["name"] for row in (await report(http, "inventory")).rows] == ["shop_web.1.x"]
    then = await report(http, "inventory", until=before)
    assert {row["name"] for row in then.rows} == {"shop_web.1.x", "=cmd()"}


async def test_rogue_containers_are_listed_also_when_they_are_gone(http: aiohttp.ClientSession, node: Node) -> None:
    (row,) = (await report(http, "rogue")).rows
    assert (row["name"], row["ended"]) == ("=cmd()", None)
    await node.delta(container(2, name="=cmd()", state="exited", exit_code=3))
    exited = (await report(http, "rogue")).report.until
    await node.delta(removes=[ROGUE])
    (gone,) = (await report(http, "rogue", since=exited)).rows
    assert (gone["state"], gone["exit_code"], gone["seen"]) == ("exited", 3, None)
    assert gone["first"] == row["first"], "what was before the window counts"
    assert gone["ended"]["before"] > exited
    assert (await report(http, "rogue")).rows == [gone]
    (then,) = (await report(http, "rogue", until=exited)).rows
    assert (then["ended"], then["state"]) == (None, "exited"), "what came after the window does not count"
    assert then["seen"] == gone["ended"]["after"]


async def test_orphans_have_their_evidence_and_when_they_were_seen(http: aiohttp.ClientSession, node: Node) -> None:
    (row,) = (await report(http, "orphans")).rows
    assert (row["directory"], row["evidence"]) == (f"{ROOT}/overlay2/layer9", "no layer record names it")
    assert row["seen"] is not None
    await node.delta(removes=[ORPHAN])
    (row,) = (await report(http, "orphans")).rows
    assert row["seen"] is None
    assert row["ended"]["before"] > row["first"]["before"]


async def test_images_say_where_each_digest_was(http: aiohttp.ClientSession, database: Database) -> None:
    other = Node(database, identity=OTHER)
    await other.hello()
    await other.snapshot(IMAGE)
    rows = (await report(http, "images")).rows
    assert [(row["digest"], row["node"], row["names"]) for row in rows] == [
        ("", "n1", ["made-here:1"]),
        (DIGEST, "n1", ["shop/web:2", f"shop/web@{DIGEST}"]),
        (DIGEST, "n2", ["shop/web:2", f"shop/web@{DIGEST}"]),
    ]


async def test_changes_tell_what_died_with_which_exit_code(http: aiohttp.ClientSession, node: Node) -> None:
    start = (await report(http, "changes")).report.until
    finished = "2026-01-01T00:00:00.000000000Z"
    await node.delta(container(2, name="=cmd()", state="exited", exit_code=137, oom_killed=True, finished_at=finished))
    (row,) = (await report(http, "changes", since=start)).rows
    assert (row["events"], row["exit_code"], row["oom_killed"]) == (["died (137, OOM)"], 137, True)
    assert row["engine_at"] == finished
    assert start < row["at"]["before"]


async def test_an_agents_outage_is_named_exactly(
    http: aiohttp.ClientSession, node: Node, rows: Rows, database: Database
) -> None:
    """Two nodes; one agent is away for ten minutes by PostgreSQL's clock, then says hello again."""
    other = Node(database, identity=OTHER)
    await other.hello()
    await other.snapshot(WEB)
    rows.change("UPDATE nodes SET engine_id = node")
    # For the register an hour passes, in the last ten minutes of which one agent is not heard.
    rows.change(
        "UPDATE nodes SET observed_since = observed_since - interval '1 hour', changed_at = changed_at - interval '1 h'"
    )
    of_n1 = "node_id = (SELECT id FROM nodes WHERE node = 'n1')"
    rows.change(f"UPDATE node_heartbeats SET heard_at = heard_at - interval '10 min' WHERE {of_n1}")
    silent_from: datetime = rows.ask(f"SELECT heard_at FROM node_heartbeats WHERE {of_n1}")[0]["heard_at"]
    during = await report(http, "coverage", since="30m")
    (lasting,) = [row for row in during.rows if row["reason"] != "observed"]
    assert (lasting["node"], lasting["reason"], lasting["before"]) == ("n1", "silent", "it lasts")
    assert lasting["after"] == times.to_text(silent_from)
    assert not during.report.coverage.complete

    back = await node.delta(container(3))
    after = await report(http, "coverage", since="30m")
    (gap,) = [row for row in after.rows if row["reason"] != "observed"]
    assert (gap["node"], gap["reason"]) == ("n1", "silent")
    assert gap["after"] == times.to_text(silent_from)
    end = datetime.fromisoformat(gap["before"])
    assert abs(end - datetime.fromtimestamp(back.server_time, UTC)) < timedelta(milliseconds=1)
    assert gap["seconds"] == pytest.approx((end - silent_from).total_seconds(), abs=0.002)
    assert [(one.node, one.reason) for one in after.report.coverage.missing] == [("n1", "silent")]
    assert after.report.coverage.nodes_observed == 1

    (row,) = [row for row in after.rows if row["node"] == "n2"]
    assert (row["reason"], row["observed_percent"]) == ("observed", 100.0)
    before = times.to_text(silent_from - timedelta(minutes=1))
    assert all(row["reason"] == "observed" for row in (await report(http, "coverage", since="40m", until=before)).rows)
    inventory = await report(http, "inventory", since="30m")
    assert [one.after for one in inventory.report.coverage.missing] == [times.to_text(silent_from)]


REFUSED: tuple[tuple[dict[str, str], str], ...] = (
    ({"since": "2126-01-01T00:00:00Z"}, "yet to come"),
    ({"until": "2126-01-01T00:00:00Z"}, "yet to come"),
    ({"since": "2000-01-01T00:00:00Z"}, "before the register's first record"),
    ({"until": "2000-01-01T00:00:00Z"}, "before"),
    ({"since": "2026-01-01T00:00:00"}, "has no time zone"),
    ({"since": "last tuesday"}, "is not a time"),
    ({"since": "0s", "until": "1ms"}, "before it begins"),
    ({"format": "docx"}, "format"),
    ({"filter": "nonsense=1"}, "there is no filter 'nonsense'"),
    ({"filter": "name"}, "is no filter"),
    ({"limit": "3"}, "limit"),
)


async def test_what_cannot_be_asked_is_refused_in_words(http: aiohttp.ClientSession) -> None:
    for query, words in REFUSED:
        assert words in (await refused(http, "inventory", query=query)).detail, query


async def test_an_unknown_report_is_answered_with_those_there_are(http: aiohttp.ClientSession) -> None:
    detail = (await refused(http, "inventry")).detail
    assert all(name in detail for name in REPORTS)


async def test_an_unknown_node_is_not_found(http: aiohttp.ClientSession) -> None:
    assert "no node is called" in (await refused(http, "coverage", 404, {"node": "nowhere"})).detail
    assert "about nodes" in (await refused(http, "integrity", query={"node": "n1"})).detail


async def test_a_register_without_any_node_has_reports_that_cover_nothing(database_url: str) -> None:
    async with collector(Config(database_url=database_url)) as session:
        for name in REPORTS:
            found = await report(session, name)
            assert not found.report.coverage.complete
            assert name in ("access", "integrity") or not found.rows


async def test_the_access_log_says_who_asked_what(http: aiohttp.ClientSession) -> None:
    await report(http, "inventory", filter="service=shop_web")
    await refused(http, "inventory", query={"until": "2126-01-01T00:00:00Z"})
    rows = (await report(http, "access")).rows
    assert [(row["who"], row["role"], row["question"], row["status"]) for row in rows] == [
        ("anonymous", "operator", "GET /api/v1/reports/inventory?filter=service%3Dshop_web", 200),
        ("anonymous", "operator", "GET /api/v1/reports/inventory?until=2126-01-01T00:00:00Z", 400),
    ]
    assert not (await report(http, "access", filter="who=nobody")).rows


async def test_only_auditors_get_reports_and_tokens_are_listed(database_url: str, database: Database) -> None:
    tokens = {role: await identity.add(database, role, comment=f"the {role}") for role in ("operator", "auditor")}
    async with collector(Config(database_url=database_url)) as session:
        headers = {"Authorization": f"Bearer {tokens['operator']}"}
        async with session.get("/api/v1/reports/enrolments", headers=headers) as response:
            assert response.status == 403
        session.headers["Authorization"] = f"Bearer {tokens['auditor']}"
        rows = (await report(session, "enrolments")).rows
    assert [(row["event"], row["role"], row["comment"]) for row in rows] == [
        ("token", "operator", "the operator"),
        ("token", "auditor", "the auditor"),
    ]


async def test_integrity_says_whether_the_log_holds(
    database_url: str, database: Database, node: Node, rows: Rows, tmp_path: Path
) -> None:
    key = "5" * 64
    await node.hello()
    await node.snapshot(*EVERYTHING)
    config = Config(database_url=database_url, signing_key=key, checkpoints=str(tmp_path))
    async with collector(config) as session:
        await _until(lambda: rows.ask("SELECT seq FROM audit_head")[0]["seq"] >= 2)
        found = await report(session, "integrity")
        checks = {row["check"]: row for row in found.rows}
        assert checks["chain"]["result"] == "holds"
        assert found.report.audit_log.hash in checks["chain"]["detail"]
    # It signs once more when it stops.
    async with collector(config) as session:
        checks = {row["check"]: row for row in (await report(session, "integrity")).rows}
        assert checks["chain"]["result"] == "holds"
        assert "signed with ed25519:" in checks["checkpoints"]["detail"]
        rows.change("UPDATE audit_log SET body = replace(body, 'n1', 'n7') WHERE seq = 2")
        (chain, *_) = (await report(session, "integrity")).rows
        assert chain["result"] == "broken"
        assert "entry 2" in chain["detail"]


async def test_the_other_formats_are_files_with_an_end(http: aiohttp.ClientSession) -> None:
    kinds: tuple[Format, ...] = ("html", "csv", "pdf")
    for kind in kinds:
        async with http.get("/api/v1/reports/rogue", params={"format": kind}) as response:
            body = await response.read()
            assert response.content_type == FORMATS[kind]
            assert f'.{kind}"' in response.headers["Content-Disposition"]
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert END[kind].search(body)
            if kind == "csv":
                row = list(csv.DictReader(line for line in io.StringIO(body.decode()) if not line.startswith("# ")))
                assert [one["name"] for one in row] == ["'=cmd()"]


async def test_more_reports_at_once_than_a_collector_makes_are_asked_to_wait(
    http: aiohttp.ClientSession, rows: Rows
) -> None:
    with psycopg.connect(rows.url) as blocking:
        blocking.execute("LOCK TABLE gaps IN ACCESS EXCLUSIVE MODE")
        waiting = [asyncio.create_task(report(http, "inventory")) for _ in range(reports.AT_ONCE)]
        await _until(
            lambda: (
                len(rows.ask("SELECT FROM pg_locks WHERE relation = 'gaps'::regclass AND NOT granted"))
                == reports.AT_ONCE
            )
        )
        assert "are being made already" in (await refused(http, "coverage", 503)).detail
    assert [len((await one).rows) for one in waiting] == [2] * reports.AT_ONCE
    assert len((await _once_there_is_room(http, "coverage")).rows) == 1


async def _once_there_is_room(http: aiohttp.ClientSession, name: str) -> ReportDocument:
    """Ask until the collector is through with earlier ones: it ends their transactions after their answers left."""
    for _ in range(600):
        async with http.get(f"/api/v1/reports/{name}") as response:
            if response.status != 503:
                break
        await asyncio.sleep(0.1)
    return await report(http, name)


async def _until(reached: Callable[[], bool]) -> None:
    for _ in range(600):
        if reached():
            return
        await asyncio.sleep(0.1)
    pytest.fail("it did not come about within a minute")
