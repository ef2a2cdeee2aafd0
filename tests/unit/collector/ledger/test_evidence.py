import io
import tarfile
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from collector.ledger.evidence import MANIFEST, SIGNATURE, EvidenceError, check, pack
from collector.ledger.signing import SigningKey

KEY = SigningKey(b"k" * 32)
FILES = {"README.txt": b"hello\n", "placement.json": b'{"containers": []}\n'}
FACTS: dict[str, Any] = {
    "generator": "mountbook 0.1.0",
    "created_at": "2026-01-31T12:00:00.000000Z",
    "ref": "web",
    "node": "",
    "at": "2026-01-31T11:00:00.000000Z",
    "since": "2026-01-30T11:00:00.000000Z",
    "until": "2026-01-31T11:00:00.000000Z",
    "register": "r",
    "chain_seq": 7,
    "chain_hash": "ab" * 32,
    "complete": True,
}
Members = dict[str, bytes]


def unpacked(archive: bytes) -> Members:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {one.name: file.read() for one in tar if (file := tar.extractfile(one)) is not None}


def packed(members: Members) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()


def test_what_was_packed_is_whole_and_says_who_signed_it() -> None:
    archive = pack(FILES, FACTS, KEY)
    for key in (KEY.public, None):
        checked = check(archive, key)
        assert (checked.key, checked.manifest.ref, checked.manifest.chain_seq) == (KEY.public, "web", 7)
    assert list(unpacked(archive)) == [MANIFEST, SIGNATURE, *FILES]
    assert pack(FILES, FACTS, KEY) == archive


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda all_: all_ | {"placement.json": b'{"containers": [1]}'}, "placement.json was changed"),
        (lambda all_: {name: all_[name] for name in all_ if name != "placement.json"}, "placement.json is missing"),
        (lambda all_: all_ | {"more.txt": b""}, "more.txt was added"),
        (lambda all_: all_ | {MANIFEST: all_[MANIFEST].replace(b'"web"', b'"www"')}, "was changed, or was not signed"),
        (lambda all_: all_ | {SIGNATURE: bytes(64)}, "was changed, or was not signed"),
        (lambda all_: all_ | {MANIFEST: b"{}"}, "cannot be read"),
        (lambda _: {"x": b""}, "is missing"),
    ],
)
def test_what_was_changed_is_found(change: Callable[[Members], Members], words: str) -> None:
    with pytest.raises(EvidenceError, match=words):
        check(packed(change(unpacked(pack(FILES, FACTS, KEY)))), KEY.public)


def test_another_key_is_found() -> None:
    with pytest.raises(EvidenceError, match="it says that it was signed with ed25519:"):
        check(pack(FILES, FACTS, SigningKey(b"x" * 32)), KEY.public)


@pytest.mark.parametrize("content", [b"", b"no archive at all", pack(FILES, FACTS, KEY)[:700]])
def test_what_is_no_archive_is_refused(content: bytes) -> None:
    with pytest.raises(EvidenceError):
        check(content, None)


def test_a_signature_for_something_else_does_not_serve() -> None:
    members = unpacked(pack(FILES, FACTS, KEY))
    members[SIGNATURE] = KEY.sign("checkpoint", members[MANIFEST])
    with pytest.raises(EvidenceError):
        check(packed(members), None)
    assert msgspec.json.decode(members[MANIFEST])["format"] == 1
