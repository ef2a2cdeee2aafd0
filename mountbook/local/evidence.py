"""``mountbook verify FILE``: whether an archive of evidence is what the collector signed."""

from pathlib import Path

from collector.errors import CollectorError
from collector.ledger import evidence, signing
from collector.ledger.evidence import Checked
from mountbook.errors import UserError


class BrokenError(Exception):
    """The archive is not what it was when it was signed, or none."""


def check(path: Path, key: str | None) -> Checked:
    """Check an archive; without a key, with the one that it names itself.

    Raises:
        BrokenError: it is not whole.
        UserError: it, or the key, cannot be read.
    """
    try:
        known = signing.read_public_key(key) if key is not None else None
    except CollectorError as exc:
        raise UserError(str(exc)) from exc
    try:
        with path.open("rb") as file:
            content = file.read(evidence.MOST + 1)
    except OSError as exc:
        raise UserError(f"{path} cannot be read: {exc.strerror}.") from exc
    if len(content) > evidence.MOST:
        raise BrokenError(f"it has more than {evidence.MOST} bytes, which no evidence has")
    try:
        return evidence.check(content, known)
    except CollectorError as exc:
        raise BrokenError(str(exc)) from exc
