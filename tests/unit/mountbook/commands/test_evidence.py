"""``mountbook evidence`` and ``mountbook verify FILE``."""

import resource
import subprocess
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from collector.ledger.evidence import pack
from collector.ledger.signing import SigningKey
from protocol.problems import ProblemType
from tests.unit.collector.ledger.test_evidence import FACTS, FILES
from tests.unit.mountbook.conftest import Run
from tests.unit.mountbook.fake_collector import COMPLETE, FakeCollector, Reply

KEY = SigningKey(b"k" * 32)
ARCHIVE = pack(FILES, FACTS, KEY)


@pytest.fixture
def file(home: Path, collector: FakeCollector) -> Path:
    collector.give("/api/v1/evidence", Reply(ARCHIVE, media="application/x-tar"))
    return home / "web.tar"


def test_evidence_is_written_whole_and_verified(run: Run, collector: FakeCollector, file: Path) -> None:
    result = run("evidence", "web", "--at", "1h", "--since", "3h", "-o", str(file))
    assert result.exit_code == 0
    assert file.read_bytes() == ARCHIVE
    asked = collector.requests[-1].query
    assert (asked["ref"], asked["at"], asked["since"]) == (["web"], ["1h"], ["3h"])
    result = run("verify", str(file), "--public-key", KEY.public.text)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("Whole: web at 2026-01-31T11:00:00.000000Z, 2 files, signed with ed25519:")
    assert msgspec.json.decode(run("verify", str(file), "--json").stdout)["whole"] is True
    assert "anybody can sign" in run("verify", str(file)).stderr


def test_what_was_changed_is_found(run: Run, file: Path) -> None:
    file.write_bytes(ARCHIVE.replace(b"hello", b"hullo"))
    result = run("verify", str(file), "--public-key", KEY.public.text)
    assert result.exit_code == 1
    assert result.stdout == "BROKEN: README.txt was changed: its size or SHA-256 is not the manifest's.\n"
    assert msgspec.json.decode(run("verify", str(file), "--json").stdout)["whole"] is False


def test_what_is_not_found_leaves_no_file(run: Run, collector: FakeCollector, file: Path) -> None:
    collector.refuse("/api/v1/evidence", ProblemType.NOT_FOUND, "nothing here is called 'web'", coverage=COMPLETE)
    result = run("evidence", "web", "-o", str(file))
    assert result.exit_code == 1
    assert list(file.parent.iterdir()) == []


def test_a_full_disk_leaves_nothing_under_the_final_name(run: Run, file: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        result = run("evidence", "web", "-o", str(file))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert result.exit_code == 74
    assert "could not be written" in result.stderr
    assert list(file.parent.iterdir()) == []


def test_a_file_and_checkpoints_do_not_go_together(run: Run, file: Path, tmp_path: Path) -> None:
    file.write_bytes(ARCHIVE)
    assert run("verify", str(file), "--checkpoints", str(tmp_path)).exit_code == 2


def test_without_mountbook_it_is_verified_as_the_documentation_says(file: Path, tmp_path: Path) -> None:
    file.write_bytes(ARCHIVE)
    script = f"tar -xf {file}\n(printf 'mountbook evidence\\0'; cat manifest.json) > signed\n"
    subprocess.run(["sh", "-ec", script], cwd=tmp_path, check=True)
    key = load_der_public_key(bytes.fromhex("302a300506032b6570032100" + KEY.public.text.partition(":")[2]))
    assert isinstance(key, Ed25519PublicKey)
    key.verify((tmp_path / "manifest.sig").read_bytes(), (tmp_path / "signed").read_bytes())
