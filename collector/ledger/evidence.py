"""Evidence: one signed archive, that shows later that nothing in it was changed.

A tar file (POSIX ustar) with, first, ``manifest.json``: the name, size and SHA-256 of every other file but
``manifest.sig``, which is the Ed25519 signature of ``mountbook evidence``, a zero byte, and the manifest. Whoever has
the collector's public key from elsewhere can check it with standard tools (docs/operations.md has the commands).
"""

import hashlib
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from collector.errors import CollectorError
from collector.ledger.signing import PublicKey, SigningKey, SigningKeyError, public_key

PURPOSE: Final = "evidence"
MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.sig"
FORMAT: Final = 1
MOST: Final = 256 * 1024 * 1024
"""Bytes of an archive beyond which it is none of ours."""


class EvidenceError(CollectorError):
    """An archive is not what it was when it was signed, or none; the sentence says what is wrong."""


class File(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the archive."""

    name: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked, of which register, when, where its audit log stood, and what the archive holds.

    ``key`` is the public key that signed it; it proves nothing unless it is known from elsewhere.
    """

    format: int
    generator: str
    created_at: str
    ref: str
    node: str
    at: str
    since: str
    until: str
    register: str
    chain_seq: int
    chain_hash: str
    key: str
    complete: bool
    files: list[File]


@dataclass(frozen=True, slots=True)
class Checked:
    """An archive whose files are what the manifest says, and whose manifest is signed by ``key``."""

    manifest: Manifest
    key: PublicKey


def pack(files: Mapping[str, bytes], facts: Mapping[str, Any], key: SigningKey) -> bytes:
    """Return the archive of these files; ``facts`` are the other fields of the manifest."""
    listed = [
        File(name=name, size=len(content), sha256=hashlib.sha256(content).hexdigest())
        for name, content in files.items()
    ]
    manifest = Manifest(**facts, format=FORMAT, key=key.public.text, files=listed)
    written = msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in {MANIFEST: written, SIGNATURE: key.sign(PURPOSE, written), **files}.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o444
            tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()


def check(archive: bytes, key: PublicKey | None) -> Checked:
    """Check an archive; without a key, with the one that it names itself.

    Raises:
        EvidenceError: it is none, a file was changed, added or taken away, or the signature is not the key's.
    """
    found = _members(archive)
    written, signature = found.pop(MANIFEST, None), found.pop(SIGNATURE, None)
    if written is None or signature is None:
        raise EvidenceError(f"it is no evidence of Mountbook: {MANIFEST if written is None else SIGNATURE} is missing")
    try:
        manifest = msgspec.json.decode(written, type=Manifest)
        own = public_key(manifest.key)
    except (msgspec.DecodeError, UnicodeDecodeError, SigningKeyError) as exc:
        raise EvidenceError(f"{MANIFEST} cannot be read: {exc}") from exc
    by = key if key is not None else own
    if not by.verifies(PURPOSE, written, signature):
        said = "" if by == own else f"; it says that it was signed with {own.text}"
        raise EvidenceError(f"{MANIFEST} was changed, or was not signed with {by.text}{said}")
    if manifest.format != FORMAT:
        raise EvidenceError(f"its format is {manifest.format}; this release reads {FORMAT}")
    _compare(manifest, found)
    return Checked(manifest, by)


def _compare(manifest: Manifest, found: Mapping[str, bytes]) -> None:
    for file in manifest.files:
        content = found.get(file.name)
        if content is None:
            raise EvidenceError(f"{file.name} is missing")
        if len(content) != file.size or hashlib.sha256(content).hexdigest() != file.sha256:
            raise EvidenceError(f"{file.name} was changed: its size or SHA-256 is not the manifest's")
    if more := sorted(found.keys() - {file.name for file in manifest.files}):
        raise EvidenceError(f"{more[0]} was added: the manifest does not name it")


def _members(archive: bytes) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as tar:
            for member in tar:
                content = tar.extractfile(member)
                if content is None or member.name in found:
                    raise EvidenceError(f"{member.name!r} is no file, or is there twice")
                found[member.name] = content.read()
    except (tarfile.TarError, OSError, EOFError, ValueError) as exc:
        raise EvidenceError(f"it is no tar file, or damaged: {exc}") from exc
    return found
