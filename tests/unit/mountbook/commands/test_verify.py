"""The audit log as a collector sends it, compared with checkpoints by the command."""

from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import pytest

from collector.store.ledger import Link
from mountbook.errors import UNREACHABLE
from protocol.audit import AuditEnd, AuditEntry, AuditStatus
from tests.unit.collector.ledger.chains import KEY, REGISTER, Chain, chained, other, state
from tests.unit.mountbook.conftest import Run
from tests.unit.mountbook.fake_collector import FakeCollector, Reply, Request

WHOLE = chained([other(number) if number % 3 else state(number // 3) for number in range(1, 700)])


def line(link: Link) -> bytes:
    """An entry as a collector sends it."""
    return msgspec.json.encode(AuditEntry(**{**link._asdict(), "hash": link.hash.hex()})) + b"\n"


@dataclass(frozen=True)
class Sent:
    """What the collector says; ``cut`` are the bytes that its stream lacks, ``claimed`` how many entries it names."""

    chain: Chain = WHOLE
    cut: int = 0
    claimed: int | None = None

    def log(self, request: Request) -> Reply:
        links = () if "kind" in request.query else self.chain.links
        claimed = len(links) if self.claimed is None or not links else self.claimed
        body = b"".join(map(line, links)) + msgspec.json.encode(AuditEnd(entries=claimed)) + b"\n"
        return Reply(body[: -self.cut] if links and self.cut else body, media="application/x-ndjson")

    def by(self, collector: FakeCollector) -> None:
        seq, made = self.chain.head
        status = AuditStatus(
            register=str(REGISTER),
            first=1,
            seq=seq,
            hash=made.hex(),
            chained_at="2026-01-01T00:00:00.000000Z",
            waiting=0,
            key=KEY.public.text,
        )
        collector.give("/api/v1/audit", Reply(msgspec.json.encode(status)))
        collector.give("/api/v1/audit/log", self.log)


@pytest.fixture
def witnesses(tmp_path: Path) -> list[str]:
    """The options that name a checkpoint, and the key that signed it."""
    made = tmp_path / "checkpoints-c-2026-01.jsonl"
    made.write_bytes(msgspec.json.encode(WHOLE.checkpoint(690)) + b"\n")
    return ["--checkpoints", str(made), "--public-key", KEY.public.text]


def test_a_log_that_nobody_touched_is_whole(run: Run, collector: FakeCollector, witnesses: list[str]) -> None:
    Sent().by(collector)
    result = run("verify", *witnesses)
    assert (result.exit_code, result.stdout) == (0, "Whole: every entry up to 699 is as it was chained.\n")
    assert "1 checkpoints cover it up to entry 690" in result.stderr


def test_the_first_bad_entry_is_named(run: Run, collector: FakeCollector, witnesses: list[str]) -> None:
    links = WHOLE.links
    for tampered, first in (
        ((*links[:300], links[300]._replace(at=0), *links[301:]), "301"),
        ((*links[:300], *links[302:]), "301 to 302"),
        (links[:680], "681 to 699"),
    ):
        Sent(replace(WHOLE, links=tampered)).by(collector)
        result = run("verify", *witnesses)
        assert result.exit_code == 1
        assert f"First bad entry: {first}.\n" in result.stdout


@pytest.mark.parametrize("sent", [Sent(cut=20), Sent(cut=200), Sent(cut=60_000), Sent(claimed=698)])
def test_a_stream_that_is_not_whole_says_nothing_of_the_log(
    run: Run, collector: FakeCollector, witnesses: list[str], sent: Sent
) -> None:
    sent.by(collector)
    result = run("verify", *witnesses)
    assert (result.exit_code, result.stdout) == (UNREACHABLE, "")
    assert "Traceback" not in result.stderr
