"""The signing key: kept in a file, and each signature good for one purpose."""

import stat
from pathlib import Path

import pytest

from collector.ledger import signing
from collector.ledger.signing import SigningKey, SigningKeyError

SEED = bytes(range(32))


def test_a_signature_is_good_for_its_content_and_its_purpose_only() -> None:
    key = SigningKey(SEED)
    signature = key.sign("checkpoint", b"seven")
    assert key.public.verifies("checkpoint", b"seven", signature)
    assert not key.public.verifies("checkpoint", b"eight", signature)
    assert not key.public.verifies("evidence", b"seven", signature)
    assert not key.public.verifies("checkpoint", b"seven", bytes(64))
    assert not key.public.verifies("checkpoint", b"seven", b"short")
    assert not SigningKey(bytes(32)).public.verifies("checkpoint", b"seven", signature)


def test_a_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "key"
    made = signing.read_or_make_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert signing.read_or_make_key(path).public == made.public == signing.read_key(path).public


def test_the_public_key_is_read_from_a_text_or_a_file(tmp_path: Path) -> None:
    public = SigningKey(SEED).public
    (tmp_path / "public").write_text(public.text + "\n")
    assert signing.read_public_key(str(tmp_path / "public")) == public
    assert signing.read_public_key(public.text) == public
    assert signing.public_key(public.text.removeprefix("ed25519:").upper()) == public


@pytest.mark.parametrize("content", [b"", b"abc", b"\xff" * 64, b"g" * 64, b"00" * 33])
def test_what_is_no_key_is_said_with_its_place(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(SigningKeyError, match=str(path)):
        signing.read_key(path)


def test_a_key_that_cannot_be_read_or_made_is_said_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(SigningKeyError, match="No such file"):
        signing.read_key(tmp_path / "none")
    with pytest.raises(SigningKeyError, match="No such file"):
        signing.read_or_make_key(tmp_path / "none" / "key")
    with pytest.raises(SigningKeyError, match="is no public key"):
        signing.read_public_key("ed25519:zz")


def test_a_key_does_not_show_itself() -> None:
    assert SEED.hex() not in repr(SigningKey(SEED))
