"""The key that signs what the collector vouches for: checkpoints, anchors, restores, evidence.

Ed25519 (RFC 8032). A key is 32 random bytes, kept as 64 hex digits in a file: any such file is a key, so that
``openssl rand -hex 32`` makes one. The public key is written ``ed25519:`` and 64 hex digits. Every signature is of
one purpose: what is signed begins with ``mountbook PURPOSE`` and a zero byte, so that none serves for another.
"""

import os
import re
import secrets
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from collector.errors import CollectorError

_PREFIX: Final = "ed25519:"
_SEED: Final = re.compile(r"[0-9a-f]{64}")
_LARGEST: Final = 4096
"""Bytes of a file beyond which it is no key."""


class SigningKeyError(CollectorError):
    """A key cannot be read, made, or is none; the sentence says which and what to do."""


class PublicKey:
    """The public half of a key: verifies what the other half signed. ``text`` is how it is written."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key
        self.text = _PREFIX + key.public_bytes_raw().hex()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"PublicKey({self.text})"

    def verifies(self, purpose: str, content: bytes, signature: bytes) -> bool:
        """Whether ``signature`` is this key's, of this content, for this purpose."""
        try:
            self._key.verify(signature, _signed(purpose, content))
        except InvalidSignature:
            return False
        return True


class SigningKey:
    """A key, in memory only as long as this object."""

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public: Final = PublicKey(self._key.public_key())

    def __repr__(self) -> str:
        return f"SigningKey({self.public.text})"

    def sign(self, purpose: str, content: bytes) -> bytes:
        """Return the signature of ``content``, 64 bytes, for one purpose (``checkpoint``, ``evidence`` …)."""
        return self._key.sign(_signed(purpose, content))


def key_of(text: str, place: str) -> SigningKey:
    """Return the key that is written so; ``place`` is where, for the error.

    Raises:
        SigningKeyError: it is none.
    """
    if not _SEED.fullmatch(text):
        raise SigningKeyError(
            f"{place} holds no signing key; it is 64 hex digits, as `openssl rand -hex 32` makes them"
        )
    return SigningKey(bytes.fromhex(text))


def read_key(path: str | os.PathLike[str]) -> SigningKey:
    """Read a key from its file.

    Raises:
        SigningKeyError: it cannot be read, or holds no key.
    """
    return key_of(_content(path, "signing key"), os.fspath(path))


def read_or_make_key(path: str | os.PathLike[str]) -> SigningKey:
    """Read a key from its file; where there is none, make one that only its owner can read.

    Raises:
        SigningKeyError: it cannot be read or made, or the file holds no key.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return read_key(path)
    except OSError as exc:
        raise SigningKeyError(f"the signing key {os.fspath(path)} cannot be made: {exc.strerror}") from exc
    with open(handle, "w") as file:
        file.write(secrets.token_hex(32) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return read_key(path)


def public_key(text: str) -> PublicKey:
    """Read a public key as it is written: ``ed25519:`` and 64 hex digits, with or without the word.

    Raises:
        SigningKeyError: it is none.
    """
    digits = text.strip().lower().removeprefix(_PREFIX)
    if not _SEED.fullmatch(digits):
        raise SigningKeyError(
            f"{text.strip()[:80]!r} is no public key; write {_PREFIX} and 64 hex digits, as the collector's log has it"
        )
    return PublicKey(Ed25519PublicKey.from_public_bytes(bytes.fromhex(digits)))


def read_public_key(given: str) -> PublicKey:
    """Read a public key from a text, or from the file that the text names.

    Raises:
        SigningKeyError: it is neither, or the file cannot be read.
    """
    return public_key(_content(given, "public key") if os.path.exists(given) else given)


def _content(path: str | os.PathLike[str], what: str) -> str:
    try:
        with Path(path).open("rb") as file:
            return file.read(_LARGEST).decode("ascii").strip()
    except OSError as exc:
        raise SigningKeyError(f"the {what} {os.fspath(path)} cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise SigningKeyError(f"the {what} {os.fspath(path)} is not text") from exc


def _signed(purpose: str, content: bytes) -> bytes:
    return b"mountbook " + purpose.encode() + b"\0" + content
